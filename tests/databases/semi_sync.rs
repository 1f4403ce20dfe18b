//! Semi-synchronous replication: a commit waits until a replica has acknowledged it. A failover then
//! loses nothing, and a primary whose replicas are gone takes no writes, though it says that it is
//! writable.

use std::net::Ipv4Addr;

use crate::{
    in_turn,
    mysql_cluster::MySqlCluster,
    mysql_programs::MySqlPrograms,
    patience,
    pointsman::{Cluster, Engine, Pointsman},
    scene::Scene,
};

const MARIADB: [Ipv4Addr; 3] =
    [Ipv4Addr::new(127, 0, 13, 1), Ipv4Addr::new(127, 0, 13, 2), Ipv4Addr::new(127, 0, 13, 3)];
const MYSQL: [Ipv4Addr; 3] =
    [Ipv4Addr::new(127, 0, 14, 1), Ipv4Addr::new(127, 0, 14, 2), Ipv4Addr::new(127, 0, 14, 3)];

#[test]
fn semi_sync_on_mariadb() {
    play(MySqlPrograms::mariadb(), MARIADB);
}

#[test]
fn semi_sync_on_mysql() {
    play(MySqlPrograms::mysql(), MYSQL);
}

fn play(programs: MySqlPrograms, addresses: [Ipv4Addr; 3]) {
    in_turn(|| {
        let mut servers = MySqlCluster::start(programs.clone(), &addresses);
        servers.allow_heartbeats(0);
        servers.wait_for_acknowledgements(0);
        let cluster = Cluster::new("shop", Engine::MySql, addresses, servers.port());
        nobody_acknowledges(&servers, &Cluster { heartbeats: true, ..cluster.clone() });
        the_primary_crashes(&mut servers, &cluster);
    });
}

/// It says that it is writable; only heartbeats find out.
fn nobody_acknowledges(servers: &MySqlCluster, cluster: &Cluster) {
    let pointsman = Pointsman::serve(&[cluster]);
    let title = format!("{} semi-sync: nobody acknowledges", servers.flavour().title());
    let mut scene = Scene::open(title, &pointsman, cluster, 0, &[1, 2]);
    scene.may_be_empty();
    for replica in [1, 2] {
        servers.stop_io_thread(replica);
    }
    scene.expect_state(0, "ReadOnlyPrimary");
    scene.expect_no_write();
    servers.start_threads(1);
    scene.expect_write(0);
    servers.start_threads(2);
    scene.expect_reads(&[1, 2]);
    scene.close();
    pointsman.stop();
}

/// Nobody waits for a replica: that one of them has the last word is what the commit has waited for.
fn the_primary_crashes(servers: &mut MySqlCluster, cluster: &Cluster) {
    const LAST: &str = "SELECT count(*) FROM story.rows WHERE word = 'acknowledged'";
    let pointsman = Pointsman::serve(&[cluster]);
    let title = format!("{} semi-sync: the primary crashes", servers.flavour().title());
    let mut scene = Scene::open(title, &pointsman, cluster, 0, &[1, 2]);
    servers.write(0, "acknowledged");
    servers.kill9(0);
    scene.expect_state(0, "Down");
    let heir = patience::poll(patience::PATIENCE, || {
        [1, 2].into_iter().find(|replica| servers.value(*replica, LAST) == "1")
    });
    let heir = heir.expect("the last commit is on a replica");
    let other = 3 - heir;
    scene.may_write(&[0, heir]);
    servers.promote(heir);
    scene.expect_write(heir);
    servers.follow(other, heir);
    scene.expect_reads(&[other]);
    scene.assert(servers.value(other, LAST) == "1", "the last commit is on the other, too");
    scene.close();
    pointsman.stop();
}
