//! The texts that are written, for servers as they introduce themselves.

use std::{net::SocketAddr, path::Path};

use super::{Plan, Wishes, dig, resolved};
use crate::{
    config::Secret,
    discovery::{Introduction, NameHint, Proof, Word},
    engine::{Endpoint, Facts, Heartbeat, Position, PostgresFacts, PostgresRole, Receiver},
    init::{
        EngineKind,
        naming::names,
        server::{Found, Kinship, Role, Server},
    },
};

fn server(at: &str, cluster_name: &str, role: PostgresRole) -> Server {
    let facts = PostgresFacts {
        system_identifier: 7,
        role,
        sessions: None,
        heartbeat: Heartbeat::NotTried,
    };
    let name = (!cluster_name.is_empty()).then(|| cluster_name.into());
    let introduction = Introduction { name, ..Introduction::default() };
    Server {
        at: at.parse().expect("an address"),
        hosts: Vec::new(),
        hint: None,
        word: Word { facts: Facts::Postgres(facts), introduction },
        version: "PostgreSQL 15.3".into(),
        kinship: Kinship::Named,
        depth: 0,
    }
}

fn primary() -> PostgresRole {
    PostgresRole::Primary { read_only: false, timeline: 1, position: Position::lsn(0) }
}

fn standby(of: &str) -> PostgresRole {
    let of: SocketAddr = of.parse().expect("an address");
    PostgresRole::Standby {
        receiver: Receiver::Streaming,
        timeline: Some(1),
        recovery_timeline: Some(1),
        received: None,
        heard: None,
        replayed: None,
        replay_age: None,
        paused: false,
        apply_delay: std::time::Duration::ZERO,
        sender: Some(Endpoint { host: of.ip().to_string().into(), port: of.port() }),
    }
}

fn pair() -> Found {
    let mut found = Found {
        engine: EngineKind::Postgres,
        servers: vec![
            server("10.0.0.2:5433", "15/main", standby("10.0.0.1:5432")),
            server("10.0.0.1:5432", "15/main", primary()),
        ],
        left_out: Vec::new(),
        notes: Vec::new(),
    };
    found.servers[0].hosts = vec!["db2.example".into()];
    found.servers[1].kinship = Kinship::Shown(Proof::Follows("nobody".into()));
    found.sort();
    found
}

fn wishes(folder: &Path, listen: &str) -> Wishes {
    Wishes {
        zone: "db.internal".into(),
        cluster: "db".into(),
        folder: folder.into(),
        listen: vec![listen.parse().expect("an address")],
        our_address: "10.0.0.9".parse().expect("an address"),
        command: "pointsman init --from db2.example --zone db.internal".into(),
    }
}

/// A plan for other tests.
pub fn plan_in(folder: &Path) -> Plan {
    let found = pair();
    let wishes = wishes(folder, "127.0.0.1:5300");
    Plan::new(&found, &names(&found.servers), &Secret::new("0123"), &wishes)
}

#[test]
fn what_is_written_passes_the_reader_of_the_configuration() {
    for listen in ["127.0.0.1:5300", "0.0.0.0:53", "[::]:53", "[::1]:5300"] {
        for folder in ["/etc/pointsman", "/nowhere"] {
            let found = pair();
            let wishes = wishes(Path::new(folder), listen);
            let plan = Plan::new(&found, &names(&found.servers), &Secret::new("0123"), &wishes);
            let config = plan.check().unwrap_or_else(|faults| panic!("{listen}: {faults}"));
            let [cluster] = &config.clusters[..] else { panic!("one cluster") };
            let servers: Vec<_> =
                cluster.servers.iter().map(|one| (&*one.name, one.target.to_string())).collect();
            let expected = [
                ("host-10-0-0-1", "10.0.0.1:5432".to_owned()),
                ("db2", "10.0.0.2:5433".to_owned()),
            ];
            assert_eq!(servers, expected);
            assert_eq!(cluster.probe.password, Some(Secret::new("0123")));
        }
    }
}

#[test]
fn a_resolver_is_sent_where_we_listen() {
    let folder = Path::new("/nowhere");
    let found = pair();
    for (listen, unbound, dug) in [
        ("127.0.0.1:5300", "stub-addr: 127.0.0.1@5300", "@127.0.0.1 -p 5300"),
        ("0.0.0.0:53", "stub-addr: 10.0.0.9@53", "@10.0.0.9 -p 53"),
    ] {
        let wishes = wishes(folder, listen);
        let plan = Plan::new(&found, &names(&found.servers), &Secret::new("0123"), &wishes);
        let text = &plan.files[3].text;
        assert!(text.contains(unbound), "{text}");
        let is_local = text.contains("do-not-query-localhost: no");
        assert_eq!(is_local, listen.starts_with("127."), "{text}");
        assert!(dig(&wishes, "write").contains(dug));
        assert!(resolved(&wishes).contains("Domains=~db.internal\n"));
    }
    // The lines are those that are tested with unbound itself.
    let document = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/RESOLVERS.md"));
    for line in plan_in(folder).files[3].text.lines().filter(|line| !line.contains("stub-addr")) {
        assert!(document.contains(line), "docs/RESOLVERS.md does not say {line:?}");
    }
}

#[test]
fn a_name_that_two_servers_have_is_nobodys() {
    let mut servers = vec![
        server("10.0.0.1:5432", "orders", primary()),
        server("10.0.0.2:5432", "orders", standby("10.0.0.1:5432")),
        server("10.0.0.3:5432", "site-b", standby("10.0.0.1:5432")),
        server("10.0.0.3:5433", "15/main", standby("10.0.0.1:5432")),
        server("10.0.0.3:5434", "", standby("10.0.0.1:5432")),
    ];
    servers[1].hint = NameHint::reduced("DB2");
    let names: Vec<_> = names(&servers).iter().map(ToString::to_string).collect();
    let expected = ["host-10-0-0-1", "db2", "site-b", "host-10-0-0-3", "host-10-0-0-3-2"];
    assert_eq!(names, expected);
}

#[test]
fn there_is_one_primary_or_none() {
    let mut found = pair();
    assert_eq!(found.servers[0].role(), Role::Primary);
    let at = found.primary().map(|one| one.at.to_string());
    assert_eq!(at.as_deref(), Some("10.0.0.1:5432"));
    found.servers.push(server("10.0.0.3:5432", "", primary()));
    assert!(found.primary().is_none());
    found.servers.clear();
    assert!(found.primary().is_none());
}

#[test]
fn a_server_that_is_reached_here_goes_by_the_address_that_others_know() {
    let mut local = server("127.0.0.1:5432", "", primary());
    local.prefer("10.0.0.1".parse().expect("an address"));
    assert_eq!(local.at.to_string(), "10.0.0.1:5432");
    local.prefer("10.0.0.7".parse().expect("an address"));
    assert_eq!(local.at.to_string(), "10.0.0.1:5432");
}
