//! A replica loses its data and comes up empty, and as writable as a new server is, while the primary
//! is gone. It has nothing of what the primary had, so that it inherits nothing.

use std::net::Ipv4Addr;

use crate::{
    in_turn,
    mysql_cluster::MySqlCluster,
    mysql_programs::MySqlPrograms,
    pointsman::{Cluster, Engine, Pointsman},
    scene::Scene,
};

const MARIADB: [Ipv4Addr; 3] =
    [Ipv4Addr::new(127, 0, 15, 1), Ipv4Addr::new(127, 0, 15, 2), Ipv4Addr::new(127, 0, 15, 3)];
const MYSQL: [Ipv4Addr; 3] =
    [Ipv4Addr::new(127, 0, 16, 1), Ipv4Addr::new(127, 0, 16, 2), Ipv4Addr::new(127, 0, 16, 3)];

#[test]
fn an_empty_mariadb_inherits_nothing() {
    play(MySqlPrograms::mariadb(), MARIADB);
}

#[test]
fn an_empty_mysql_inherits_nothing() {
    play(MySqlPrograms::mysql(), MYSQL);
}

fn play(programs: MySqlPrograms, addresses: [Ipv4Addr; 3]) {
    in_turn(|| {
        let mut servers = MySqlCluster::start(programs.clone(), &addresses);
        let cluster = Cluster::new("shop", Engine::MySql, addresses, servers.port());
        let pointsman = Pointsman::serve(&[&cluster]);
        let title = format!("{}: an empty server beside a dead primary", servers.flavour().title());
        let mut scene = Scene::open(title, &pointsman, &cluster, 0, &[1, 2]);
        servers.kill9(0);
        scene.expect_state(0, "Down");
        servers.make_foreign(1);
        scene.eventually("the empty server has been judged", |scene| {
            let path = scene.state_path(1);
            path.last().is_some_and(|last| !matches!(&**last, "Down" | "Starting" | "Unknown"))
        });
        scene.watch_a_while();
        scene.expect_write_held(0);
        scene.expect_reads(&[2]);
        servers.start_server(0, false);
        scene.expect_write(0);
        servers.make_native(1, 0);
        scene.expect_reads(&[1, 2]);
        scene.close();
        pointsman.stop();
    });
}
