//! A Galera cluster: every node is writable, and exactly one is published for writes.

use std::net::Ipv4Addr;

use crate::{
    galera_cluster::GaleraCluster,
    in_turn,
    pointsman::{Cluster, Engine, Pointsman},
    scene::Scene,
};

const NODES: [Ipv4Addr; 3] =
    [Ipv4Addr::new(127, 0, 3, 1), Ipv4Addr::new(127, 0, 3, 2), Ipv4Addr::new(127, 0, 3, 3)];

#[test]
fn galera() {
    in_turn(|| {
        let mut nodes = GaleraCluster::start(&NODES);
        let cluster = Cluster::new("ring", Engine::MySql, NODES, nodes.port());
        let pointsman = Pointsman::serve(&[&cluster]);
        let scene = |title: &str, writer, readers: &[usize]| {
            Scene::open(format!("Galera: {title}"), &pointsman, &cluster, writer, readers)
        };

        let all_well = scene("one stable writer, the others for reads", 0, &[1, 2]);
        all_well.watch_a_while();
        all_well.assert_unmoved(0, &[1, 2]);
        all_well.close();

        let mut crash = scene("the writer crashes, another takes over", 0, &[1, 2]);
        crash.may_write(&[0, 1]);
        nodes.kill9(0);
        crash.expect_write(1);
        crash.expect_reads(&[2]);
        nodes.wait_for_size(1, 2);
        crash.close();

        let mut back = scene("the first writer is back, the other stays", 1, &[2]);
        // A node that joins opens a new view, and until its states are exchanged no node has a quorum.
        back.may_be_empty();
        nodes.start_node(0, 2);
        back.expect_reads(&[0, 2]);
        back.watch_a_while();
        back.close();

        // The survivor of three is the published writer, and without a majority it takes no writes.
        let mut alone = scene("no majority, no writer", 1, &[0, 2]);
        alone.may_be_empty();
        nodes.kill9(0);
        nodes.kill9(2);
        nodes.wait_until_alone(1);
        alone.expect_no_write();
        alone.watch_a_while();
        alone.expect_no_write();
        nodes.declare_primary(1);
        alone.expect_write(1);
        alone.close();
        pointsman.stop();
    });
}
