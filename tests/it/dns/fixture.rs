//! A DNS server on loopback with one cluster of one to many servers, without probes or engine.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use hickory_proto::rr::{LowerName, Name};
use pointsman::{
    answers::{
        AnswerTable, Balance, ClusterAnswers, Layout, NameRole, PublishedServer, Serial,
        ServedName, Zone, build,
    },
    config::DnsConfig,
    dns::{DnsServer, bind},
    engine::{
        ClusterId, Decision, Moment, ReadDecision, ReadReason, ReadServer, ServerIndex, Stability,
        WriteDecision, WriteReason,
    },
    publish::{Publisher, Snapshot},
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
        let layout = layout();
        let table = table(&layout, &addresses(3), &healthy());
        let publisher = Publisher::new(Snapshot { table });
        let server = bind(config, &publisher.reader()).expect("a loopback address");
        Self { address: server.local_addresses()[0], server, publisher, layout }
    }

    /// Publishes another decision about three servers.
    pub(crate) fn decide(&mut self, decision: &Decision) {
        self.publish(&addresses(3), decision);
    }

    /// Publishes a decision about the servers of these addresses.
    pub(crate) fn publish(&mut self, servers: &[Vec<IpAddr>], decision: &Decision) {
        let table = table(&self.layout, servers, decision);
        self.publisher.publish(Snapshot { table });
    }
}

/// `127.0.1.1`, `127.0.1.2` and so on, one for each server.
pub(crate) fn addresses(count: u8) -> Vec<Vec<IpAddr>> {
    (1..=count).map(|last| vec![IpAddr::from([127, 0, 1, last])]).collect()
}

pub(crate) fn write(server: Option<usize>, reason: WriteReason) -> WriteDecision {
    WriteDecision { server: server.map(ServerIndex), reason, since: Moment::START }
}

pub(crate) fn read(servers: impl IntoIterator<Item = usize>, reason: ReadReason) -> ReadDecision {
    let member = |index| ReadServer { server: ServerIndex(index), sessions: None };
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
        reads: vec![read([1, 2], ReadReason::Fit)],
        stability: Stability::Calm,
    }
}

fn table(layout: &Arc<Layout>, servers: &[Vec<IpAddr>], decision: &Decision) -> AnswerTable {
    let servers: Vec<_> = servers
        .iter()
        .enumerate()
        .map(|(index, addresses)| PublishedServer {
            name: format!("db{}", index + 1).into(),
            addresses: addresses.clone(),
            port: 5432,
            weight: 1,
        })
        .collect();
    let cluster = ClusterAnswers { name: "orders", servers: &servers, decision };
    build(layout, &[cluster], 1, Serial::first(None, 1_700_000_000))
}

fn layout() -> Arc<Layout> {
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
    Arc::new(Layout::new(&[zone], served).expect("the names have places"))
}
