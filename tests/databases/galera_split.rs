//! The network between the nodes of a Galera cluster splits, and each part goes on for itself.

use std::net::Ipv4Addr;

use crate::{
    galera_cluster::GaleraCluster,
    in_turn,
    namespace::Namespace,
    pointsman::{Cluster, Engine, Pointsman},
    scene::Scene,
};

const NODES: [Ipv4Addr; 3] =
    [Ipv4Addr::new(127, 0, 17, 1), Ipv4Addr::new(127, 0, 17, 2), Ipv4Addr::new(127, 0, 17, 3)];

const TWO_WRITABLE: &str = "two servers are writable and nothing tells which is right";

#[test]
fn a_network_splits_a_galera_cluster() {
    in_turn(|| {
        let network = Namespace::enter();
        let mut nodes = GaleraCluster::start(&NODES);
        let cluster = Cluster::new("ring", Engine::MySql, NODES, nodes.port());
        let pointsman = Pointsman::serve(&[&cluster]);
        let scene = |title: &str, writer, readers: &[usize]| {
            let title = format!("Galera, a network split: {title}");
            Scene::open(title, &pointsman, &cluster, writer, readers)
        };
        let [first, second, third] = NODES;

        // No node has a quorum until the parts have agreed among themselves who is left.
        let mut alone =
            scene("the writer is cut off, and the others have the majority", 0, &[1, 2]);
        alone.may_be_empty();
        alone.may_write(&[0, 1]);
        let split = network.split(&[first], &[second, third]);
        nodes.wait_until_alone(0);
        alone.expect_write(1);
        alone.expect_reads(&[2]);
        alone.watch_a_while();
        alone.close();

        let mut back = scene("the network is back, and the other one stays", 1, &[2]);
        back.may_be_empty();
        drop(split);
        back.expect_reads(&[0, 2]);
        back.watch_a_while();
        back.close();

        // By its weight the writer is the majority, though two of three servers are without it.
        nodes.set_weight(1, 3);
        let mut two = scene("two nodes without a quorum are never the writer", 1, &[0, 2]);
        two.may_be_empty();
        let split = network.split(&[second], &[first, third]);
        for node in [0, 2] {
            nodes.wait_until_alone(node);
        }
        two.expect_write(1);
        two.expect_reads(&[1]);
        two.watch_a_while();

        // Both parts take writes now. A bootstrap keeps the identity of the group.
        nodes.declare_primary(0);
        two.eventually("it says that two are writable", |scene| {
            let told = scene.ask_write();
            told.addresses == [second]
                && told.errors.iter().any(|(_, it)| it.contains(TWO_WRITABLE))
        });
        two.expect_reads(&[1]);
        two.watch_a_while();

        // The end of one part makes the other no heir of what it lacks.
        nodes.kill9(1);
        two.expect_state(1, "Down");
        two.watch_a_while();
        two.expect_write_held(1);
        two.close();
        drop(split);
        pointsman.stop();
    });
}
