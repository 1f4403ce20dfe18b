//! Asynchronous replicas beside a Galera cluster, more of them than there are nodes: the nodes alone
//! decide who is written to.

use std::net::Ipv4Addr;

use crate::{
    galera_cluster::GaleraCluster,
    in_turn,
    pointsman::{Cluster, Engine, Pointsman},
    scene::Scene,
};

const SERVERS: [Ipv4Addr; 5] = [
    Ipv4Addr::new(127, 0, 18, 1),
    Ipv4Addr::new(127, 0, 18, 2),
    Ipv4Addr::new(127, 0, 18, 3),
    Ipv4Addr::new(127, 0, 18, 4),
    Ipv4Addr::new(127, 0, 18, 5),
];

#[test]
fn replicas_beside_a_galera_cluster() {
    in_turn(|| {
        let (nodes, replicas) = SERVERS.split_at(2);
        let mut servers = GaleraCluster::start_with_replicas(nodes, replicas);
        let cluster = Cluster::new("mixed", Engine::MySql, SERVERS, servers.port());
        let pointsman = Pointsman::serve(&[&cluster]);
        let scene = |title: &str, writer, readers: &[usize]| {
            let title = format!("Galera with replicas: {title}");
            Scene::open(title, &pointsman, &cluster, writer, readers)
        };

        let all_well = scene("a group is one, whoever is beside it", 0, &[1, 2, 3, 4]);
        all_well.watch_a_while();
        all_well.assert_unmoved(0, &[1, 2, 3, 4]);
        let alarms = pointsman.log().contains("two servers are writable");
        all_well.assert(!alarms, "two nodes of one group are no split brain");
        all_well.close();

        let mut alone = scene("a node without a quorum is not the writer", 0, &[1, 2, 3, 4]);
        // Until Galera has noticed, after two or three seconds, the survivor says that it has a quorum.
        alone.may_be_empty();
        alone.may_write(&[0, 1]);
        servers.kill9(0);
        servers.wait_until_alone(1);
        alone.expect_no_write();
        alone.may_write(&[]);
        alone.expect_reads(&[2, 3, 4]);
        alone.watch_a_while();
        alone.expect_no_write();
        alone.close();

        pointsman.stop();
    });
}
