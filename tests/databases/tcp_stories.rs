//! Clusters of anything with a port: no roles, so order decides.

use std::{
    net::{Ipv4Addr, TcpListener},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use crate::{
    pointsman::{Cluster, Engine, Pointsman},
    ports,
    scene::Scene,
    turn,
};

const STAYING: [Ipv4Addr; 3] =
    [Ipv4Addr::new(127, 0, 5, 1), Ipv4Addr::new(127, 0, 5, 2), Ipv4Addr::new(127, 0, 5, 3)];
const RETURNING: [Ipv4Addr; 3] =
    [Ipv4Addr::new(127, 0, 5, 11), Ipv4Addr::new(127, 0, 5, 12), Ipv4Addr::new(127, 0, 5, 13)];

#[test]
fn tcp() {
    let _turn = turn();
    let mut staying = Listeners::start(&STAYING);
    let mut returning = Listeners::start(&RETURNING);
    returning.stop(0);
    let mut stay = Cluster::new("stay", Engine::Tcp, STAYING, staying.port);
    stay.failback = Some("stay");
    let mut preferred = Cluster::new("return", Engine::Tcp, RETURNING, returning.port);
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

    let title = "tcp: it fails and is back at once, and writes return when it has stood the test";
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
}

/// Servers that accept connections and say nothing.
struct Listeners {
    addresses: Vec<Ipv4Addr>,
    port: u16,
    running: Vec<Option<Listener>>,
}

/// One of them. Dropped, its port is closed.
struct Listener {
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Listeners {
    fn start(addresses: &[Ipv4Addr]) -> Self {
        let port = ports::free_on(addresses);
        let start = |address: &Ipv4Addr| Some(Listener::start(*address, port));
        Self { addresses: addresses.to_vec(), port, running: addresses.iter().map(start).collect() }
    }

    fn stop(&mut self, server: usize) {
        self.running[server] = None;
    }

    fn resume(&mut self, server: usize) {
        self.running[server] = Some(Listener::start(self.addresses[server], self.port));
    }
}

impl Listener {
    fn start(address: Ipv4Addr, port: u16) -> Self {
        let listener = TcpListener::bind((address, port)).expect("the port is free");
        listener.set_nonblocking(true).expect("a socket can be made non-blocking");
        let over = Arc::new(AtomicBool::new(false));
        let thread_over = Arc::clone(&over);
        let thread = thread::spawn(move || {
            while !thread_over.load(Ordering::Relaxed) {
                match listener.accept() {
                    Ok(connection) => drop(connection),
                    Err(_) => thread::sleep(Duration::from_millis(5)),
                }
            }
        });
        Self { over, thread: Some(thread) }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}
