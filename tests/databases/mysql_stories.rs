//! Stories of `stories.rs` that only MySQL and MariaDB have.

use std::{
    net::IpAddr,
    time::{Duration, Instant},
};

use crate::{
    group::Group,
    patience,
    pointsman::Pointsman,
    stories::{Stage, Story, replicas},
};

/// Their numbers begin after those of every engine.
pub(crate) const STORIES: &[Story] = &[
    nobody_is_writable,
    histories_diverge,
    a_replica_crashes_between_rare_probes,
    a_replica_receives_nothing_and_breaks,
];

/// `on_not_writable = "empty"`, the default: the server itself says that writes to it would fail.
fn nobody_is_writable(stage: &Stage, servers: &mut Group, p: usize) -> usize {
    let mut scene = stage.scene("11: the primary is made read-only, and writable again", p);
    scene.may_be_empty();
    servers.mysql().set_read_only(p, true);
    scene.expect_state(p, "ReadOnlyPrimary");
    scene.expect_no_write();
    scene.watch_a_while();
    scene.expect_no_write();
    servers.mysql().set_read_only(p, false);
    scene.expect_write(p);
    scene.close();
    p
}

fn histories_diverge(stage: &Stage, servers: &mut Group, p: usize) -> usize {
    let (a, b) = replicas(p);
    let mut scene = stage.scene("12: a replica is cut off and written to", p);
    servers.mysql().diverge(a, p);
    let second = scene.expect_state(a, "StalePrimary");
    scene.assert(second.level == "WARN", &format!("no alarm: {second}"));
    scene.watch_a_while();
    scene.expect_reads(&[b]);
    let path = scene.record().write_path().len();
    scene.assert(path == 1, "the write name moved");
    scene.close();
    servers.rebuild(a, p);
    p
}

/// Its connection is watched: the next probe is seconds away, and the answer changes at once.
fn a_replica_crashes_between_rare_probes(stage: &Stage, servers: &mut Group, p: usize) -> usize {
    let (a, b) = replicas(p);
    let mut cluster = stage.cluster.clone();
    cluster.interval = Some("5s");
    let rare = Stage { kind: stage.kind, pointsman: Pointsman::serve(&[&cluster]), cluster };
    let mut scene = rare.scene("13: a replica crashes between two probes that are 5 s apart", p);
    servers.kill9(a);
    let killed = Instant::now();
    let left = [IpAddr::V4(rare.cluster.servers[b])];
    let dropped = patience::poll(Duration::from_secs(1), || {
        (scene.ask_read().set() == left).then_some(killed.elapsed())
    });
    println!("    {dropped:?} from the crash to the answer");
    scene.assert(dropped.is_some(), "the read name still has the crashed replica");
    servers.start_again(a);
    scene.expect_reads(&[a, b]);
    scene.close();
    rare.pointsman.stop();
    p
}

fn a_replica_receives_nothing_and_breaks(stage: &Stage, servers: &mut Group, p: usize) -> usize {
    let (a, b) = replicas(p);
    let workload = servers.write_steadily(p);
    let mut scene = stage.scene("14: receiving is stopped, applying is broken", p);
    servers.mysql().stop_io_thread(a);
    scene.expect_reads(&[b]);
    scene.expect_state_in(a, &["ReplicaDetached", "ReplicaLagging"]);
    servers.mysql().start_threads(a);
    scene.expect_reads(&[a, b]);

    drop(workload);
    servers.mysql().break_sql_thread(a, p);
    scene.expect_reads(&[b]);
    let broken = scene.expect_state(a, "ReplicaBroken");
    scene.assert(broken.level == "WARN", &format!("no alarm: {broken}"));
    scene.assert(broken.reason.contains("1062"), &format!("no reason: {broken}"));
    servers.mysql().mend_sql_thread(a, p);
    scene.expect_reads(&[a, b]);
    scene.close();
    p
}
