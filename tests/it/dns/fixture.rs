//! A DNS server on loopback with one cluster of one to many servers, without probes or engine.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use hickory_proto::rr::{LowerName, Name};
use pointsman::{
    answers::{
        AnswerTable, Balance, ClusterAnswers, ClusterListing, CompanionKind, Directory, Layout,
        NameRole, PublishedServer, Serial, ServedName, Zone, build,
    },
    config::DnsConfig,
    dns::{DnsServer, bind, open},
    engine::{
        ClusterId, ClusterKind, Decision, Moment, ReadDecision, ReadReason, ReadServer,
        ServerIndex, ServerState, Stability, Standing, StateReason, WriteDecision, WriteReason,
    },
    inherited::Inherited,
    publish::{Publisher, Snapshot},
    report::{Change, ClusterReport, Reports, ServerReport, What},
    transfer::Transfers,
    wall_time::WallTime,
};

const ZONE: &str = "\
$TTL 300
@          60 IN SOA ns1 hostmaster 7 3600 600 86400 5
@             IN NS  ns1
ns1           IN A   192.0.2.1
host.deep     IN TXT \"below an empty non-terminal\"
alias         IN CNAME db-write
outside       IN CNAME www.example.
dangling      IN CNAME nobody
loop1         IN CNAME loop2
loop2         IN CNAME loop1
*.wild        IN A   192.0.2.9
child         IN NS  ns.child
ns.child      IN A   192.0.2.53
";

/// A running server and the means to change its answers.
pub(crate) struct Fixture {
    pub(crate) server: DnsServer,
    pub(crate) publisher: Publisher,
    pub(crate) address: SocketAddr,
    layout: Arc<Layout>,
}

impl Fixture {
    /// Listens on `listen` with port 0 and serves `db-write` and `db-read` of `internal.` as
    /// [`healthy`] says.
    pub(crate) fn start(listen: &str) -> Self {
        let address = format!("{listen}:0").parse().expect("an address");
        Self::with(&DnsConfig::on(vec![address], 2))
    }

    /// The same with other settings.
    pub(crate) fn with(config: &DnsConfig) -> Self {
        Self::of(config, 3)
    }

    /// The same with so many servers that have companion names of every kind.
    pub(crate) fn of(config: &DnsConfig, servers: u8) -> Self {
        let layout = layout(servers);
        let publisher = Publisher::new(snapshot(&layout, &addresses(3), &healthy()));
        let server = bind(config, &publisher.reader()).expect("a loopback address");
        Self { address: server.local_addresses()[0], server, publisher, layout }
    }

    /// The same with three servers and somebody who may have `transfers`.
    pub(crate) fn with_transfers(config: &DnsConfig, transfers: &Transfers) -> Self {
        let layout = layout(3);
        let publisher = Publisher::new(snapshot(&layout, &addresses(3), &healthy()));
        let (reader, mut none) = (publisher.reader(), Inherited::none());
        let server = open(config, &reader, transfers.clone(), &mut none);
        let server = server.expect("a loopback address");
        Self { address: server.local_addresses()[0], server, publisher, layout }
    }

    /// Publishes another decision about three servers, at a serial so many after the first.
    pub(crate) fn decide_at(&mut self, later: u32, decision: &Decision) {
        let mut snapshot = snapshot(&self.layout, &addresses(3), decision);
        let servers = published(&addresses(3));
        let cluster =
            ClusterAnswers { name: "orders", servers: &servers, decision, overrides: &[] };
        let serial = Serial::first(None, 1_700_000_000 + u64::from(later));
        let generation = u64::from(later) + 1;
        snapshot.table = build(&self.layout, &[cluster], generation, serial);
        self.publisher.publish(snapshot);
    }

    /// Publishes another decision about three servers.
    pub(crate) fn decide(&mut self, decision: &Decision) {
        self.publish(&addresses(3), decision);
    }

    /// Publishes a decision about the servers of these addresses.
    pub(crate) fn publish(&mut self, servers: &[Vec<IpAddr>], decision: &Decision) {
        self.publisher.publish(snapshot(&self.layout, servers, decision));
    }
}

/// `127.0.1.1`, `127.0.1.2` and so on, one for each server.
pub(crate) fn addresses(count: u8) -> Vec<Vec<IpAddr>> {
    (1..=count).map(|last| vec![IpAddr::from([127, 0, 1, last])]).collect()
}

pub(crate) fn write(server: Option<usize>, reason: WriteReason) -> WriteDecision {
    WriteDecision { server: server.map(ServerIndex::new), reason, since: Moment::START }
}

pub(crate) fn read(servers: impl IntoIterator<Item = usize>, reason: ReadReason) -> ReadDecision {
    let member =
        |index| ReadServer { server: ServerIndex::new(index), percent: 100, sessions: None };
    ReadDecision {
        servers: servers.into_iter().map(member).collect(),
        reason,
        since: Moment::START,
    }
}

/// The first server for writes, the second and third for reads.
pub(crate) fn healthy() -> Decision {
    Decision {
        write: Some(write(Some(0), WriteReason::Primary)),
        reads: vec![read([1, 2], ReadReason::Eligible)],
        stability: Stability::Stable,
    }
}

fn snapshot(layout: &Arc<Layout>, servers: &[Vec<IpAddr>], decision: &Decision) -> Snapshot {
    let reports = Reports::new(vec![report(decision, servers.len())]);
    Snapshot { table: table(layout, servers, decision), reports }
}

fn table(layout: &Arc<Layout>, servers: &[Vec<IpAddr>], decision: &Decision) -> AnswerTable {
    let servers = published(servers);
    let cluster = ClusterAnswers { name: "orders", servers: &servers, decision, overrides: &[] };
    build(layout, &[cluster], 1, Serial::first(None, 1_700_000_000))
}

/// `db1`, `db2` and so on.
fn published(servers: &[Vec<IpAddr>]) -> Vec<PublishedServer> {
    let server = |(index, addresses): (usize, &Vec<IpAddr>)| PublishedServer {
        name: format!("db{}", index + 1).into(),
        addresses: (&**addresses).into(),
        port: 5432,
        weight: 1,
    };
    servers.iter().enumerate().map(server).collect()
}

/// Every server is a fresh replica, and one change has been.
fn report(decision: &Decision, servers: usize) -> ClusterReport {
    let standing = Standing {
        state: ServerState::Replica,
        reason: StateReason::Fresh,
        since: Moment::START,
        lag: None,
    };
    let what = What::Write {
        name: "db-write.internal.".into(),
        from: None,
        to: Some("db1".into()),
        reason: WriteReason::Primary,
    };
    let start = WallTime::from_unix_millis(1_795_240_800_000);
    let server = ServerReport {
        standing,
        failure: None,
        upstream: None,
        extent: None,
        progress: None,
        witnesses: [].into(),
        added: false,
    };
    ClusterReport {
        decision: decision.clone(),
        servers: vec![server; servers].into(),
        overrides: [].into(),
        events: Arc::new([Arc::new(Change { at: start, cluster: Some("orders".into()), what })]),
        start,
    }
}

fn layout(servers: u8) -> Arc<Layout> {
    let text = format!("{ZONE}big IN TXT {}\n", format!("\"{}\" ", "x".repeat(200)).repeat(4));
    let origin = Name::from_ascii("internal.").expect("a name");
    let zone = Zone::parse(&text, &origin).expect("a zone");
    let served = |name: &str, role, ttl| ServedName {
        name: LowerName::from(Name::from_ascii(name).expect("a name")),
        cluster: ClusterId(0),
        role,
        ttl,
        ttl_unstable: 1,
    };
    let read = NameRole::Read { index: 0, balance: Balance::Shuffle, max_answers: None };
    let served = vec![
        served("db-write.internal.", NameRole::Write, 1),
        served("db-read.internal.", read, 2),
    ];
    let listing = ClusterListing {
        name: "orders".into(),
        kind: ClusterKind::Postgres,
        servers: published(&addresses(servers)).into(),
    };
    let placed = [
        CompanionKind::Service,
        CompanionKind::Server,
        CompanionKind::Status,
        CompanionKind::Why,
        CompanionKind::Events,
    ];
    let directory = Directory { clusters: vec![listing], placed: placed.into() };
    let layout = Layout::with_companions(&[zone], served, directory);
    Arc::new(layout.expect("the names have places"))
}
