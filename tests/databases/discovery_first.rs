//! A cluster without a server in the file: what a source names is shown, and nobody is believed before
//! an operator has vouched for the first.

use std::net::Ipv4Addr;

use crate::{
    discovering::{Scene, discovered, list, until_discovered, until_named},
    in_turn, patience,
    pointsman::{Cluster, Engine},
    postgres_cluster::PgCluster,
    postgres_programs::Programs,
};

const SERVERS: [Ipv4Addr; 2] = [Ipv4Addr::new(127, 62, 35, 1), Ipv4Addr::new(127, 62, 35, 2)];

const HOME: Ipv4Addr = Ipv4Addr::new(127, 62, 35, 9);

const DISCOVERY: &str = r#"
[cluster.discovery]
sources = ["replication", "file"]
mode = "join"
networks = ["127.62.35.0/24"]
interval = "1s"

[cluster.discovery.file]
path = "db.targets.json"
"#;

#[test]
fn an_operator_vouches_for_the_first_and_all_others_prove_themselves() {
    in_turn(|| {
        let servers = PgCluster::start(Programs::installed(), &SERVERS);
        let port = servers.port();
        let cluster = Cluster::new("db", Engine::Postgres, [], port);
        let scene = Scene::new(&cluster, HOME, DISCOVERY);
        let targets = SERVERS.map(|server| format!("\"{server}:{port}\"")).join(", ");
        list(scene.folder.path(), &format!("[{{\"targets\": [{targets}]}}]"));
        let pointsman = scene.serve();
        let identity = servers.value(0, "SELECT system_identifier FROM pg_control_system()");
        until_discovered(
            &pointsman,
            &format!("a primary on timeline 1 with system identifier {identity}"),
        );
        until_discovered(&pointsman, &format!("a standby with system identifier {identity}"));
        let told = discovered(&pointsman);
        assert!(told.contains("pointsman server add db "), "{told}");
        let (_, toml) = pointsman.command(&["discover", "db", "--toml"]);
        assert!(!toml.contains("cluster.server"), "{toml}");
        // Nothing is in a name, however writable it is, and every voice can say so.
        let mut client = pointsman.client();
        for name in [cluster.write_name(), cluster.read_name()] {
            let answer = client.addresses(&name).expect("an answer");
            assert!(answer.set().is_empty(), "{name}: {answer:?}");
        }
        for command in [&["status"][..], &["why", "db"], &["server", "ready", "db1"]] {
            let (code, told) = pointsman.command(command);
            assert!(code.is_some_and(|code| code != 101), "{command:?}: {told}");
        }
        assert!(pointsman.metrics().contains("pointsman_discovered{"), "{}", pointsman.metrics());
        assert!(pointsman.get("/").starts_with("HTTP/1.1 200"), "{}", pointsman.get("/"));

        let at = format!("{}:{port}", SERVERS[0]);
        for command in [&["server", "add", "db", "db1", &at][..], &["server", "ready", "db1"]] {
            let (code, told) = pointsman.command(command);
            assert_eq!(code, Some(0), "{command:?}: {told}");
        }
        until_named(&pointsman, &cluster.write_name(), &SERVERS[..1]);
        until_named(&pointsman, &cluster.read_name(), &SERVERS[1..]);
        assert!(!discovered(&pointsman).contains("vouch"), "{}", discovered(&pointsman));

        // Killed: a restart knows both, and does not ask again.
        drop(pointsman);
        let pointsman = scene.serve();
        until_named(&pointsman, &cluster.write_name(), &SERVERS[..1]);
        until_named(&pointsman, &cluster.read_name(), &SERVERS[1..]);

        // The cluster loses its servers again, one by one, to the last.
        until_discovered(&pointsman, " member ");
        let told = discovered(&pointsman);
        let standby = told.lines().find(|line| line.contains(" member ")).expect(&told);
        let standby = standby.split_whitespace().next().expect("a name").to_owned();
        for server in [&*standby, "db1"] {
            let (code, told) =
                pointsman.command(&["drain", server, "--force", "--reason", "it leaves"]);
            assert_eq!(code, Some(0), "{told}");
            let mut last = String::new();
            let removed = patience::poll(patience::PATIENCE, || {
                let (code, told) = pointsman.command(&["server", "remove", server]);
                last = told;
                (code == Some(0)).then_some(())
            });
            assert!(removed.is_some(), "{server}: {last}");
        }
        until_named(&pointsman, &cluster.write_name(), &[]);
        until_discovered(&pointsman, "forgotten");
        let (_, told) = pointsman.command(&["discover", "--revive", "db1"]);
        until_discovered(&pointsman, "vouch");
        assert!(!told.contains("error"), "{told}");
        pointsman.stop();
    });
}
