//! Zones, names and decisions for this module's tests.

use std::{collections::BTreeSet, net::IpAddr, sync::Arc};

use hickory_proto::rr::{LowerName, Name};

use super::{
    AnswerTable, Balance, ClusterAnswers, ClusterListing, CompanionKind, Directory, Layout,
    NameRole, PublishedServer, Serial, ServedName, Zone, build,
};
use crate::engine::{
    ClusterId, ClusterKind, Decision, Moment, ReadDecision, ReadReason, ReadServer, ServerIndex,
    ServerState, Stability, WriteDecision, WriteReason,
};

/// SOA TTL 60, MINIMUM 5; a CNAME of each kind, a delegation, wildcards, an empty non-terminal.
pub(crate) const INTERNAL: &str = "\
$TTL 300
@          60 IN SOA ns1 hostmaster 7 3600 600 86400 5
@             IN NS  ns1
@             IN NS  ns2.example.
ns1           IN A   192.0.2.1
ns1           IN AAAA 2001:db8::1
host.deep     IN TXT \"below an empty non-terminal\"
alias         IN CNAME host.deep
toserved      IN CNAME db-read
outside       IN CNAME www.example.
dangling      IN CNAME nobody.deep
loop1         IN CNAME loop2
loop2         IN CNAME loop1
*.wild        IN A   192.0.2.9
*.wild        IN TXT \"synthesized\"
*.wildalias   IN CNAME ns1
a.*.hollow    IN A   192.0.2.10
child         IN NS  ns.child
child         IN NS  ns.example.
ns.child      IN A   192.0.2.53
*.child       IN A   192.0.2.54
";

pub(crate) fn name(text: &str) -> LowerName {
    let mut name = Name::from_ascii(text).expect("a test's name");
    name.set_fqdn(true);
    LowerName::from(name)
}

pub(crate) fn zone(text: &str, origin: &str) -> Zone {
    Zone::parse(text, &Name::from_ascii(origin).expect("a test's origin")).expect("a test's zone")
}

pub(crate) fn server(name: &str, addresses: &[&str]) -> PublishedServer {
    let parse = |text: &&str| text.parse::<IpAddr>().expect("a test's address");
    PublishedServer {
        name: name.into(),
        addresses: addresses.iter().map(parse).collect(),
        port: 5432,
        weight: 1,
    }
}

/// Two servers with IPv4 only, one with two addresses of each family.
pub(crate) fn servers() -> Vec<PublishedServer> {
    vec![
        server("db1", &["127.0.1.1"]),
        server("db2", &["2001:db8::2", "127.0.1.2", "127.0.2.2", "2001:db8::22"]),
        server("db3", &["127.0.1.3"]),
    ]
}

pub(crate) fn write_name(text: &str) -> ServedName {
    ServedName {
        name: name(text),
        cluster: ClusterId(0),
        role: NameRole::Write,
        ttl: 1,
        ttl_unstable: 1,
    }
}

pub(crate) fn read_name(text: &str, balance: Balance, max_answers: Option<usize>) -> ServedName {
    ServedName {
        name: name(text),
        cluster: ClusterId(0),
        role: NameRole::Read { index: 0, balance, max_answers },
        ttl: 2,
        ttl_unstable: 1,
    }
}

pub(crate) fn write(server: Option<usize>, reason: WriteReason) -> WriteDecision {
    WriteDecision { server: server.map(ServerIndex::new), reason, since: Moment::START }
}

pub(crate) fn read(servers: &[usize], reason: ReadReason) -> ReadDecision {
    let member = |&index: &usize| ReadServer {
        server: ServerIndex::new(index),
        percent: 100,
        sessions: None,
    };
    ReadDecision { servers: servers.iter().map(member).collect(), reason, since: Moment::START }
}

/// `db1` for writes, the other two for reads.
pub(crate) fn healthy() -> Decision {
    Decision {
        write: Some(write(Some(0), WriteReason::Primary)),
        reads: vec![read(&[1, 2], ReadReason::Eligible)],
        stability: Stability::Stable,
    }
}

/// The cluster `orders` with [`servers`], and companions of every kind.
pub(crate) fn directory(kind: ClusterKind) -> Directory {
    let listing = ClusterListing { name: "orders".into(), kind, servers: servers().into() };
    Directory {
        clusters: vec![listing],
        placed: BTreeSet::from([
            CompanionKind::Service,
            CompanionKind::Server,
            CompanionKind::Status,
            CompanionKind::Why,
            CompanionKind::Events,
        ]),
    }
}

/// `internal.` with `db-write`, `db-read` and `x.y.z.db-read`, which puts empty non-terminals below
/// a served name.
pub(crate) fn layout(balance: Balance) -> Arc<Layout> {
    let served = vec![
        write_name("db-write.internal."),
        read_name("db-read.internal.", balance, None),
        read_name("x.y.db-read.internal.", Balance::Shuffle, Some(1)),
    ];
    let zones = [zone(INTERNAL, "internal.")];
    let layout = Layout::with_companions(&zones, served, directory(ClusterKind::Postgres));
    Arc::new(layout.expect("the names have places"))
}

pub(crate) fn table_of(layout: &Arc<Layout>, decision: &Decision) -> AnswerTable {
    table_with(layout, &servers(), decision)
}

pub(crate) fn table_with(
    layout: &Arc<Layout>,
    servers: &[PublishedServer],
    decision: &Decision,
) -> AnswerTable {
    let cluster = ClusterAnswers { name: "orders", servers, decision, overrides: &[] };
    build(layout, &[cluster], 1, Serial::new(1000).expect("a serial"))
}

pub(crate) fn table(decision: &Decision) -> AnswerTable {
    table_of(&layout(Balance::Shuffle), decision)
}

/// The table after `table`, in which the write name says this server, within `limit`.
pub(crate) fn promoted(table: &AnswerTable, server: usize, limit: Serial) -> Option<AnswerTable> {
    let write = Some(write(Some(server), WriteReason::Primary));
    after(table, &Decision { write, ..healthy() }, limit)
}

/// The table after `table`, in which the write name waits for its first decision.
pub(crate) fn unready(table: &AnswerTable) -> AnswerTable {
    let write = Some(write(None, WriteReason::NotReady));
    after(table, &Decision { write, ..healthy() }, Serial::MAX).expect("it says something else")
}

fn after(table: &AnswerTable, decision: &Decision, limit: Serial) -> Option<AnswerTable> {
    let servers = servers();
    let answers = ClusterAnswers { name: "orders", servers: &servers, decision, overrides: &[] };
    table.within([(ClusterId(0), answers)], 0, limit)
}

/// One server alone, as a replica.
pub(crate) fn table_of_replica(server: PublishedServer) -> AnswerTable {
    let decision = Decision {
        write: None,
        reads: vec![read(&[0], ReadReason::Eligible)],
        stability: Stability::Stable,
    };
    table_with(&layout(Balance::Shuffle), &[server], &decision)
}

/// Tables in every condition: each balance, degraded, withdrawn, not ready.
pub(crate) fn tables() -> Vec<AnswerTable> {
    let held = Decision {
        write: Some(write(Some(1), WriteReason::Held(ServerState::Down))),
        reads: vec![read(&[0], ReadReason::WithPrimary)],
        stability: Stability::Stable,
    };
    let withdrawn = Decision {
        write: Some(write(None, WriteReason::NotWritable)),
        reads: vec![read(&[0, 1, 2], ReadReason::WithLagging(None))],
        stability: Stability::Stable,
    };
    let unready = Decision {
        write: Some(write(None, WriteReason::NotReady)),
        reads: vec![read(&[], ReadReason::NotReady)],
        stability: Stability::Stable,
    };
    let balances =
        [Balance::Shuffle, Balance::Weighted, Balance::LeastConnections, Balance::ClientHash];
    let mut tables: Vec<_> =
        balances.map(|balance| table_of(&layout(balance), &healthy())).into_iter().collect();
    tables.extend([held, withdrawn, unready].iter().map(table));
    tables
}
