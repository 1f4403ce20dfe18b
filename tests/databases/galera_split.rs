//! The network between the nodes of a Galera cluster splits, and each part goes on for itself.

use std::net::{IpAddr, Ipv4Addr};

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

        // While the node joins, Galera may take the quorum from the two for a moment. Either may have
        // it again first, and it is as good a writer as the other.
        let mut back =
            scene("the network is back, and one of those who had the majority stays", 1, &[2]);
        back.may_be_empty();
        back.may_write(&[1, 2]);
        drop(split);
        back.eventually("all three are published", |scene| {
            let (written, read) = (scene.ask_write().addresses, scene.ask_read().addresses);
            let is_writer = written == [second] || written == [third];
            is_writer && read.len() == 2 && read.contains(&IpAddr::V4(first))
        });
        let writer = if back.ask_write().addresses == [second] { 1 } else { 2 };
        let other = 3 - writer;
        back.expect_write(writer);
        back.expect_reads(&[0, other]);
        back.watch_a_while();
        back.close();

        // By its weight the writer is the majority, though two of three servers are without it.
        nodes.set_weight(writer, 3);
        let mut two = scene("two nodes without a quorum are never the writer", writer, &[0, other]);
        two.may_be_empty();
        let split = network.split(&[NODES[writer]], &[first, NODES[other]]);
        for node in [0, other] {
            nodes.wait_until_alone(node);
        }
        two.expect_write(writer);
        two.expect_reads(&[writer]);
        two.watch_a_while();

        // Both parts take writes now. A bootstrap keeps the identity of the group.
        nodes.declare_primary(0);
        two.eventually("it says that two are writable", |scene| {
            let told = scene.ask_write();
            told.addresses == [NODES[writer]]
                && told.errors.iter().any(|(_, it)| it.contains(TWO_WRITABLE))
        });
        two.expect_reads(&[writer]);
        two.watch_a_while();

        // The end of one part makes the other no heir of what it lacks.
        nodes.kill9(writer);
        two.expect_state(writer, "Down");
        two.watch_a_while();
        two.expect_write_held(writer);
        two.close();
        drop(split);
        pointsman.stop();
    });
}
