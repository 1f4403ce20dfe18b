//! Clusters of anything with a port: no roles, so order decides.

use std::net::Ipv4Addr;

use crate::{
    in_turn,
    listeners::Listeners,
    pointsman::{Cluster, Engine, Pointsman},
    scene::Scene,
};

const STAYING: [Ipv4Addr; 3] =
    [Ipv4Addr::new(127, 0, 5, 1), Ipv4Addr::new(127, 0, 5, 2), Ipv4Addr::new(127, 0, 5, 3)];
const RETURNING: [Ipv4Addr; 3] =
    [Ipv4Addr::new(127, 0, 5, 11), Ipv4Addr::new(127, 0, 5, 12), Ipv4Addr::new(127, 0, 5, 13)];

#[test]
fn tcp() {
    in_turn(|| {
        let mut staying = Listeners::start(&STAYING);
        let mut returning = Listeners::start(&RETURNING);
        returning.stop(0);
        let mut stay = Cluster::new("stay", Engine::Tcp, STAYING, staying.port());
        stay.failback = Some("stay");
        let mut preferred = Cluster::new("return", Engine::Tcp, RETURNING, returning.port());
        preferred.failback = Some("preferred");
        let pointsman = Pointsman::serve(&[&stay, &preferred]);

        let title = "tcp: the first fails, the second stays when the first is back";
        let mut scene = Scene::open(title, &pointsman, &stay, 0, &[1, 2]);
        scene.may_write(&[0, 1]);
        staying.stop(0);
        scene.expect_write(1);
        staying.resume(0);
        scene.expect_state(0, "Up");
        scene.watch_a_while();
        scene.expect_write(1);
        scene.close();

        let title = "tcp: the preferred one comes late, and writes go to it";
        let mut scene = Scene::open(title, &pointsman, &preferred, 1, &[2]);
        scene.may_write(&[1, 0]);
        returning.resume(0);
        scene.expect_write(0);
        scene.close();

        let title =
            "tcp: it fails and is back at once, and writes return when it has stood the test";
        let mut scene = Scene::open(title, &pointsman, &preferred, 0, &[1, 2]);
        scene.may_write(&[0, 1]);
        returning.stop(0);
        scene.expect_write(1);
        returning.resume(0);
        scene.expect_state(0, "Up");
        scene.watch_a_while();
        scene.expect_write(1);
        scene.may_write(&[1, 0]);
        scene.expect_write(0);
        scene.close();

        let title = "tcp: all are down, and the last one is held";
        let mut scene = Scene::open(title, &pointsman, &stay, 1, &[0, 2]);
        staying.stop(0);
        staying.stop(2);
        scene.expect_state(0, "Down");
        scene.expect_state(2, "Down");
        staying.stop(1);
        scene.expect_state(1, "Down");
        scene.expect_write_held(1);
        scene.watch_a_while();
        scene.expect_write_held(1);
        scene.may_write(&[1, 2]);
        staying.resume(2);
        scene.expect_write(2);
        scene.close();
        pointsman.stop();
    });
}
