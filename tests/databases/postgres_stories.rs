//! What befalls a PostgreSQL primary and its two streaming standbys, and what Pointsman answers
//! meanwhile.
//!
//! A story gets the index of the primary and returns the index of the primary at its end; the names
//! `a` and `b` are the standbys, and a promotion falls to `a`. It begins and ends with two fresh
//! standbys, both in the read name.

use std::{net::Ipv4Addr, time::Instant};

use crate::{
    dig::dig_for,
    in_turn, is_chosen,
    pointsman::{Cluster, Engine, PROBE_PASSWORD, Pointsman},
    postgres_cluster::{PgCluster, Shutdown},
    postgres_programs::Programs,
    scene::Scene,
};

const SERVERS: [Ipv4Addr; 3] =
    [Ipv4Addr::new(127, 0, 1, 1), Ipv4Addr::new(127, 0, 1, 2), Ipv4Addr::new(127, 0, 1, 3)];

#[test]
fn postgres() {
    in_turn(|| {
        let mut servers = PgCluster::start(Programs::installed(), &SERVERS);
        let cluster = Cluster::new("db", Engine::Postgres, SERVERS, servers.port());
        let pointsman = Pointsman::serve(&[&cluster]);
        let stage = Stage { pointsman, cluster };
        let stories: [fn(&Stage, &mut PgCluster, usize) -> usize; 10] = [
            reads_are_shuffled,
            a_standby_crashes,
            both_standbys_stop,
            the_primary_crashes,
            the_old_primary_returns,
            a_standby_falls_behind,
            the_probe_is_shut_out,
            the_primary_freezes,
            a_foreign_server_moves_in,
            a_planned_switchover,
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
    pointsman: Pointsman,
    cluster: Cluster,
}

impl Stage {
    fn scene(&self, title: &str, primary: usize) -> Scene<'_> {
        let (a, b) = standbys(primary);
        let title = format!("PostgreSQL story {title}");
        Scene::open(title, &self.pointsman, &self.cluster, primary, &[a, b])
    }
}

impl Stage {
    /// Waits until `dig` says of the standby `server` that it is in the read name and well, or not:
    /// beside the name, beside the server, beside the cluster, and by SRV.
    fn expect_told(&self, scene: &mut Scene<'_>, server: usize, well: bool) {
        let name = self.cluster.server_name(server);
        let said =
            |owner: &str, kind: &str| dig_for(self.pointsman.dns(), owner, kind).text().to_owned();
        let (state, inside) = if well { ("Replica", "yes") } else { ("Down", "no") };
        scene.eventually(&format!("dig tells that {name} is {state}"), |_| {
            let status = said("_status.db-read.internal", "TXT");
            let of_server = |line: &&str| line.contains(&format!("\"server={name} state={state} "));
            status.lines().filter(of_server).any(|line| line.contains(&format!(" in={inside} ")))
        });
        let why = said(&format!("_why.{name}.internal"), "TXT");
        let answer = format!("name=db-read.internal. role=read in={inside} ");
        scene.assert(why.contains(&answer), &format!("{answer} in\n{why}"));
        let events = said("_events.db.internal", "TXT");
        let change = format!("server={name} ");
        scene.assert(events.contains(&change), &format!("{change} in\n{events}"));
        let services = said("_postgresql._tcp.db-read.internal", "SRV");
        let target = format!(" {} {name}.internal.\n", self.cluster.port);
        scene.assert(services.contains(&target) == well, &format!("{target} in\n{services}"));
        let address = format!("\tA\t{}\n", self.cluster.servers[server]);
        scene.assert(services.contains(&address) == well, &format!("{address} in\n{services}"));
    }
}

fn standbys(primary: usize) -> (usize, usize) {
    ((primary + 1) % 3, (primary + 2) % 3)
}

/// Each order of the two standbys comes up about half of the time; the bounds are six standard
/// deviations wide.
fn reads_are_shuffled(stage: &Stage, _: &mut PgCluster, p: usize) -> usize {
    let (a, b) = standbys(p);
    let mut scene = stage.scene("1: writes to the primary, reads to both standbys", p);
    let first = stage.cluster.servers[a];
    let begins_with_a =
        (0..1000).filter(|_| scene.ask_read().addresses.first() == Some(&first.into())).count();
    let fair = (400..=600).contains(&begins_with_a);
    scene.assert(fair, &format!("of 1000 answers {begins_with_a} begin with {first}"));
    scene.assert_unmoved(p, &[a, b]);
    scene.close();
    p
}

fn a_standby_crashes(stage: &Stage, servers: &mut PgCluster, p: usize) -> usize {
    let (a, b) = standbys(p);
    let mut scene = stage.scene("2: a standby crashes and comes back", p);
    stage.expect_told(&mut scene, a, true);
    servers.kill9(a);
    scene.expect_reads(&[b]);
    scene.expect_state(a, "Down");
    stage.expect_told(&mut scene, a, false);
    servers.start_server(a);
    scene.expect_reads(&[a, b]);
    stage.expect_told(&mut scene, a, true);
    scene.expect_state(a, "Replica");
    scene.close();
    p
}

fn both_standbys_stop(stage: &Stage, servers: &mut PgCluster, p: usize) -> usize {
    let (a, b) = standbys(p);
    let mut scene = stage.scene("3: with both standbys gone the primary serves reads", p);
    servers.stop(a, Shutdown::Fast);
    servers.stop(b, Shutdown::Immediate);
    scene.expect_reads_degraded(&[p]);
    servers.start_server(a);
    servers.start_server(b);
    scene.expect_reads(&[a, b]);
    scene.close();
    p
}

fn the_primary_crashes(stage: &Stage, servers: &mut PgCluster, p: usize) -> usize {
    let (a, b) = standbys(p);
    let mut scene = stage.scene("4: the primary crashes, a standby is promoted", p);
    servers.kill9(p);
    scene.expect_state(p, "Down");
    scene.expect_write_held(p);
    scene.watch_a_while();
    scene.expect_reads(&[a, b]);
    scene.may_write(&[p, a]);
    let promoted = Instant::now();
    servers.promote(a);
    scene.expect_write(a);
    println!("    {:?} from pg_promote to the answer", promoted.elapsed());
    servers.repoint(b, a);
    scene.expect_reads(&[b]);
    scene.close();
    servers.rebuild(p, a);
    a
}

fn the_old_primary_returns(stage: &Stage, servers: &mut PgCluster, p: usize) -> usize {
    let (a, b) = standbys(p);
    let mut scene = stage.scene("5: the old primary returns as it was", p);
    servers.kill9(p);
    scene.expect_state(p, "Down");
    scene.may_write(&[p, a]);
    servers.promote(a);
    scene.expect_write(a);
    servers.repoint(b, a);
    scene.expect_reads(&[b]);
    servers.start_server(p);
    let stale = scene.expect_state(p, "StalePrimary");
    scene.assert(stale.level == "WARN", &format!("no alarm: {stale}"));
    scene.watch_a_while();
    scene.expect_write(a);
    scene.expect_reads(&[b]);
    scene.assert(
        !scene.state_path(p).contains(&"Primary".to_owned()),
        "the old primary passed for the primary",
    );
    servers.rebuild(p, a);
    scene.expect_state(p, "Replica");
    scene.expect_reads(&[b, p]);
    scene.close();
    a
}

fn a_standby_falls_behind(stage: &Stage, servers: &mut PgCluster, p: usize) -> usize {
    let (a, b) = standbys(p);
    let mut scene = stage.scene("6: replay is paused, then merely late", p);
    servers.pause_replay(a);
    scene.expect_reads(&[b]);
    let paused = scene.expect_state(a, "Maintenance");
    scene.assert(paused.reason.contains("paused"), &format!("no reason: {paused}"));
    servers.resume_replay(a);
    scene.expect_reads(&[a, b]);

    let workload = servers.write_steadily(p);
    let reader = servers.block_replay(a, p);
    scene.expect_reads(&[b]);
    let late = scene.expect_state(a, "ReplicaLagging");
    scene.assert(late.reason.contains("behind"), &format!("no reason: {late}"));
    drop(reader);
    scene.expect_reads(&[a, b]);
    scene.expect_state(a, "Replica");
    drop(workload);
    scene.close();
    p
}

/// The answers must not change in any way, whatever is wrong with the login.
fn the_probe_is_shut_out(stage: &Stage, servers: &mut PgCluster, p: usize) -> usize {
    let (a, b) = standbys(p);
    let mut scene = stage.scene("7: wrong password, login revoked, no free slot", p);
    for (deny, allow) in [
        (
            "ALTER ROLE pointsman PASSWORD 'another'",
            format!("ALTER ROLE pointsman PASSWORD '{PROBE_PASSWORD}'"),
        ),
        ("ALTER ROLE pointsman NOLOGIN", "ALTER ROLE pointsman LOGIN".to_owned()),
    ] {
        servers.sql(p, deny);
        for standby in [a, b] {
            servers.wait_caught_up(standby, p);
        }
        for server in [p, a, b] {
            servers.end_probe_sessions(server);
        }
        for server in [p, a, b] {
            let shut_out = scene.expect_state(server, "Misconfigured");
            scene.assert(shut_out.level == "WARN", &format!("no alarm: {shut_out}"));
        }
        scene.watch_a_while();
        servers.sql(p, &allow);
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

fn the_primary_freezes(stage: &Stage, servers: &mut PgCluster, p: usize) -> usize {
    let (a, b) = standbys(p);
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

    let mut scene = stage.scene("8: it freezes, a standby is promoted, it thaws", p);
    servers.freeze(p);
    scene.expect_state(p, "Down");
    scene.may_write(&[p, a]);
    servers.promote(a);
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
    servers.rebuild(p, a);
    a
}

fn a_foreign_server_moves_in(stage: &Stage, servers: &mut PgCluster, p: usize) -> usize {
    let (a, b) = standbys(p);
    let mut scene = stage.scene("9: another system answers at a standby's address", p);
    servers.make_foreign(b);
    let foreign = scene.expect_state(b, "WrongCluster");
    scene.assert(foreign.level == "WARN", &format!("no alarm: {foreign}"));
    scene.expect_reads(&[a]);
    scene.watch_a_while();
    scene.expect_reads(&[a]);
    servers.make_native(b);
    scene.expect_reads(&[a, b]);
    scene.close();
    p
}

fn a_planned_switchover(stage: &Stage, servers: &mut PgCluster, p: usize) -> usize {
    let (a, b) = standbys(p);
    let mut scene = stage.scene("10: a planned switchover", p);
    // The old primary may be back as a standby, and say so, before the new one has said twice that it is writable.
    scene.may_be_empty();
    servers.stop(p, Shutdown::Fast);
    scene.watch_a_while();
    scene.may_write(&[p, a]);
    servers.promote(a);
    servers.start_as_standby(p, a);
    servers.repoint(b, a);
    scene.expect_write(a);
    scene.expect_reads(&[b, p]);
    scene.watch_a_while();
    let named = scene.record().write_path().into_iter().flatten().count();
    scene.assert(named == 2, "the write name went more than one way");
    scene.close();
    a
}
