//! What a probe finds when a server says a word.

use std::{net::Ipv4Addr, time::Duration};

use pointsman::engine::{
    BinlogState, Channel, Domains, Endpoint, Facts, Failure, FailureKind, Flavour, Galera, Group,
    GroupMember, GroupRole, GtidSet, GtidState, Heartbeat, IoThread, MayWrite, MySqlFacts,
    MySqlIdentity, Outcome, Position, PostgresFacts, PostgresRole, Receiver, ServerPolicy,
    SourceId, Writability,
};

use crate::{
    word::{History, Word},
    world::Product,
};

const PORT: u16 = 5432;

pub(crate) fn outcome(product: Product, server: usize, word: Word) -> Outcome {
    let failed = |kind| Outcome::Failed(Failure::new(kind, ""));
    match word {
        Word::Refused => failed(FailureKind::Refused),
        Word::TimedOut => failed(FailureKind::TimedOut),
        Word::Locked => failed(FailureKind::Misconfigured),
        _ if product == Product::Postgres => {
            Outcome::Answered(Facts::Postgres(postgres_facts(word)))
        }
        Word::Synced | Word::Donor | Word::LeftOut | Word::Elected | Word::Follower => {
            Outcome::Answered(Facts::MySql(group_facts(product, server, word)))
        }
        _ => Outcome::Answered(Facts::MySql(mysql_facts(product, server, word))),
    }
}

/// Positions follow from the timeline: each is longer than the one before, whoever shows it.
fn postgres_facts(word: Word) -> PostgresFacts {
    let timeline = word.timeline().expect("a word of PostgreSQL shows a timeline");
    let position = Position::lsn(u64::from(timeline) * 1000);
    let role = match word {
        Word::Primary(_) => PostgresRole::Primary { read_only: false, timeline, position },
        _ => PostgresRole::Standby {
            receiver: match word.source() {
                Some(_) => Receiver::Streaming,
                None => Receiver::Absent,
            },
            timeline: word.source().map(|_| timeline),
            recovery_timeline: Some(timeline),
            received: Some(position),
            heard: word.source().map(|_| 1),
            replayed: Some(position),
            replay_age: None,
            paused: false,
            apply_delay: Duration::ZERO,
            sender: word.source().map(endpoint),
        },
    };
    PostgresFacts { system_identifier: 1, role, sessions: None, heartbeat: Heartbeat::NotTried }
}

fn mysql_facts(product: Product, server: usize, word: Word) -> MySqlFacts {
    let history = word.history().expect("a word of MySQL shows a history");
    let channels = match word {
        Word::Replica { of, .. } => vec![channel(product, of, history, IoThread::Running)],
        Word::CutOff { of, .. } => vec![channel(product, of, history, IoThread::Connecting)],
        _ => vec![],
    };
    let installed = if word == Word::Reinstalled { 2 } else { 1 };
    MySqlFacts {
        flavour: match product {
            Product::MariaDb => Flavour::MariaDb,
            _ => Flavour::MySql,
        },
        identity: MySqlIdentity {
            uuid: (product == Product::MySql).then(|| uuid(server, installed)),
            server_id: number(server),
        },
        writability: match word {
            Word::Writable(_) | Word::Reinstalled => Writability::Writable,
            _ => Writability::ReadOnly,
        },
        channels: Some(channels),
        gtid: gtid(product, history),
        position: Some(position(history)),
        group: None,
        sessions: None,
        heartbeat: Heartbeat::NotTried,
    }
}

fn channel(product: Product, of: usize, history: History, io: IoThread) -> Channel {
    Channel {
        name: "".into(),
        source: SourceId {
            uuid: (product == Product::MySql).then(|| uuid(of, 1)),
            server_id: number(of),
            endpoint: endpoint(of),
        },
        io,
        sql_running: true,
        sql_errno: 0,
        received: Some(position(history)),
        applied: Some(position(history)),
        seconds_behind: (io == IoThread::Running).then_some(0),
        delay: Duration::ZERO,
        heartbeats: Some(1),
        domains: Domains::All,
    }
}

/// The stretches of a history: who wrote how many transactions. The first is long.
fn stretches(history: History) -> impl Iterator<Item = (usize, u64)> {
    history.bytes().enumerate().map(|(at, letter)| {
        let writer = usize::from(letter.to_ascii_uppercase() - b'A');
        (writer, if at == 0 { 100 } else { 10 })
    })
}

fn gtid(product: Product, history: History) -> GtidState {
    let mut all = 0;
    let mut by_writer = [0; 3];
    let mut last = String::new();
    let (mut mariadb, mut mysql) = (Vec::new(), Vec::new());
    for (writer, transactions) in stretches(history) {
        let first = by_writer[writer] + 1;
        by_writer[writer] += transactions;
        all += transactions;
        last = format!("0-{}-{all}", writer + 1);
        mariadb.push(last.clone());
        mysql.push(format!("{}:{first}-{}", uuid(writer, 1), by_writer[writer]));
    }
    match product {
        Product::MariaDb => {
            let state = BinlogState::parse(&last, &mariadb.join(","), "");
            state.expect("GTIDs of MariaDB").into()
        }
        _ => GtidSet::parse(&mysql.join(",")).expect("GTIDs of MySQL").into(),
    }
}

fn position(history: History) -> Position {
    Position { segment: 1, offset: stretches(history).map(|(_, count)| count).sum() }
}

fn group_facts(product: Product, server: usize, word: Word) -> MySqlFacts {
    let counts = word != Word::LeftOut;
    let group = match product {
        Product::GroupReplication => replication(word == Word::Elected, counts),
        _ => Group::Galera(Galera {
            cluster_uuid: "7e6f8e8c-0000-11ef-8000-0242ac110002".into(),
            ready: counts,
            primary_component: counts,
            local_state: match word {
                Word::Synced => 4,
                Word::Donor => 2,
                _ => 0,
            },
            refuses_clients: false,
            receive_queue: 0,
            members: vec![],
        }),
    };
    MySqlFacts {
        flavour: Flavour::MySql,
        identity: MySqlIdentity { uuid: Some(uuid(server, 1)), server_id: number(server) },
        writability: match word {
            Word::Synced | Word::Donor | Word::Elected => Writability::Writable,
            Word::LeftOut if product == Product::Galera => Writability::Writable,
            _ => Writability::SuperReadOnly,
        },
        channels: Some(vec![]),
        gtid: GtidState::Unknown,
        position: None,
        group: Some(group),
        sessions: None,
        heartbeat: Heartbeat::NotTried,
    }
}

fn replication(primary: bool, counts: bool) -> Group {
    Group::Replication(GroupMember {
        online: counts,
        role: if primary { GroupRole::Primary } else { GroupRole::Secondary },
        majority: counts,
        queue: 0,
        group_name: Some("6a9a5a2e-0000-11ef-8000-0242ac110002".into()),
        members: vec![],
    })
}

fn uuid(server: usize, installed: u32) -> Box<str> {
    format!("{:08x}-0000-0000-0000-00000000000{installed}", number(server)).into()
}

fn number(server: usize) -> u32 {
    u32::try_from(server + 1).expect("few servers")
}

fn address(server: usize) -> Ipv4Addr {
    Ipv4Addr::new(127, 0, 1, u8::try_from(server + 1).expect("few servers"))
}

fn endpoint(server: usize) -> Endpoint {
    Endpoint { host: address(server).to_string().into(), port: PORT }
}

pub(crate) fn server_policy(server: usize) -> ServerPolicy {
    ServerPolicy {
        name: format!("db{}", server + 1).into(),
        priority: 100,
        aliases: [address(server).to_string().into()].into(),
        addresses: [address(server).into()].into(),
        port: PORT,
        witnesses: vec![],
        may_write: MayWrite::Always,
    }
}
