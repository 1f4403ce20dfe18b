//! What befalls a MySQL or MariaDB primary and its two GTID replicas, and what Pointsman answers meanwhile.
//!
//! A story gets the index of the primary and returns the index of the primary at its end; the names
//! `a` and `b` are the replicas, and a promotion falls to `a`. It begins and ends with two fresh
//! replicas, both in the read name. The numbers are those of the same stories about PostgreSQL; from 11
//! on they are MySQL's and MariaDB's only.

use std::{
    net::{IpAddr, Ipv4Addr},
    time::{Duration, Instant},
};

use crate::{
    in_turn, is_chosen,
    mysql_cluster::MySqlCluster,
    mysql_programs::MySqlPrograms,
    patience,
    pointsman::{Cluster, Engine, PROBE_PASSWORD, Pointsman},
    scene::Scene,
};

const MARIADB: [Ipv4Addr; 3] =
    [Ipv4Addr::new(127, 0, 2, 1), Ipv4Addr::new(127, 0, 2, 2), Ipv4Addr::new(127, 0, 2, 3)];
const MYSQL: [Ipv4Addr; 3] =
    [Ipv4Addr::new(127, 0, 9, 1), Ipv4Addr::new(127, 0, 9, 2), Ipv4Addr::new(127, 0, 9, 3)];

#[test]
fn mariadb() {
    play(MySqlPrograms::mariadb(), MARIADB);
}

#[test]
fn mysql() {
    play(MySqlPrograms::mysql(), MYSQL);
}

fn play(programs: MySqlPrograms, addresses: [Ipv4Addr; 3]) {
    in_turn(|| {
        println!("{} {}", programs.flavour().title(), programs.version());
        let mut servers = MySqlCluster::start(programs.clone(), &addresses);
        let cluster = Cluster::new("shop", Engine::MySql, addresses, servers.port());
        let pointsman = Pointsman::serve(&[&cluster]);
        let stage = Stage { engine: servers.flavour().title(), pointsman, cluster };
        let stories: [fn(&Stage, &mut MySqlCluster, usize) -> usize; 13] = [
            reads_are_shuffled,
            a_replica_crashes,
            both_replicas_stop,
            the_primary_crashes,
            the_old_primary_returns,
            a_replica_falls_behind,
            the_probe_is_shut_out,
            the_primary_freezes,
            a_foreign_server_moves_in,
            a_planned_switchover,
            nobody_is_writable,
            histories_diverge,
            a_replica_crashes_between_rare_probes,
        ];
        let mut primary = 0;
        for (number, story) in (1..).zip(stories) {
            if is_chosen(number) {
                primary = story(&stage, &mut servers, primary);
            }
        }
        stage.pointsman.stop();
    });
}

struct Stage {
    engine: &'static str,
    pointsman: Pointsman,
    cluster: Cluster,
}

impl Stage {
    fn scene(&self, title: &str, primary: usize) -> Scene<'_> {
        let (a, b) = replicas(primary);
        let title = format!("{} story {title}", self.engine);
        Scene::open(title, &self.pointsman, &self.cluster, primary, &[a, b])
    }
}

fn replicas(primary: usize) -> (usize, usize) {
    ((primary + 1) % 3, (primary + 2) % 3)
}

/// Each order of the two replicas comes up about half of the time; the bounds are six standard
/// deviations wide.
fn reads_are_shuffled(stage: &Stage, _: &mut MySqlCluster, p: usize) -> usize {
    let (a, b) = replicas(p);
    let mut scene = stage.scene("1: writes to the primary, reads to both replicas", p);
    let first = stage.cluster.servers[a];
    let begins_with_a =
        (0..1000).filter(|_| scene.ask_read().addresses.first() == Some(&first.into())).count();
    let fair = (400..=600).contains(&begins_with_a);
    scene.assert(fair, &format!("of 1000 answers {begins_with_a} begin with {first}"));
    scene.assert_unmoved(p, &[a, b]);
    scene.close();
    p
}

fn a_replica_crashes(stage: &Stage, servers: &mut MySqlCluster, p: usize) -> usize {
    let (a, b) = replicas(p);
    let mut scene = stage.scene("2: a replica crashes and comes back", p);
    servers.kill9(a);
    scene.expect_reads(&[b]);
    scene.expect_state(a, "Down");
    servers.start_server(a, true);
    scene.expect_reads(&[a, b]);
    scene.expect_state(a, "Replica");
    scene.close();
    p
}

fn both_replicas_stop(stage: &Stage, servers: &mut MySqlCluster, p: usize) -> usize {
    let (a, b) = replicas(p);
    let mut scene = stage.scene("3: with both replicas gone the primary serves reads", p);
    servers.stop(a);
    servers.stop(b);
    scene.expect_reads_degraded(&[p]);
    servers.start_server(a, true);
    servers.start_server(b, true);
    scene.expect_reads(&[a, b]);
    scene.close();
    p
}

fn the_primary_crashes(stage: &Stage, servers: &mut MySqlCluster, p: usize) -> usize {
    let (a, b) = replicas(p);
    let mut scene = stage.scene("4: the primary crashes, a replica is promoted", p);
    servers.kill9(p);
    scene.expect_state(p, "Down");
    scene.expect_write_held(p);
    scene.watch_a_while();
    scene.expect_reads(&[a, b]);
    scene.may_write(&[p, a]);
    let promoted = Instant::now();
    servers.promote(a);
    scene.expect_write(a);
    println!("    {:?} from the promotion to the answer", promoted.elapsed());
    servers.follow(b, a);
    scene.expect_reads(&[b]);
    scene.close();
    servers.start_server(p, true);
    servers.follow(p, a);
    a
}

/// Its option file does not say `read_only`, so that it comes back as writable as it was.
fn the_old_primary_returns(stage: &Stage, servers: &mut MySqlCluster, p: usize) -> usize {
    let (a, b) = replicas(p);
    let mut scene = stage.scene("5: the old primary returns with read_only=0", p);
    servers.kill9(p);
    scene.expect_state(p, "Down");
    scene.may_write(&[p, a]);
    servers.promote(a);
    scene.expect_write(a);
    servers.follow(b, a);
    servers.write(a, "the old primary has not seen this");
    scene.expect_reads(&[b]);
    servers.start_server(p, false);
    let stale = scene.expect_state(p, "StalePrimary");
    scene.assert(stale.level == "WARN", &format!("no alarm: {stale}"));
    scene.watch_a_while();
    scene.expect_write(a);
    scene.expect_reads(&[b]);
    scene.assert(
        !scene.state_path(p).contains(&"Primary".to_owned()),
        "the old primary passed for the primary",
    );
    servers.follow(p, a);
    scene.expect_state(p, "Replica");
    scene.expect_reads(&[b, p]);
    scene.close();
    a
}

fn a_replica_falls_behind(stage: &Stage, servers: &mut MySqlCluster, p: usize) -> usize {
    let (a, b) = replicas(p);
    let workload = servers.write_steadily(p);
    let mut scene = stage.scene("6: applying is late, stopped, broken; receiving is stopped", p);

    let lock = servers.block_writes(a);
    scene.expect_reads(&[b]);
    let late = scene.expect_state(a, "ReplicaLagging");
    scene.assert(late.reason.contains("behind"), &format!("no reason: {late}"));
    drop(lock);
    scene.expect_reads(&[a, b]);

    servers.stop_sql_thread(a);
    scene.expect_reads(&[b]);
    let stopped = scene.expect_state(a, "ReplicaBroken");
    scene.assert(stopped.level == "WARN", &format!("no alarm: {stopped}"));
    servers.start_threads(a);
    scene.expect_reads(&[a, b]);

    servers.stop_io_thread(a);
    scene.expect_reads(&[b]);
    scene.expect_state_in(a, &["ReplicaDetached", "ReplicaLagging"]);
    servers.start_threads(a);
    scene.expect_reads(&[a, b]);

    drop(workload);
    servers.break_sql_thread(a, p);
    scene.expect_reads(&[b]);
    let broken = scene.expect_state(a, "ReplicaBroken");
    scene.assert(broken.level == "WARN", &format!("no alarm: {broken}"));
    scene.assert(broken.reason.contains("1062"), &format!("no reason: {broken}"));
    servers.mend_sql_thread(a, p);
    scene.expect_reads(&[a, b]);
    scene.close();
    p
}

/// The answers must not change in any way, whatever is wrong with the login.
fn the_probe_is_shut_out(stage: &Stage, servers: &mut MySqlCluster, p: usize) -> usize {
    let (a, b) = replicas(p);
    let mut scene = stage.scene("7: wrong password, account locked, no free slot", p);
    for (deny, allow) in [
        (
            "ALTER USER pointsman IDENTIFIED BY 'another'",
            format!("ALTER USER pointsman IDENTIFIED BY '{PROBE_PASSWORD}'"),
        ),
        ("ALTER USER pointsman ACCOUNT LOCK", "ALTER USER pointsman ACCOUNT UNLOCK".to_owned()),
    ] {
        servers.sql(p, &[deny]);
        for replica in [a, b] {
            servers.wait_caught_up(replica, p);
        }
        for server in [p, a, b] {
            servers.end_probe_sessions(server);
        }
        for server in [p, a, b] {
            let shut_out = scene.expect_state(server, "Misconfigured");
            scene.assert(shut_out.level == "WARN", &format!("no alarm: {shut_out}"));
        }
        scene.watch_a_while();
        servers.sql(p, &[&allow]);
        scene.expect_state(p, "Primary");
        scene.expect_state(a, "Replica");
        scene.expect_state(b, "Replica");
    }
    let sessions = servers.fill_connections(p);
    let full = scene.expect_state(p, "Saturated");
    scene.assert(full.level == "WARN", &format!("no alarm: {full}"));
    scene.watch_a_while();
    drop(sessions);
    scene.expect_state(p, "Primary");
    scene.assert_unmoved(p, &[a, b]);
    scene.close();
    p
}

fn the_primary_freezes(stage: &Stage, servers: &mut MySqlCluster, p: usize) -> usize {
    let (a, b) = replicas(p);
    let mut scene = stage.scene("8: the primary freezes and thaws", p);
    servers.freeze(p);
    scene.expect_state(p, "Down");
    scene.expect_write_held(p);
    scene.watch_a_while();
    servers.thaw(p);
    scene.expect_state(p, "Primary");
    scene.expect_write(p);
    scene.assert_unmoved(p, &[a, b]);
    scene.close();

    let mut scene = stage.scene("8: it freezes, a replica is promoted, it thaws", p);
    servers.freeze(p);
    scene.expect_state(p, "Down");
    scene.may_write(&[p, a]);
    servers.promote(a);
    servers.write(a, "the frozen primary has not seen this");
    scene.expect_write(a);
    servers.follow(b, a);
    scene.expect_reads(&[b]);
    servers.thaw(p);
    scene.expect_state(p, "StalePrimary");
    scene.watch_a_while();
    let path = scene.state_path(p);
    let at_once = path == ["Down", "StalePrimary"];
    scene.assert(at_once, &format!("the thawed primary went through {path:?}"));
    scene.expect_reads(&[b]);
    scene.close();
    servers.follow(p, a);
    a
}

/// MySQL and MariaDB have no mark of a system that all of its members share, so the stranger counts as a
/// second writer.
fn a_foreign_server_moves_in(stage: &Stage, servers: &mut MySqlCluster, p: usize) -> usize {
    let (a, b) = replicas(p);
    let mut scene = stage.scene("9: a server of no common history answers for a replica", p);
    servers.make_foreign(b);
    let foreign = scene.expect_state_in(b, &["StalePrimary", "WrongCluster"]);
    scene.assert(foreign.level == "WARN", &format!("no alarm: {foreign}"));
    scene.expect_reads(&[a]);
    scene.watch_a_while();
    scene.expect_reads(&[a]);
    servers.make_native(b, p);
    scene.expect_reads(&[a, b]);
    scene.close();
    p
}

fn a_planned_switchover(stage: &Stage, servers: &mut MySqlCluster, p: usize) -> usize {
    let (a, b) = replicas(p);
    let mut scene = stage.scene("10: a planned switchover", p);
    scene.may_be_empty();
    servers.set_read_only(p, true);
    servers.wait_caught_up(a, p);
    scene.may_write(&[p, a]);
    servers.promote(a);
    servers.follow(b, a);
    servers.follow(p, a);
    scene.expect_write(a);
    scene.expect_reads(&[b, p]);
    scene.close();
    a
}

/// `on_not_writable = "empty"`, the default: the server itself says that writes to it would fail.
fn nobody_is_writable(stage: &Stage, servers: &mut MySqlCluster, p: usize) -> usize {
    let mut scene = stage.scene("11: the primary is made read-only, and writable again", p);
    scene.may_be_empty();
    servers.set_read_only(p, true);
    scene.expect_state(p, "ReadOnlyPrimary");
    scene.expect_no_write();
    scene.watch_a_while();
    scene.expect_no_write();
    servers.set_read_only(p, false);
    scene.expect_write(p);
    scene.close();
    p
}

fn histories_diverge(stage: &Stage, servers: &mut MySqlCluster, p: usize) -> usize {
    let (a, b) = replicas(p);
    let mut scene = stage.scene("12: a replica is cut off and written to", p);
    servers.diverge(a, p);
    let second = scene.expect_state(a, "StalePrimary");
    scene.assert(second.level == "WARN", &format!("no alarm: {second}"));
    scene.watch_a_while();
    scene.expect_reads(&[b]);
    let path = scene.record().write_path().len();
    scene.assert(path == 1, "the write name moved");
    scene.close();
    servers.rebuild(a, b, p);
    p
}

/// Its connection is watched: the next probe is seconds away, and the answer changes at once.
fn a_replica_crashes_between_rare_probes(
    stage: &Stage,
    servers: &mut MySqlCluster,
    p: usize,
) -> usize {
    let (a, b) = replicas(p);
    let mut cluster = stage.cluster.clone();
    cluster.interval = Some("5s");
    let rare = Stage { engine: stage.engine, pointsman: Pointsman::serve(&[&cluster]), cluster };
    let mut scene = rare.scene("13: a replica crashes between two probes that are 5 s apart", p);
    servers.kill9(a);
    let killed = Instant::now();
    let left = [IpAddr::V4(rare.cluster.servers[b])];
    let dropped = patience::poll(Duration::from_secs(1), || {
        (scene.ask_read().set() == left).then_some(killed.elapsed())
    });
    println!("    {dropped:?} from the crash to the answer");
    scene.assert(dropped.is_some(), "the read name still has the crashed replica");
    servers.start_server(a, true);
    scene.expect_reads(&[a, b]);
    scene.close();
    rare.pointsman.stop();
    p
}
