//! Servers that answer every question and commit nothing: what only `heartbeat_write` finds out.
//!
//! Each story ends where it began, so the write name must have gone away once and come back once.
//! However long writes hang, and whatever else happens meanwhile, few sessions may be Pointsman's,
//! and on PostgreSQL, where a hanging commit cannot be given up, only one of them may hang.

use std::net::Ipv4Addr;

use crate::{
    in_turn,
    mysql_cluster::MySqlCluster,
    mysql_programs::MySqlPrograms,
    patience,
    pointsman::{Cluster, Engine, Pointsman},
    postgres_cluster::PgCluster,
    postgres_programs::Programs,
    scene::Scene,
};

const POSTGRES: [Ipv4Addr; 2] = [Ipv4Addr::new(127, 0, 7, 1), Ipv4Addr::new(127, 0, 7, 2)];
const MARIADB: [Ipv4Addr; 2] = [Ipv4Addr::new(127, 0, 8, 1), Ipv4Addr::new(127, 0, 8, 2)];

/// One that asks, one that writes, and each of them being replaced.
const SESSIONS_MAX: u32 = 4;

#[test]
fn heartbeats_on_postgres() {
    in_turn(|| {
        let servers = PgCluster::start(Programs::installed(), &POSTGRES);
        servers.allow_heartbeats(0);
        let mut cluster = Cluster::new("db", Engine::Postgres, POSTGRES, servers.port());
        cluster.heartbeats = true;
        let pointsman = Pointsman::serve(&[&cluster]);
        let open = |title: &str| {
            let title = format!("PostgreSQL heartbeats: {title}");
            Scene::open(title, &pointsman, &cluster, 0, &[1])
        };
        let value = |query: &str| servers.value(0, query);
        expect_beats(|| value("SELECT beat FROM pointsman.heartbeat"));

        let scene = open("commits wait for a standby that does not exist, and the disk is well");
        servers.block_commits(0, true);
        expect_beats(|| value("SELECT beat FROM pointsman.heartbeat"));
        scene.watch_a_while();
        servers.block_commits(0, false);
        scene.close();

        // A heartbeat that waits for the standby like everybody else: a stand-in for a disk.
        servers.sql(0, WAIT_FOR_STANDBY);
        let mut scene = open("commits of heartbeats hang");
        servers.block_commits(0, true);
        expect_stall(&mut scene);
        let asking = "SELECT min(pid) FROM pg_stat_activity \
                  WHERE application_name = 'pointsman' AND query NOT LIKE 'UPDATE%'";
        expect_renewal(&scene, || value(asking), || value(PG_SESSIONS));
        assert_eq!(value(PG_HANGING), "1", "hanging writes");
        servers.freeze(0);
        scene.expect_state(0, "Down");
        servers.thaw(0);
        scene.expect_state(0, "ReadOnlyPrimary");
        patience::until("the probe asks again", || !value(asking).is_empty());
        scene.watch_a_while();
        assert_eq!(value(PG_HANGING), "1", "hanging writes after a silence");
        servers.block_commits(0, false);
        expect_recovery(scene);
        expect_beats(|| value("SELECT beat FROM pointsman.heartbeat"));

        let mut scene = open("somebody has locked the table");
        let lock = servers.lock_heartbeats(0);
        expect_stall(&mut scene);
        expect_renewal(&scene, || value(asking), || value(PG_SESSIONS));
        drop(lock);
        expect_recovery(scene);
        pointsman.stop();
    });
}

const WAIT_FOR_STANDBY: &str = "\
    CREATE FUNCTION pointsman.wait_for_standby() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN \
        PERFORM pg_catalog.set_config('synchronous_commit', 'on', true); RETURN new; END$$; \
    CREATE TRIGGER wait_for_standby BEFORE UPDATE ON pointsman.heartbeat \
        FOR EACH ROW EXECUTE FUNCTION pointsman.wait_for_standby()";

const PG_SESSIONS: &str =
    "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'pointsman'";
const PG_HANGING: &str = "SELECT count(*) FROM pg_stat_activity \
                          WHERE usename = 'pointsman' AND wait_event = 'SyncRep'";

#[test]
fn heartbeats_on_mariadb() {
    in_turn(|| {
        let servers = MySqlCluster::start(MySqlPrograms::mariadb(), &MARIADB);
        servers.allow_heartbeats(0);
        let mut cluster = Cluster::new("shop", Engine::MySql, MARIADB, servers.port());
        cluster.heartbeats = true;
        let pointsman = Pointsman::serve(&[&cluster]);
        let value = |query: &str| servers.value(0, query);
        expect_beats(|| value("SELECT beat FROM pointsman.heartbeat"));

        let title = "MariaDB heartbeats: somebody holds a global read lock";
        let mut scene = Scene::open(title, &pointsman, &cluster, 0, &[1]);
        let lock = servers.block_writes(0);
        expect_stall(&mut scene);
        let oldest = "SELECT min(id) FROM information_schema.processlist WHERE user = 'pointsman'";
        let sessions =
            "SELECT count(*) FROM information_schema.processlist WHERE user = 'pointsman'";
        expect_renewal(&scene, || value(oldest), || value(sessions));
        drop(lock);
        expect_recovery(scene);
        expect_beats(|| value("SELECT beat FROM pointsman.heartbeat"));
        pointsman.stop();
    });
}

/// Waits until the row has changed twice.
fn expect_beats(beat: impl Fn() -> String) {
    for _ in 0..2 {
        let before = beat();
        patience::until("the heartbeat's row moves on", || beat() != before);
    }
}

/// Waits until the primary is known not to write.
fn expect_stall(scene: &mut Scene<'_>) {
    scene.may_be_empty();
    scene.expect_no_write();
    let stalled = scene.expect_state(0, "ReadOnlyPrimary");
    let told = stalled.reason.contains("heartbeat writes fail");
    scene.assert(told && stalled.level == "WARN", &format!("no alarm or no reason: {stalled}"));
}

/// Waits until the probe has logged in anew, which `session` tells, and counts its sessions.
fn expect_renewal(scene: &Scene<'_>, session: impl Fn() -> String, count: impl Fn() -> String) {
    let before = session();
    patience::until("the probe's session is renewed", || {
        let count: u32 = count().parse().expect("a number of sessions");
        scene.assert(count <= SESSIONS_MAX, &format!("{count} sessions are Pointsman's"));
        session() != before
    });
}

/// Waits until the write name is back; it and the read name must not have flapped.
fn expect_recovery(mut scene: Scene<'_>) {
    scene.expect_write(0);
    // The watcher has to see it too, and to go on seeing it.
    patience::until("the watcher sees the write name back", || {
        matches!(scene.record().write_path()[..], [.., None, Some(_)])
    });
    scene.watch_a_while();
    let record = scene.record();
    let path = record.write_path();
    let once = matches!(path[..], [Some(_), None, Some(_)]);
    scene.assert(once, &format!("the write name flapped: {path:?}"));
    let sets = record.reads.iter().map(|sample| sample.answer.set());
    scene.assert(sets.clone().all(|set| Some(set) == sets.clone().next()), "reads changed");
    scene.close();
}
