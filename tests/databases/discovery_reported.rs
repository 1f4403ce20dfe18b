//! Real MariaDB replicas that are published as they call themselves: where clients reach them, and not
//! where they were found.

use std::net::Ipv4Addr;

use crate::{
    discovering::{Scene, list, until_discovered, until_named},
    fault_proxy::FaultProxy,
    in_turn,
    mysql_cluster::MySqlCluster,
    mysql_programs::MySqlPrograms,
    patience,
    pointsman::{Cluster, Engine},
};

const fn at(last: u8) -> Ipv4Addr {
    Ipv4Addr::new(127, 62, 41, last)
}

/// The primary, and three replicas: one that clients reach elsewhere, one that calls itself after a
/// host of somebody else's, and one that calls itself nothing.
const SERVERS: [Ipv4Addr; 4] = [at(1), at(2), at(3), at(4)];

const HOME: Ipv4Addr = at(9);

/// Where clients reach the first replica.
const FOR_CLIENTS: Ipv4Addr = at(30);

const DISCOVERY: &str = r#"
[cluster.discovery]
sources = ["file"]
mode = "join"
publish = "reported"
networks = ["127.62.41.0/24"]
interval = "1s"

[cluster.discovery.file]
path = "db.targets.json"
"#;

#[test]
fn a_replica_is_published_as_it_calls_itself_once_it_has_proven_itself_there() {
    in_turn(|| {
        let mut servers = MySqlCluster::start(MySqlPrograms::mariadb(), &SERVERS);
        let port = servers.port();
        servers.call_itself(1, &FOR_CLIENTS.to_string());
        servers.call_itself(2, "192.0.2.7");
        for replica in [1, 2] {
            patience::until("it follows again", || servers.follows(replica, 0));
        }
        let cluster = Cluster::new("db", Engine::MySql, &SERVERS[..1], port);
        let scene = Scene::new(&cluster, HOME, DISCOVERY);
        let targets: Vec<_> = SERVERS[1..].iter().map(|at| format!("\"{at}:{port}\"")).collect();
        let targets = format!("[{{\"targets\": [{}]}}]", targets.join(", "));
        list(scene.folder.path(), &targets);
        let pointsman = scene.serve();
        // Nobody is there yet.
        until_discovered(&pointsman, &format!("calls itself {FOR_CLIENTS}:{port}"));
        until_discovered(&pointsman, "calls itself 192.0.2.7:");
        until_discovered(&pointsman, "has no `report_host`");
        until_named(&pointsman, &cluster.read_name(), &SERVERS[..1]);

        let way = FaultProxy::start((FOR_CLIENTS, port).into(), (SERVERS[1], port).into());
        until_named(&pointsman, &cluster.read_name(), &[FOR_CLIENTS]);
        until_discovered(&pointsman, "at another address");
        drop(pointsman);
        let pointsman = scene.serve();
        until_named(&pointsman, &cluster.read_name(), &[FOR_CLIENTS]);
        drop(way);
        pointsman.stop();
    });
}
