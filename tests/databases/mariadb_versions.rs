//! The probe against other versions of MariaDB: a primary and its replicas, a failover by GTID, and
//! the old primary that comes back.

use std::net::Ipv4Addr;

use crate::{
    in_turn,
    mysql_cluster::MySqlCluster,
    mysql_programs::MySqlPrograms,
    pointsman::{Cluster, Engine, Pointsman},
    scene::Scene,
};

const SERVERS: [Ipv4Addr; 3] =
    [Ipv4Addr::new(127, 0, 11, 1), Ipv4Addr::new(127, 0, 11, 2), Ipv4Addr::new(127, 0, 11, 3)];

#[test]
fn mariadb_10_5() {
    fail_over(MySqlPrograms::mariadb_of("bullseye"), "10.5.");
}

#[test]
fn mariadb_11_8() {
    fail_over(MySqlPrograms::mariadb_of("trixie"), "11.8.");
}

fn fail_over(programs: MySqlPrograms, version: &str) {
    in_turn(|| {
        let mut servers = MySqlCluster::start(programs.clone(), &SERVERS);
        let running = servers.value(0, "SELECT version()");
        assert!(
            running.starts_with(version) && running.contains("MariaDB"),
            "{running} is running"
        );

        let cluster = Cluster::new("shop", Engine::MySql, SERVERS, servers.port());
        let pointsman = Pointsman::serve(&[&cluster]);
        let title = format!("MariaDB {running}: the primary crashes, a replica is promoted");
        let mut scene = Scene::open(title, &pointsman, &cluster, 0, &[1, 2]);
        servers.kill9(0);
        scene.expect_state(0, "Down");
        scene.expect_write_held(0);
        scene.may_write(&[0, 1]);
        servers.promote(1);
        scene.expect_write(1);
        servers.follow(2, 1);
        servers.write(1, "the old primary has not seen this");
        scene.expect_reads(&[2]);
        servers.start_server(0, false);
        scene.expect_state(0, "StalePrimary");
        scene.watch_a_while();
        scene.expect_reads(&[2]);
        servers.follow(0, 1);
        scene.expect_state(0, "Replica");
        scene.expect_reads(&[0, 2]);
        scene.close();
        pointsman.stop();
    });
}
