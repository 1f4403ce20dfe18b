//! What befalls a primary and its two replicas, whatever their engine, and what Pointsman answers
//! meanwhile.
//!
//! A story gets the index of the primary and returns the index of the primary at its end; the names
//! `a` and `b` are the replicas, and a promotion falls to `a`. It begins and ends with two fresh
//! replicas, both in the read name. The first ten are those of every engine; what only MySQL and
//! MariaDB can do comes after them, in `mysql_stories.rs`.

use std::{net::Ipv4Addr, time::Instant};

use crate::{
    dig::dig_for,
    group::{Group, Kind},
    in_turn, is_chosen, mysql_stories,
    pointsman::{Cluster, Pointsman},
    scene::Scene,
};

const POSTGRES: [Ipv4Addr; 3] =
    [Ipv4Addr::new(127, 0, 1, 1), Ipv4Addr::new(127, 0, 1, 2), Ipv4Addr::new(127, 0, 1, 3)];
const MARIADB: [Ipv4Addr; 3] =
    [Ipv4Addr::new(127, 0, 2, 1), Ipv4Addr::new(127, 0, 2, 2), Ipv4Addr::new(127, 0, 2, 3)];
const MYSQL: [Ipv4Addr; 3] =
    [Ipv4Addr::new(127, 0, 9, 1), Ipv4Addr::new(127, 0, 9, 2), Ipv4Addr::new(127, 0, 9, 3)];

/// What happens on a stage to servers, of which the last is the primary.
pub(crate) type Story = fn(&Stage, &mut Group, usize) -> usize;

const EVERYWHERE: &[Story] = &[
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
];

#[test]
fn postgres() {
    play(Kind::Postgres, "db", POSTGRES, &[]);
}

#[test]
fn mariadb() {
    play(Kind::MariaDb, "shop", MARIADB, mysql_stories::STORIES);
}

#[test]
fn mysql() {
    play(Kind::MySql, "shop", MYSQL, mysql_stories::STORIES);
}

/// Plays the stories of every engine, and those that are `its_own`, with a cluster called `name`.
fn play(kind: Kind, name: &'static str, addresses: [Ipv4Addr; 3], its_own: &[Story]) {
    in_turn(|| {
        let mut servers = Group::start(kind, &addresses);
        let cluster = Cluster::new(name, servers.engine(), addresses, servers.port());
        let pointsman = Pointsman::serve(&[&cluster]);
        let stage = Stage { kind, pointsman, cluster };
        let mut primary = 0;
        for (number, story) in (1..).zip(EVERYWHERE.iter().chain(its_own)) {
            if is_chosen(number) {
                primary = story(&stage, &mut servers, primary);
            }
        }
        stage.pointsman.stop();
    });
}

/// Pointsman, and how it is told of the servers.
pub(crate) struct Stage {
    pub(crate) kind: Kind,
    pub(crate) pointsman: Pointsman,
    pub(crate) cluster: Cluster,
}

impl Stage {
    /// Opens the story `title` on the servers of which `primary` is the primary.
    pub(crate) fn scene(&self, title: &str, primary: usize) -> Scene<'_> {
        let (a, b) = replicas(primary);
        let title = format!("{} story {title}", self.kind.title());
        Scene::open(title, &self.pointsman, &self.cluster, primary, &[a, b])
    }

    /// Waits until `dig` says of the replica `server` that it is in the read name and well, or not:
    /// beside the name, beside the server, beside the cluster, and by SRV.
    fn expect_told(&self, scene: &mut Scene<'_>, server: usize, well: bool) {
        let (cluster, name) = (self.cluster.name, self.cluster.server_name(server));
        let said =
            |owner: &str, kind: &str| dig_for(self.pointsman.dns(), owner, kind).text().to_owned();
        let (state, inside) = if well { ("Replica", "yes") } else { ("Down", "no") };
        scene.eventually(&format!("dig tells that {name} is {state}"), |_| {
            let status = said(&format!("_status.{cluster}-read.internal"), "TXT");
            let of_server = |line: &&str| line.contains(&format!("\"server={name} state={state} "));
            status.lines().filter(of_server).any(|line| line.contains(&format!(" in={inside} ")))
        });
        let why = said(&format!("_why.{name}.internal"), "TXT");
        let answer = format!("name={cluster}-read.internal. role=read in={inside} ");
        scene.assert(why.contains(&answer), &format!("{answer} in\n{why}"));
        let events = said(&format!("_events.{cluster}.internal"), "TXT");
        let change = format!("server={name} ");
        scene.assert(events.contains(&change), &format!("{change} in\n{events}"));
        let service = match self.kind {
            Kind::Postgres => "_postgresql",
            Kind::MariaDb | Kind::MySql => "_mysql",
        };
        let services = said(&format!("{service}._tcp.{cluster}-read.internal"), "SRV");
        let target = format!(" {} {name}.internal.\n", self.cluster.port);
        scene.assert(services.contains(&target) == well, &format!("{target} in\n{services}"));
        let address = format!("\tA\t{}\n", self.cluster.servers[server]);
        scene.assert(services.contains(&address) == well, &format!("{address} in\n{services}"));
    }
}

/// The two that are not `primary`.
pub(crate) fn replicas(primary: usize) -> (usize, usize) {
    ((primary + 1) % 3, (primary + 2) % 3)
}

/// Each order of the two replicas comes up about half of the time; the bounds are six standard
/// deviations wide.
fn reads_are_shuffled(stage: &Stage, _: &mut Group, p: usize) -> usize {
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

fn a_replica_crashes(stage: &Stage, servers: &mut Group, p: usize) -> usize {
    let (a, b) = replicas(p);
    let mut scene = stage.scene("2: a replica crashes and comes back", p);
    stage.expect_told(&mut scene, a, true);
    servers.kill9(a);
    scene.expect_reads(&[b]);
    scene.expect_state(a, "Down");
    stage.expect_told(&mut scene, a, false);
    servers.start_again(a);
    scene.expect_reads(&[a, b]);
    stage.expect_told(&mut scene, a, true);
    scene.expect_state(a, "Replica");
    scene.close();
    p
}

fn both_replicas_stop(stage: &Stage, servers: &mut Group, p: usize) -> usize {
    let (a, b) = replicas(p);
    let mut scene = stage.scene("3: with both replicas gone the primary serves reads", p);
    servers.stop(a);
    servers.stop_immediately(b);
    scene.expect_reads_degraded(&[p]);
    servers.start_again(a);
    servers.start_again(b);
    scene.expect_reads(&[a, b]);
    scene.close();
    p
}

/// Nobody has written to the promoted server when the others are told of it.
fn the_primary_crashes(stage: &Stage, servers: &mut Group, p: usize) -> usize {
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
    servers.repoint(b, a);
    scene.expect_reads(&[b]);
    scene.close();
    servers.rejoin(p, a);
    a
}

/// It comes back as writable as it was: a MySQL server by its option file, which does not say
/// `read_only`.
fn the_old_primary_returns(stage: &Stage, servers: &mut Group, p: usize) -> usize {
    let (a, b) = replicas(p);
    let mut scene = stage.scene("5: the old primary returns as it was", p);
    servers.kill9(p);
    scene.expect_state(p, "Down");
    scene.may_write(&[p, a]);
    servers.promote(a);
    scene.expect_write(a);
    servers.repoint(b, a);
    servers.write_after_promotion(a);
    scene.expect_reads(&[b]);
    servers.start_again(p);
    let stale = scene.expect_state(p, "StalePrimary");
    scene.assert(stale.level == "WARN", &format!("no alarm: {stale}"));
    scene.watch_a_while();
    scene.expect_write(a);
    scene.expect_reads(&[b]);
    scene.assert(
        !scene.state_path(p).contains(&"Primary".to_owned()),
        "the old primary passed for the primary",
    );
    servers.rejoin(p, a);
    scene.expect_state(p, "Replica");
    scene.expect_reads(&[b, p]);
    scene.close();
    a
}

/// PostgreSQL's replay is paused on purpose; an applying thread of the others that stands still is a
/// fault.
fn a_replica_falls_behind(stage: &Stage, servers: &mut Group, p: usize) -> usize {
    let (a, b) = replicas(p);
    let mut scene = stage.scene("6: applying is stopped, then merely late", p);
    servers.pause_replay(a);
    scene.expect_reads(&[b]);
    if stage.kind == Kind::Postgres {
        let paused = scene.expect_state(a, "OutOfService");
        scene.assert(paused.reason.contains("paused"), &format!("no reason: {paused}"));
    } else {
        let stopped = scene.expect_state(a, "ReplicaBroken");
        scene.assert(stopped.level == "WARN", &format!("no alarm: {stopped}"));
    }
    servers.resume_replay(a);
    scene.expect_reads(&[a, b]);

    let workload = servers.write_steadily(p);
    let block = servers.block_replay(a, p);
    scene.expect_reads(&[b]);
    let late = scene.expect_state(a, "ReplicaLagging");
    scene.assert(late.reason.contains("behind"), &format!("no reason: {late}"));
    drop(block);
    scene.expect_reads(&[a, b]);
    scene.expect_state(a, "Replica");
    drop(workload);
    scene.close();
    p
}

/// The answers must not change in any way, whatever is wrong with the login.
fn the_probe_is_shut_out(stage: &Stage, servers: &mut Group, p: usize) -> usize {
    let (a, b) = replicas(p);
    let mut scene = stage.scene("7: wrong password, login forbidden, no free slot", p);
    for let_in in [Group::rotate_password, Group::set_login] {
        let_in(servers, p, false);
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
        let_in(servers, p, true);
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

fn the_primary_freezes(stage: &Stage, servers: &mut Group, p: usize) -> usize {
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
    servers.write_after_promotion(a);
    scene.expect_write(a);
    servers.repoint(b, a);
    scene.expect_reads(&[b]);
    servers.thaw(p);
    scene.expect_state(p, "StalePrimary");
    scene.watch_a_while();
    let path = scene.state_path(p);
    let at_once = path == ["Down", "StalePrimary"];
    scene.assert(at_once, &format!("the thawed primary went through {path:?}"));
    scene.expect_reads(&[b]);
    scene.close();
    servers.rejoin(p, a);
    a
}

/// MySQL and MariaDB have no mark of a system that all of its members share, so the stranger may count
/// as a second writer.
fn a_foreign_server_moves_in(stage: &Stage, servers: &mut Group, p: usize) -> usize {
    let (a, b) = replicas(p);
    let mut scene = stage.scene("9: a server of no common history answers for a replica", p);
    servers.make_foreign(b);
    let states: &[_] = match stage.kind {
        Kind::Postgres => &["WrongCluster"],
        Kind::MariaDb | Kind::MySql => &["StalePrimary", "WrongCluster"],
    };
    let foreign = scene.expect_state_in(b, states);
    scene.assert(foreign.level == "WARN", &format!("no alarm: {foreign}"));
    scene.expect_reads(&[a]);
    scene.watch_a_while();
    scene.expect_reads(&[a]);
    servers.make_native(b, p);
    scene.expect_reads(&[a, b]);
    scene.close();
    p
}

fn a_planned_switchover(stage: &Stage, servers: &mut Group, p: usize) -> usize {
    let (a, b) = replicas(p);
    let mut scene = stage.scene("10: a planned switchover", p);
    // A primary that is read-only says so itself; one that was stopped may be back as a replica, and say
    // so, before the new one has said twice that it is writable.
    scene.may_be_empty();
    servers.begin_switchover(p);
    scene.watch_a_while();
    scene.may_write(&[p, a]);
    servers.promote(a);
    servers.demote(p, a);
    servers.repoint(b, a);
    scene.expect_write(a);
    scene.expect_reads(&[b, p]);
    scene.watch_a_while();
    let named = scene.record().write_path().into_iter().flatten().count();
    scene.assert(named == 2, "the write name went more than one way");
    scene.close();
    a
}
