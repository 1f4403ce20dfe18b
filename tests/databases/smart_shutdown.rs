//! A smart shutdown of PostgreSQL, `pg_ctl stop -m smart`: the server lets nobody in and waits for
//! every session to end. Pointsman's must not make it wait for long.

use std::{
    net::Ipv4Addr,
    time::{Duration, Instant},
};

use crate::{
    in_turn,
    pointsman::{Cluster, Engine, Pointsman},
    postgres_cluster::{PgCluster, Shutdown},
    postgres_programs::Programs,
    scene::Scene,
};

const SERVERS: [Ipv4Addr; 2] = [Ipv4Addr::new(127, 0, 9, 1), Ipv4Addr::new(127, 0, 9, 2)];

/// Sessions are renewed every 10 s, give or take a twentieth, and a refused renewal ends them. The
/// rest is for the server itself.
const HELD_UP_MAX: Duration = Duration::from_secs(12);

#[test]
fn a_smart_shutdown_is_not_held_up() {
    in_turn(|| {
        let mut servers = PgCluster::start(Programs::installed(), &SERVERS);
        servers.allow_heartbeats(0);
        let mut cluster = Cluster::new("db", Engine::Postgres, SERVERS, servers.port());
        cluster.heartbeats = true;
        let pointsman = Pointsman::serve(&[&cluster]);
        let title = "PostgreSQL: smart shutdown of the primary, which writes heartbeats";
        let mut scene = Scene::open(title, &pointsman, &cluster, 0, &[1]);
        let began = Instant::now();
        servers.stop(0, Shutdown::Smart);
        let took = began.elapsed();
        println!("    {took:?} until the server had ended");
        scene.assert(took < HELD_UP_MAX, &format!("the server took {took:?} to end"));
        scene.expect_state(0, "Down");
        scene.expect_write_held(0);
        servers.start_server(0);
        scene.expect_write(0);
        scene.assert_unmoved(0, &[1]);
        scene.close();
        pointsman.stop();
    });
}
