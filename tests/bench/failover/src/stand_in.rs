//! What stands behind HAProxy in the place of the databases: listeners that say which server they
//! stand for.
//!
//! HAProxy checks the databases and sends its users here, so that a hundred connections a second
//! tell where users would have come to, and are no load on the databases.

use std::{
    io::{Read as _, Write as _},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use crate::sight::{Servers, Told};

/// A listener for one server. Dropped, it ends.
#[derive(Debug)]
pub(crate) struct StandIn {
    address: SocketAddr,
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl StandIn {
    /// Stands for `server` at `address`.
    pub(crate) fn start(server: usize, address: Ipv4Addr) -> Self {
        let listener = TcpListener::bind((address, PORT)).expect("a namespace has free ports");
        let over = Arc::new(AtomicBool::new(false));
        let thread_over = Arc::clone(&over);
        let word = [u8::try_from(server).expect("few servers")];
        let thread = thread::spawn(move || {
            for user in listener.incoming() {
                if thread_over.load(Ordering::Relaxed) {
                    break;
                }
                // A user that is gone already is nobody's trouble.
                drop(user.map(|mut user| user.write_all(&word)));
            }
        });
        Self { address: (address, PORT).into(), over, thread: Some(thread) }
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        drop(TcpStream::connect(self.address));
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

/// Connects to a balancer at `door` and learns where it leads.
pub(crate) fn visit(door: SocketAddr) -> Told {
    let connect = || {
        let mut connection = TcpStream::connect_timeout(&door, PATIENCE)?;
        connection.set_read_timeout(Some(PATIENCE))?;
        let mut word = [0];
        connection.read_exact(&mut word)?;
        Ok::<_, std::io::Error>(usize::from(word[0]))
    };
    match connect() {
        Ok(server) => Told::Go(Servers::only(server)),
        Err(error) if is_timeout(&error) => Told::Silence,
        Err(_) => Told::Nobody,
    }
}

fn is_timeout(error: &std::io::Error) -> bool {
    matches!(error.kind(), std::io::ErrorKind::TimedOut | std::io::ErrorKind::WouldBlock)
}

/// Of every stand-in.
pub(crate) const PORT: u16 = 7000;

/// How long a user waits.
const PATIENCE: Duration = Duration::from_millis(500);
