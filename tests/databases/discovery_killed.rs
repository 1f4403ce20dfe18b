//! Pointsman is killed again and again while servers join: who has joined stays, under its name.

use std::{collections::BTreeMap, net::Ipv4Addr};

use crate::{
    discovering::{Scene, discovered, list, until_named},
    in_turn, patience,
    pointsman::{Cluster, Engine, Pointsman},
    postgres_cluster::PgCluster,
    postgres_programs::Programs,
};

const SERVERS: [Ipv4Addr; 5] = [
    Ipv4Addr::new(127, 62, 40, 1),
    Ipv4Addr::new(127, 62, 40, 2),
    Ipv4Addr::new(127, 62, 40, 3),
    Ipv4Addr::new(127, 62, 40, 4),
    Ipv4Addr::new(127, 62, 40, 5),
];

const HOME: Ipv4Addr = Ipv4Addr::new(127, 62, 40, 9);

const DISCOVERY: &str = r#"
[cluster.discovery]
sources = ["file"]
mode = "join"
networks = ["127.62.40.0/24"]
interval = "1s"

[cluster.discovery.file]
path = "db.targets.json"
"#;

/// The servers as the configuration in force has them: their names by their addresses.
fn servers(pointsman: &Pointsman) -> BTreeMap<String, String> {
    let (code, text) = pointsman.command(&["config"]);
    assert_eq!(code, Some(0), "{text}");
    let value = |line: &str, key: &str| {
        let value = line.strip_prefix(key)?.strip_prefix(" = ")?;
        Some(value.trim_matches('"').to_owned())
    };
    let sections = text.split("[[cluster.server]]").skip(1);
    let named = sections.map(|section| {
        let of = |key: &str| section.lines().find_map(|line| value(line, key)).expect(section);
        (of("address"), of("name"))
    });
    let all: Vec<_> = named.collect();
    let servers: BTreeMap<_, _> = all.iter().cloned().collect();
    assert_eq!(servers.len(), all.len(), "one server twice: {all:?}");
    servers
}

#[test]
fn whoever_has_joined_outlasts_every_kill() {
    in_turn(|| {
        let databases = PgCluster::start(Programs::installed(), &SERVERS);
        let port = databases.port();
        let cluster = Cluster::new("db", Engine::Postgres, &SERVERS[..1], port);
        let scene = Scene::new(&cluster, HOME, DISCOVERY);
        let targets: Vec<_> = SERVERS.iter().map(|at| format!("\"{at}:{port}\"")).collect();
        let mut known = BTreeMap::new();
        let mut kills = 0;
        while known.len() < SERVERS.len() {
            assert!(kills < 20, "nobody joins any more: {known:?}");
            // One more than joined before; all of them want to be called the same.
            let listed = targets[..SERVERS.len().min(known.len().max(1) + 1)].join(", ");
            let labels = "\"labels\": {\"name\": \"twin\"}";
            list(scene.folder.path(), &format!("[{{\"targets\": [{listed}], {labels}}}]"));
            let pointsman = scene.serve();
            let begun = servers(&pointsman);
            for (address, name) in &known {
                assert_eq!(begun.get(address), Some(name), "{kills}: {known:?} {begun:?}");
            }
            // As soon as one more has joined, drained or not, it is over.
            let joined = patience::poll(2 * patience::PATIENCE, || {
                let now = servers(&pointsman);
                (now.len() > known.len().max(1)).then_some(now)
            });
            let told = || format!("{}\n{}", discovered(&pointsman), pointsman.log().tail(30));
            known = joined.unwrap_or_else(|| panic!("{}", told()));
            drop(pointsman);
            kills += 1;
        }
        assert!(kills >= SERVERS.len() - 1, "{kills} kills");
        let pointsman = scene.serve();
        assert_eq!(servers(&pointsman), known, "after {kills} kills");
        until_named(&pointsman, &cluster.write_name(), &SERVERS[..1]);
        until_named(&pointsman, &cluster.read_name(), &SERVERS[1..]);
        assert_eq!(servers(&pointsman), known);
        pointsman.stop();
    });
}
