//! Servers of engine `tcp`: a port that accepts connections.

use std::{
    net::{Ipv4Addr, TcpListener},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use crate::ports;

/// Servers that accept connections and say nothing.
pub struct Listeners {
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
    /// Starts one on each of `addresses`, all on one free port.
    pub fn start(addresses: &[Ipv4Addr]) -> Self {
        let port = ports::free_on(addresses);
        let start = |address: &Ipv4Addr| Some(Listener::start(*address, port));
        Self { addresses: addresses.to_vec(), port, running: addresses.iter().map(start).collect() }
    }

    /// Their port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Closes the port of `server`: connections are refused from now on.
    pub fn stop(&mut self, server: usize) {
        self.running[server] = None;
    }

    /// Ends [`Self::stop`].
    pub fn resume(&mut self, server: usize) {
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
