//! Real PostgreSQL servers that nobody has written into the configuration: standbys join, a cascade is
//! followed, a promoted copy stays outside, and a restart forgets nothing.
//!
//! A server sees the address from which another one connects. Over the loopback device that is the
//! same for all, unless routes say otherwise: in a network of its own each server that is connected
//! to has one follower, and the route to it starts at that one's address.

use std::{
    fs,
    net::{Ipv4Addr, TcpListener},
    process::Command,
};

use rustix::process::Signal;

use crate::{
    account,
    discovering::{Scene, list, until_discovered},
    in_turn,
    namespace::Namespace,
    patience,
    patroni_cluster::{PatroniCluster, assert_installed},
    pointsman::{Cluster, Engine, Pointsman},
    postgres_cluster::{PgCluster, Shutdown},
    postgres_programs::Programs,
};

/// The primary, a standby, a standby of that one, and a copy that goes its own way.
const SERVERS: [Ipv4Addr; 4] = [
    Ipv4Addr::new(127, 62, 31, 1),
    Ipv4Addr::new(127, 62, 31, 2),
    Ipv4Addr::new(127, 62, 31, 3),
    Ipv4Addr::new(127, 62, 31, 4),
];

const HOME: Ipv4Addr = Ipv4Addr::new(127, 62, 31, 9);

const DISCOVERY: &str = r#"
[cluster.discovery]
mode = "join"
networks = ["127.62.31.0/24"]
interval = "1s"
forget_after = "10s"
"#;

/// Whoever connects to `to` comes from `from`.
fn route(to: Ipv4Addr, from: Ipv4Addr) {
    account::run(Command::new("ip").args([
        "address",
        "replace",
        &format!("{from}/8"),
        "dev",
        "lo",
    ]));
    let route = ["route", "replace", "local", &to.to_string(), "dev", "lo", "table", "local"];
    account::run(Command::new("ip").args(route).args(["src", &from.to_string()]));
}

#[test]
fn standbys_join_by_themselves_and_a_copy_never_does() {
    in_turn(|| {
        let network = Namespace::enter();
        for (to, from) in SERVERS.iter().zip(&SERVERS[1..]) {
            route(*to, *from);
        }
        let mut servers = PgCluster::start(Programs::installed(), &SERVERS);
        servers.stop(3, Shutdown::Fast);
        servers.repoint(2, 1);

        let cluster = Cluster::new("db", Engine::Postgres, &SERVERS[..1], servers.port());
        let scene = Scene::new(&cluster, HOME, DISCOVERY);
        let pointsman = scene.serve();

        both_standbys_are_in_the_read_name(&pointsman, &cluster);
        patience::until("both are told as members", || {
            let (code, told) = pointsman.command(&["discover", "db"]);
            assert_eq!(code, Some(0), "{told}");
            told.matches(" member ").count() == 2
        });

        // A copy of the primary that was promoted elsewhere: our identifier, a newer timeline.
        servers.rebuild_promoted(3, 0);
        let receiver = servers.receive_from(2);
        patience::until("the copy is seen for what it is", || {
            let (_, told) = pointsman.command(&["discover", "db"]);
            told.contains("a stranger carries our identity")
        });
        assert!(pointsman.metrics().contains("state=\"stranger\"} 1"), "{}", pointsman.metrics());
        nobody_is_led_to(SERVERS[3], &pointsman, &cluster);

        // Killed in the middle of its life: who had joined is there with the first answer.
        drop(pointsman);
        let pointsman = scene.serve();
        both_standbys_are_in_the_read_name(&pointsman, &cluster);

        // The writer dies, and a server that was found takes over: it was seen following.
        servers.kill9(0);
        servers.promote(1);
        let mut client = pointsman.client();
        patience::until("the found server is the writer", || {
            let answer = client.addresses(&cluster.write_name());
            answer.is_some_and(|answer| answer.set() == [SERVERS[1]])
        });
        nobody_is_led_to(SERVERS[3], &pointsman, &cluster);

        // What was found becomes a part of the file, and the file is right.
        let (code, told) = pointsman.command(&["config", "--write"]);
        assert_eq!(code, Some(0), "{told}");
        let text = fs::read_to_string(scene.file()).expect("the configuration is there");
        assert_eq!(text.matches("[[cluster.server]]").count(), 3, "{text}");
        pointsman.stop();
        receiver.end(Signal::INT);
        drop(network);
    });
}

fn both_standbys_are_in_the_read_name(pointsman: &Pointsman, cluster: &Cluster) {
    let mut client = pointsman.client();
    let mut last = None;
    let joined = patience::poll(2 * patience::PATIENCE, || {
        last = client.addresses(&cluster.read_name());
        let set = last.as_ref()?.set();
        (set == [SERVERS[1], SERVERS[2]]).then_some(())
    });
    let told = || pointsman.command(&["discover"]).1;
    assert!(joined.is_some(), "{last:?}\n{}\n{}", told(), pointsman.log().tail(30));
}

fn nobody_is_led_to(server: Ipv4Addr, pointsman: &Pointsman, cluster: &Cluster) {
    let mut client = pointsman.client();
    for name in [cluster.write_name(), cluster.read_name()] {
        let answer = client.addresses(&name);
        let set = answer.map(|answer| answer.set()).unwrap_or_default();
        assert!(!set.contains(&server.into()), "{name}: {set:?}");
    }
}

/// The primary, a standby that a file names, and an address that is outside of `networks`.
const LISTED: [Ipv4Addr; 2] = [Ipv4Addr::new(127, 62, 32, 1), Ipv4Addr::new(127, 62, 32, 2)];

const OUTSIDE: Ipv4Addr = Ipv4Addr::new(127, 62, 33, 1);

const LISTED_HOME: Ipv4Addr = Ipv4Addr::new(127, 62, 32, 9);

const FILE_DISCOVERY: &str = r#"
[cluster.discovery]
sources = ["file"]
mode = "join"
networks = ["127.62.32.0/24"]
interval = "1s"

[cluster.discovery.file]
path = "db.targets.json"
"#;

#[test]
fn a_standby_that_a_file_names_joins_and_no_broken_file_takes_it_away() {
    in_turn(|| {
        let servers = PgCluster::start(Programs::installed(), &LISTED);
        let port = servers.port();
        let cluster = Cluster::new("db", Engine::Postgres, &LISTED[..1], port);
        let scene = Scene::new(&cluster, LISTED_HOME, FILE_DISCOVERY);
        let pointsman = scene.serve();
        let discover_says = |what: &str| until_discovered(&pointsman, what);
        discover_says("No such file");

        // Beside the standby, somebody whom nobody may ask.
        let outside = TcpListener::bind((OUTSIDE, 0)).expect("a free port");
        outside.set_nonblocking(true).expect("it need not wait");
        let outside_port = outside.local_addr().expect("bound").port();
        let targets = format!(
            r#"[{{"targets": ["{}:{port}", "{OUTSIDE}:{outside_port}", "127.0.0.1:{outside_port}"],
                 "labels": {{"name": "db2-of-the-list"}}}}]"#,
            LISTED[1]
        );
        list(scene.folder.path(), &targets);
        let mut client = pointsman.client();
        let joined = patience::poll(2 * patience::PATIENCE, || {
            let set = client.addresses(&cluster.read_name())?.set();
            (set == [LISTED[1]]).then_some(())
        });
        let told = || pointsman.command(&["discover", "db"]).1;
        assert!(joined.is_some(), "{}\n{}", told(), pointsman.log().tail(30));
        discover_says("db2-of-the-list");
        discover_says("in none of `networks`");

        // Each of these is seen and takes nobody away.
        for broken in ["garbage", &targets[..targets.len() / 2]] {
            list(scene.folder.path(), broken);
            discover_says("no JSON");
            let answer = client.addresses(&cluster.read_name());
            assert_eq!(answer.map(|answer| answer.set()), Some(vec![LISTED[1].into()]));
            list(scene.folder.path(), &targets);
            patience::until("the file is right again", || !told().contains("no JSON"));
        }
        list(scene.folder.path(), "[]");
        patience::until("an empty list is no fault", || !told().contains("no JSON"));
        let answer = client.addresses(&cluster.read_name());
        assert_eq!(answer.map(|answer| answer.set()), Some(vec![LISTED[1].into()]));
        let log = pointsman.log().tail(200);
        assert!(log.contains("the source file does not say all"), "{log}");
        let asked = outside.accept();
        assert!(asked.is_err(), "somebody outside of `networks` was contacted: {asked:?}");
        pointsman.stop();
    });
}

/// Three servers of a Patroni, of which the configuration has one.
const OF_PATRONI: [Ipv4Addr; 3] =
    [Ipv4Addr::new(127, 62, 34, 1), Ipv4Addr::new(127, 62, 34, 2), Ipv4Addr::new(127, 62, 34, 3)];

const STORE: Ipv4Addr = Ipv4Addr::new(127, 62, 34, 9);

#[test]
fn the_members_that_patroni_names_join() {
    in_turn(|| {
        assert_installed();
        let programs = Programs::installed();
        let grants = programs.grants().user().join(";\n");
        let servers = PatroniCluster::start(programs, STORE, &OF_PATRONI);
        servers.sql(0, &grants);
        let cluster = Cluster::new("db", Engine::Postgres, &OF_PATRONI[..1], servers.port());
        let discovery = format!(
            "\n[cluster.discovery]\nsources = [\"patroni\"]\nmode = \"join\"\n\
             networks = [\"127.62.34.0/24\"]\ninterval = \"1s\"\n\n\
             [cluster.discovery.patroni]\nport = {}\n",
            servers.rest_port()
        );
        let scene = Scene::new(&cluster, STORE, &discovery);
        let pointsman = scene.serve();
        let mut client = pointsman.client();
        let joined = patience::poll(2 * patience::PATIENCE, || {
            let set = client.addresses(&cluster.read_name())?.set();
            (set == OF_PATRONI[1..]).then_some(())
        });
        let told = pointsman.command(&["discover", "db"]).1;
        assert!(joined.is_some(), "{told}\n{}", pointsman.log().tail(30));
        assert!(told.contains("patroni"), "{told}");
        pointsman.stop();
    });
}
