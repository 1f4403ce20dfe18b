//! A real Patroni cluster, and two instances of Pointsman in front of it: one asks the databases
//! and Patroni, one asks Patroni alone.
//!
//! All the while somebody asks each Patroni whether it has the leader key. The write name may hold
//! a leader that has left until a new one is there; a new one it may not name a moment before it
//! has the key.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use crate::{
    in_turn, patience,
    patroni_cluster::{PatroniCluster, assert_installed, status},
    pointsman::{Cluster, Engine, Pointsman},
    postgres_programs::Programs,
    scene::Scene,
};

const STORE: Ipv4Addr = Ipv4Addr::new(127, 56, 1, 9);
const SERVERS: [Ipv4Addr; 3] =
    [Ipv4Addr::new(127, 56, 1, 1), Ipv4Addr::new(127, 56, 1, 2), Ipv4Addr::new(127, 56, 1, 3)];

#[test]
fn patroni_is_followed() {
    in_turn(|| {
        assert_installed();
        let programs = Programs::installed();
        let grants = programs.grants().user().join(";\n");
        let mut servers = PatroniCluster::start(programs, STORE, &SERVERS);
        servers.sql(0, &grants);
        let both = cluster("both", true, &servers);
        let alone = cluster("alone", false, &servers);
        let first = Pointsman::serve(&[&both]);
        let second = Pointsman::serve(&[&alone]);
        let stage = Stage { views: [(&first, &both), (&second, &alone)] };

        stage.a_planned_switchover(&servers);
        stage.a_pause(&servers);
        let leader = stage.the_leader_dies(&mut servers);
        stage.its_host_comes_back(&mut servers, leader);
        first.stop();
        second.stop();
    });
}

/// The cluster with the checks `database` and `patroni`, or with `patroni` alone.
fn cluster(name: &'static str, asks_databases: bool, servers: &PatroniCluster) -> Cluster {
    let mut cluster = Cluster::new(name, Engine::Postgres, SERVERS, servers.port());
    let checks = if asks_databases { "\"database\", \"patroni\"" } else { "\"patroni\"" };
    cluster.logs_in = asks_databases;
    cluster.more_probe =
        format!("checks = [{checks}]\n\n[cluster.probe.patroni]\nport = {}\n", servers.rest_port());
    cluster
}

/// Both instances, each with its view of the cluster.
struct Stage<'a> {
    views: [(&'a Pointsman, &'a Cluster); 2],
}

impl Stage<'_> {
    fn scenes(&self, title: &str, primary: usize, readers: &[usize]) -> [Scene<'_>; 2] {
        self.views.map(|(pointsman, cluster)| {
            let title = format!("Patroni, {}: {title}", cluster.name);
            let mut scene = Scene::open(title, pointsman, cluster, primary, readers);
            // A leader that says itself that it is none any more, and no new one yet.
            scene.may_be_empty();
            scene
        })
    }

    fn a_planned_switchover(&self, servers: &PatroniCluster) {
        let mut scenes = self.scenes("a planned switchover", 0, &[1, 2]);
        let key = KeyWatch::start(servers.rest(1));
        scenes.iter_mut().for_each(|scene| scene.may_write(&[0, 1]));
        servers.switch_over(1);
        for scene in &mut scenes {
            scene.expect_write(1);
            scene.expect_reads(&[0, 2]);
        }
        servers.wait_for_replica(0);
        for scene in scenes {
            close(scene, &key, &[0, 1]);
        }
    }

    /// Patroni, paused, gives the key to nobody; the names go on as they are.
    fn a_pause(&self, servers: &PatroniCluster) {
        let scenes = self.scenes("the cluster is paused", 1, &[0, 2]);
        servers.pause();
        scenes[0].watch_a_while();
        servers.resume();
        for scene in scenes {
            scene.assert_unmoved(1, &[0, 2]);
            scene.close();
        }
    }

    /// Which of the others takes over is Patroni's choice; it is returned.
    fn the_leader_dies(&self, servers: &mut PatroniCluster) -> usize {
        let mut scenes = self.scenes("the leader's host dies", 1, &[0, 2]);
        let keys = [0, 2].map(|candidate| KeyWatch::start(servers.rest(candidate)));
        servers.kill_host(1);
        for scene in &mut scenes {
            scene.expect_state(1, "Down");
            scene.expect_write_held(1);
            scene.may_write(&[1, 0, 2]);
        }
        let leader = servers.wait_for_leader();
        let (other, key) = if leader == 0 { (2, &keys[0]) } else { (0, &keys[1]) };
        for scene in &mut scenes {
            scene.expect_write(leader);
            scene.expect_reads(&[other]);
        }
        for scene in scenes {
            close(scene, key, &[1, leader]);
        }
        leader
    }

    /// Patroni makes the old leader a replica before anybody may take it for a primary.
    fn its_host_comes_back(&self, servers: &mut PatroniCluster, leader: usize) {
        let other = if leader == 0 { 2 } else { 0 };
        let mut scenes = self.scenes("its host comes back", leader, &[other]);
        let key = KeyWatch::start(servers.rest(1));
        servers.start_member(1);
        servers.wait_for_replica(1);
        for scene in &mut scenes {
            scene.expect_reads(&[1, other]);
        }
        for scene in scenes {
            close(scene, &key, &[leader]);
        }
    }
}

/// Ends a scene in which the write name went this way and no other, and never ahead of `key`.
fn close(scene: Scene<'_>, key: &KeyWatch, way: &[usize]) {
    let record = scene.record();
    let path: Vec<_> = record.write_path().into_iter().flatten().collect();
    let wanted: Vec<_> = way.iter().map(|server| IpAddr::V4(SERVERS[*server])).collect();
    scene.assert(path == wanted, &format!("the write name went {path:?}"));
    let without = key.times_without();
    scene.assert(!without.is_empty(), "the key was watched");
    for sample in &record.writes {
        let names_it = sample.answer.addresses == [key.member.ip()];
        let begins = sample.asked + FIRST_ANSWER;
        let ahead = without
            .iter()
            .find(|(asked, answered)| names_it && *asked > begins && *answered < sample.until);
        let early = ahead.map(|(asked, _)| *asked - sample.asked);
        scene.assert(early.is_none(), &format!("named {early:?} before it was without the key"));
    }
    scene.close();
}

/// Asks one Patroni every few milliseconds whether it has the leader key. Dropped, it ends.
struct KeyWatch {
    member: SocketAddr,
    /// When it was asked and when it had said that it has none.
    without: Arc<Mutex<Vec<(Instant, Instant)>>>,
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// How long the first answer of a sample may have been on its way.
const FIRST_ANSWER: Duration = Duration::from_millis(50);

/// Between two questions.
const ASK_EVERY: Duration = Duration::from_millis(20);

impl KeyWatch {
    fn start(member: SocketAddr) -> Self {
        let without = Arc::new(Mutex::new(Vec::new()));
        let over = Arc::new(AtomicBool::new(false));
        let (thread_without, thread_over) = (Arc::clone(&without), Arc::clone(&over));
        let thread = thread::spawn(move || {
            while !thread_over.load(Ordering::Relaxed) {
                let asked = Instant::now();
                if status(member, "/primary") == Some(503) {
                    let mut times = thread_without.lock().unwrap_or_else(PoisonError::into_inner);
                    times.push((asked, Instant::now()));
                }
                thread::sleep(ASK_EVERY);
            }
        });
        let watch = Self { member, without, over, thread: Some(thread) };
        watch.wait_for_first();
        watch
    }

    /// A member that does not run yet says nothing.
    fn wait_for_first(&self) {
        if status(self.member, "/primary").is_some() {
            patience::until("the key is watched", || !self.times_without().is_empty());
        }
    }

    fn times_without(&self) -> Vec<(Instant, Instant)> {
        self.without.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for KeyWatch {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}
