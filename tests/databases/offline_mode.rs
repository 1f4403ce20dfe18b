//! `offline_mode` of MySQL: the server ends the sessions of ordinary users and lets no new ones in
//! (3032), because somebody wants it so. It is in maintenance from the first moment on, and never
//! Down.

use std::net::Ipv4Addr;

use crate::{
    mysql_cluster::MySqlCluster,
    mysql_programs::MySqlPrograms,
    pointsman::{Cluster, Engine, Pointsman},
    scene::Scene,
    turn,
};

const SERVERS: [Ipv4Addr; 3] =
    [Ipv4Addr::new(127, 0, 12, 1), Ipv4Addr::new(127, 0, 12, 2), Ipv4Addr::new(127, 0, 12, 3)];

#[test]
fn mysql_in_offline_mode() {
    let _turn = turn();
    let servers = MySqlCluster::start(MySqlPrograms::mysql(), &SERVERS);
    let cluster = Cluster::new("shop", Engine::MySql, SERVERS, servers.port());
    let pointsman = Pointsman::serve(&[&cluster]);

    let mut scene =
        Scene::open("MySQL: a replica in offline mode", &pointsman, &cluster, 0, &[1, 2]);
    servers.sql(1, &["SET GLOBAL offline_mode = ON"]);
    scene.expect_reads(&[2]);
    scene.expect_state(1, "Maintenance");
    scene.watch_a_while();
    servers.sql(1, &["SET GLOBAL offline_mode = OFF"]);
    scene.expect_state(1, "Replica");
    scene.expect_reads(&[1, 2]);
    let path = scene.state_path(1);
    scene.assert(path == ["Maintenance", "Replica"], &format!("it went through {path:?}"));
    scene.close();
    pointsman.stop();
}
