//! Both clusters behind one black hole, for five minutes: every server of every cluster is out of
//! reach, and the servers are out of each other's reach. Then the network is back.
//!
//! It takes as long as it takes, for much in it has clocks of its own: TCP gives connections up,
//! standbys end their receivers after a minute and find their primary again. So it is played beside
//! all other rows, on servers of its own.

use std::{
    net::{IpAddr, Ipv4Addr},
    thread,
    time::{Duration, Instant},
};

use pointsman_testbed::{
    attempt::attempt,
    dns_client::DnsClient,
    group::{Group, Kind},
    namespace::{Effect, Namespace, Traffic},
    patience,
    pointsman::{Cluster, Pointsman},
};

use crate::{
    row::{AT_ONCE, IN_TIME},
    track::Tally,
    watch::{Rule, Watch},
};

/// How long the network is away.
const AWAY: Duration = Duration::from_secs(300);

/// How long standbys may take to be connected again afterwards: the kernel asks for a new
/// connection at longer and longer intervals.
const RECONNECTED: Duration = Duration::from_secs(100);

const NAME: &str = "network-away";
const WRITE_WORDS: &str = "held: no server of any cluster answers, our own network is suspected";
const READ_WORDS: &str = "our own network is suspected: the set stays";

/// Names of the clusters, their engines and servers.
const CLUSTERS: [(&str, Kind, [Ipv4Addr; 3]); 2] = [
    ("db", Kind::Postgres, [v4(3, 1), v4(3, 2), v4(3, 3)]),
    ("shop", Kind::MariaDb, [v4(4, 1), v4(4, 2), v4(4, 3)]),
];

/// Sessions of the probe that a server may count: one that asks, one that replaces it.
const SESSIONS_MAX: usize = 2;

/// Whether `list`, if there is one, names this row.
pub(crate) fn is_chosen(list: Option<&str>) -> bool {
    list.is_none_or(|list| list.split(',').any(|name| name.trim() == NAME))
}

/// Plays it.
pub(crate) fn run() -> Tally {
    let mut tally = Tally::default();
    let began = Instant::now();
    if let Err(failure) = attempt(|| play(&mut tally)) {
        tally.failed.push(format!("{NAME}: {failure}"));
    }
    tally.rows += CLUSTERS.len();
    println!("both clusters, {NAME}: {:.1} s", began.elapsed().as_secs_f32());
    tally
}

/// One of the two clusters.
struct Side {
    group: Group,
    cluster: Cluster,
    watch: Watch,
}

fn play(tally: &mut Tally) {
    let network = Namespace::enter();
    let groups = CLUSTERS.map(|(name, kind, addresses)| {
        let group = Group::start(kind, &addresses);
        group.allow_heartbeats(0);
        let cluster = Cluster::new(name, group.engine(), addresses, group.port());
        (group, cluster)
    });
    let pointsman = Pointsman::serve(&groups.each_ref().map(|(_, cluster)| cluster));
    let mut client = pointsman.client();
    let mut sides = groups.map(|(group, cluster)| {
        let watch = Watch::begin(&pointsman, &cluster, true);
        let mut side = Side { group, cluster, watch };
        side.allow(&[1, 2]);
        side
    });
    let zone = sides[0].cluster.write_name().base_name();
    wait(&pointsman, IN_TIME, "all is well", || all(&sides, |side| side.is_well(&mut client)));
    let serial = client.serial(&zone);

    let addresses = CLUSTERS.map(|(_, _, addresses)| addresses).concat();
    let fault = network.fault(Traffic::Both, &addresses, Effect::Lost);
    wait(&pointsman, AT_ONCE, "it says so", || all(&sides, |side| side.is_held(&mut client)));
    let away = Instant::now();
    while away.elapsed() < AWAY {
        let held = all(&sides, |side| side.is_held(&mut client));
        assert!(held, "the answers changed:\n{}", pointsman.log().tail(40));
        thread::sleep(Duration::from_secs(1));
    }
    for state in ["Down", "Unknown", "Starting"] {
        let came = pointsman.log().contains(&format!("\"to\":\"{state}\""));
        assert!(!came, "a server was called {state}:\n{}", pointsman.log().tail(40));
    }
    drop(fault);
    // A standby that has been without a receiver for half a minute is no reader of the first choice.
    sides.iter_mut().for_each(|side| side.allow(&[0, 1, 2]));
    wait(&pointsman, IN_TIME, "writes are well", || {
        all(&sides, |side| side.writes_are_well(&mut client))
    });
    wait(&pointsman, RECONNECTED, "all is well again", || {
        all(&sides, |side| side.is_well(&mut client))
    });
    assert!(client.serial(&zone) >= serial, "the serial went back");
    for (side, server) in sides.iter().flat_map(|side| (0..3).map(move |server| (side, server))) {
        let fits = patience::poll(IN_TIME, || {
            let count = side.group.probe_sessions(server)?;
            (count <= SESSIONS_MAX).then_some(())
        });
        let name = side.cluster.server_name(server);
        assert!(fits.is_some(), "{name} has {:?} sessions", side.group.probe_sessions(server));
    }
    for side in sides {
        let path = [IpAddr::V4(side.cluster.servers[0])];
        let findings = side.watch.end(&path, false);
        tally.answers += findings.answers;
        tally.false_moves += findings.false_moves;
        tally.failed.extend(findings.wrong);
    }
    pointsman.stop();
}

impl Side {
    /// Writes go to the first server, and reads to these or some of them.
    fn allow(&mut self, readers: &[usize]) {
        let mut readers: Vec<_> = readers.iter().map(|reader| self.address(*reader)).collect();
        readers.sort_unstable();
        self.watch.rule(Rule {
            from: Instant::now(),
            writers: vec![self.address(0)],
            empty: false,
            readers,
            nobody_reads: false,
            all_readers: false,
        });
    }

    fn is_well(&self, client: &mut DnsClient) -> bool {
        let reads = client.addresses(&self.cluster.read_name());
        let wanted = [self.address(1), self.address(2)];
        self.writes_are_well(client)
            && reads.is_some_and(|answer| answer.set() == wanted && answer.errors.is_empty())
    }

    fn writes_are_well(&self, client: &mut DnsClient) -> bool {
        let writes = client.addresses(&self.cluster.write_name());
        writes
            .is_some_and(|answer| answer.addresses == [self.address(0)] && answer.errors.is_empty())
    }

    /// Both names stand still and say why.
    fn is_held(&self, client: &mut DnsClient) -> bool {
        let mut told = |name, wanted: &[IpAddr], words: &str| {
            client.addresses(&name).is_some_and(|answer| {
                let why = answer.errors.iter().any(|(_, text)| text.contains(words));
                answer.set() == wanted && why
            })
        };
        told(self.cluster.write_name(), &[self.address(0)], WRITE_WORDS)
            && told(self.cluster.read_name(), &[self.address(1), self.address(2)], READ_WORDS)
    }

    fn address(&self, server: usize) -> IpAddr {
        IpAddr::V4(self.cluster.servers[server])
    }
}

fn all(sides: &[Side; 2], mut holds: impl FnMut(&Side) -> bool) -> bool {
    sides.iter().all(&mut holds)
}

fn wait(pointsman: &Pointsman, within: Duration, what: &str, mut happened: impl FnMut() -> bool) {
    let came = patience::poll(within, || happened().then_some(()));
    assert!(came.is_some(), "not within {within:?}: {what}\n{}", pointsman.log().tail(60));
}

const fn v4(cluster: u8, server: u8) -> Ipv4Addr {
    Ipv4Addr::new(127, 42, cluster, server)
}
