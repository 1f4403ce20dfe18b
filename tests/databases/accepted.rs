//! An operator's word where PostgreSQL proves nothing: a copy of the primary was started writable, on
//! the same timeline, and either of the two may be the one with the right data.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr},
};

use pointsman::state::{Image, StreamImage, decode};
use tempfile::TempDir;

use crate::{
    in_turn,
    pointsman::{Cluster, Engine, Pointsman, write_files},
    ports,
    postgres_cluster::{PgCluster, Shutdown},
    postgres_programs::Programs,
    scene::Scene,
};

const SERVERS: [Ipv4Addr; 3] =
    [Ipv4Addr::new(127, 62, 30, 1), Ipv4Addr::new(127, 62, 30, 2), Ipv4Addr::new(127, 62, 30, 3)];

/// Where Pointsman answers.
const HOME: Ipv4Addr = Ipv4Addr::new(127, 62, 30, 9);

#[test]
fn a_history_is_accepted() {
    in_turn(|| {
        let mut servers = PgCluster::start(Programs::installed(), &SERVERS);
        let cluster = Cluster::new("db", Engine::Postgres, SERVERS, servers.port());
        let folder = tempfile::tempdir().expect("a temporary directory can be made");
        let dns = SocketAddr::from((HOME, ports::free_on(&[HOME])));
        let more = "\n[admin]\nsocket = \"admin.sock\"\n";
        write_files(folder.path(), dns, &[&cluster], more);
        let pointsman = Pointsman::serve_files(folder.path(), dns, &cluster);

        a_writable_copy_is_never_published_and_the_original_is_accepted(
            &pointsman,
            &cluster,
            &mut servers,
        );
        the_copy_is_accepted(&pointsman, &cluster, &mut servers);

        pointsman.stop();
        let image = saved(&folder);
        let known = &image.clusters["db"];
        let wal = known.reach.iter().find(|reach| reach.stream == StreamImage::Wal);
        assert!(wal.is_some_and(|reach| !reach.seen.is_empty()), "{:?}", known.reach);
        for (name, server) in &known.servers {
            let history = server.history.as_ref();
            assert_eq!(history.and_then(|history| history.timeline), Some(1), "{name}: {server:?}");
        }
        let pointsman = Pointsman::serve_files(folder.path(), dns, &cluster);
        let scene = Scene::open(
            "PostgreSQL accept 3: a restart knows it",
            &pointsman,
            &cluster,
            2,
            &[0, 1],
        );
        scene.watch_a_while();
        scene.close();
        pointsman.stop();
    });
}

/// What Pointsman says when somebody accepts the history of `server`.
fn accept(pointsman: &Pointsman, server: &str) -> (Option<i32>, String) {
    pointsman.command(&["accept", "db", server, "--reason", "the other one is a copy"])
}

/// What was saved last.
fn saved(folder: &TempDir) -> Image {
    let file = folder.path().join("state").join("pointsman.state");
    decode(&fs::read(file).expect("a state file")).expect("it is whole")
}

/// The published one stays while two are writable, and also while it is restarted: a promotion would
/// have made a higher timeline.
fn a_writable_copy_is_never_published_and_the_original_is_accepted(
    pointsman: &Pointsman,
    cluster: &Cluster,
    servers: &mut PgCluster,
) {
    let title = "PostgreSQL accept 1: a writable copy, and the primary is restarted";
    let mut scene = Scene::open(title, pointsman, cluster, 0, &[1, 2]);
    servers.rebuild_writable(2, 0);
    scene.expect_state(2, "StalePrimary");
    servers.stop(0, Shutdown::Fast);
    scene.expect_state(0, "Down");
    scene.watch_a_while();
    let (code, refused) = accept(pointsman, "db1");
    scene.assert(code == Some(1), "a history that nobody knows was accepted");
    scene.assert(refused.contains("db1 does not answer"), &refused);
    servers.start_server(0);
    scene.watch_a_while();
    let (_, why) = pointsman.command(&["why", "db3"]);
    scene.assert(why.contains("pointsman accept db db3 --reason TEXT"), &why);
    let (code, said) = accept(pointsman, "db1");
    scene.assert(code == Some(0), &said);
    scene.assert(said.starts_with("the history of db1 is that of db from now on\n"), &said);
    scene.expect_write(0);
    scene.expect_reads(&[1]);
    let (_, events) = pointsman.command(&["events", "--cluster", "db"]);
    scene.assert(events.contains("the other one is a copy"), &events);
    servers.rebuild(2, 0);
    scene.expect_reads(&[1, 2]);
    scene.watch_a_while();
    scene.close();
}

/// The copy has what counts: the original was stopped, and is a stale primary when it comes back.
fn the_copy_is_accepted(pointsman: &Pointsman, cluster: &Cluster, servers: &mut PgCluster) {
    let title = "PostgreSQL accept 2: the copy is accepted";
    let mut scene = Scene::open(title, pointsman, cluster, 0, &[1, 2]);
    servers.rebuild_writable(2, 0);
    scene.expect_state(2, "StalePrimary");
    servers.sql(2, "CREATE TABLE kept ()");
    servers.stop(0, Shutdown::Fast);
    scene.expect_state(0, "Down");
    scene.may_write(&[0, 2]);
    let (code, said) = accept(pointsman, "db3");
    scene.assert(code == Some(0), &said);
    scene.expect_write(2);
    servers.start_server(0);
    scene.expect_state(0, "StalePrimary");
    scene.watch_a_while();
    servers.rebuild(0, 2);
    servers.rebuild(1, 2);
    scene.expect_reads(&[0, 1]);
    scene.close();
}
