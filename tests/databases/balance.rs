//! In which order a read name names its servers, on real PostgreSQL servers with real sessions.

use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv4Addr},
};

use hickory_proto::rr::Name;

use crate::{
    dns_client::DnsClient,
    in_turn, patience,
    pointsman::{Cluster, Engine, Pointsman},
    postgres_cluster::PgCluster,
    postgres_programs::Programs,
};

const SERVERS: [Ipv4Addr; 3] =
    [Ipv4Addr::new(127, 0, 6, 1), Ipv4Addr::new(127, 0, 6, 2), Ipv4Addr::new(127, 0, 6, 3)];
/// The standbys, which weigh 2 and 3.
const A: IpAddr = IpAddr::V4(SERVERS[1]);
const B: IpAddr = IpAddr::V4(SERVERS[2]);

#[test]
fn balance() {
    in_turn(|| {
        let servers = PgCluster::start(Programs::installed(), &SERVERS);
        let mut cluster = Cluster::new("db", Engine::Postgres, SERVERS, servers.port());
        cluster.more_reads = &[
            ("weighted", "balance = \"weighted\""),
            ("least", "balance = \"least-connections\""),
            ("hash", "balance = \"client-hash\""),
            ("one", "max_answers = 1"),
        ];
        let pointsman = Pointsman::serve(&[&cluster]);
        let mut client = pointsman.client();
        patience::until("both standbys are in the read name", || {
            let answer = client.addresses(&cluster.read_name());
            answer.is_some_and(|answer| answer.set() == [A, B])
        });
        weights_are_kept(&mut client);
        one_is_named(&mut client);
        a_client_keeps_its_server(&pointsman);
        the_busy_one_is_last(&servers, &mut client);
        pointsman.stop();
    });
}

/// B weighs three of five and comes first as often; the bounds are six standard deviations wide.
fn weights_are_kept(client: &mut DnsClient) {
    let name = name("weighted");
    let firsts = (0..1000).map(|_| order(client, &name)[0]);
    let count = firsts.filter(|first| *first == B).count();
    assert!((507..=693).contains(&count), "the heavier one came first {count} times of 1000");
}

fn one_is_named(client: &mut DnsClient) {
    let name = name("one");
    let answers: Vec<_> = (0..100).map(|_| order(client, &name)).collect();
    assert!(answers.iter().all(|answer| answer.len() == 1), "{answers:?}");
    let named: BTreeSet<_> = answers.into_iter().flatten().collect();
    assert_eq!(named, BTreeSet::from([A, B]));
}

/// The servers' names and the clients' addresses decide, so these twenty clients are the same in
/// each run.
fn a_client_keeps_its_server(pointsman: &Pointsman) {
    let name = name("hash");
    let mut firsts = BTreeSet::new();
    for last in 1..=20 {
        let mut client = DnsClient::at(Ipv4Addr::new(127, 0, 6, 100 + last), pointsman.dns());
        let first_order = order(&mut client, &name);
        assert_eq!(BTreeSet::from_iter(first_order.clone()), BTreeSet::from([A, B]));
        for _ in 0..20 {
            assert_eq!(order(&mut client, &name), first_order);
        }
        firsts.insert(first_order[0]);
    }
    assert_eq!(firsts, BTreeSet::from([A, B]), "one server has all clients");
}

/// Sessions come and go, and no record does: the serial must stay, or poolers that watch it would
/// flush their connections all the time.
fn the_busy_one_is_last(servers: &PgCluster, client: &mut DnsClient) {
    let (name, zone) = (name("least"), Name::from_ascii("internal.").expect("a valid name"));
    let serial = client.serial(&zone);
    for (busy, quiet_first) in [(1, [B, A]), (2, [A, B])] {
        let sessions = servers.open_sessions(busy, 10);
        // As many in a row never come about by shuffling.
        patience::until("the busy server is named last", || {
            (0..100).all(|_| order(client, &name) == quiet_first)
        });
        drop(sessions);
        let mut seen = BTreeSet::new();
        patience::until("two quiet servers take turns", || {
            seen.insert(order(client, &name));
            seen.len() == 2
        });
    }
    assert_eq!(client.serial(&zone), serial, "the order of servers is no change of the zone");
}

fn order(client: &mut DnsClient, name: &Name) -> Vec<IpAddr> {
    let answer = client.addresses(name).expect("an answer within a second");
    answer.addresses
}

fn name(label: &str) -> Name {
    Name::from_ascii(format!("{label}.internal.")).expect("a valid name")
}
