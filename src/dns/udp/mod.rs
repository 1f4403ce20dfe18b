//! DNS over UDP: one thread per socket, and two system calls per batch of queries.
//!
//! A thread sleeps in `recvmmsg` until something comes, takes what is there, answers all of it in
//! one turn and sends the replies with `sendmmsg`. Nothing is allocated on the way.

mod batch;
mod family;

use std::{
    io,
    net::{SocketAddr, UdpSocket},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use nix::{
    errno::Errno,
    sys::socket::{MsgFlags, SockaddrIn, SockaddrIn6},
};
use tracing::error;

use self::{batch::Batches, family::Family};
use super::responder::Responder;
use crate::watchdog::Pulse;

/// Answers what comes in on `socket`, which is bound to `address`, until told to stop; then what
/// had come in by then. The socket is closed on return. `pulse` beats with each batch, and several
/// times a second without any.
///
/// A panic costs the batch in which it happens, and no more: answering reads what is published and
/// changes nothing that outlives the batch, so that a new `responder` goes on as if nothing were.
///
/// # Errors
/// What the system says when the socket cannot be read any more.
pub fn serve(
    socket: UdpSocket,
    address: SocketAddr,
    responder: impl Fn() -> Responder,
    stop: &AtomicBool,
    pulse: &Pulse,
) -> io::Result<()> {
    socket.set_nonblocking(false)?;
    socket.set_read_timeout(Some(STOP_NOTICED))?;
    socket.set_write_timeout(Some(SEND_PATIENCE))?;
    let wildcard = address.ip().is_unspecified();
    loop {
        let answering = AssertUnwindSafe(|| match address {
            SocketAddr::V4(_) => {
                run(Batches::<SockaddrIn>::new(&socket, responder(), wildcard), stop, pulse)
            }
            SocketAddr::V6(_) => {
                run(Batches::<SockaddrIn6>::new(&socket, responder(), wildcard), stop, pulse)
            }
        });
        match catch_unwind(answering) {
            Ok(ended) => return ended,
            Err(_panicked) => {
                error!(
                    event = "dns_panic",
                    "a query at {address} has met a fault of ours: those that came with it get no \
                     answer; keep the log"
                );
                thread::sleep(AFTER_PANIC);
            }
        }
    }
}

fn run<A: Family>(mut batches: Batches<'_, A>, stop: &AtomicBool, pulse: &Pulse) -> io::Result<()> {
    while !stop.load(Ordering::Relaxed) {
        pulse.beat();
        match batches.answer(MsgFlags::MSG_WAITFORONE) {
            Ok(()) | Err(Errno::EAGAIN | Errno::EINTR) => {}
            Err(passing) if PASSING.contains(&passing) => thread::sleep(AFTER_ERROR),
            Err(error) => return Err(error.into()),
        }
    }
    for _ in 0..LAST_BATCHES {
        if batches.answer(MsgFlags::MSG_DONTWAIT).is_err() {
            break;
        }
    }
    Ok(())
}

/// How soon a thread that waits for queries notices that it should stop; how often it beats.
const STOP_NOTICED: Duration = Duration::from_millis(200);

/// How long a full send buffer may hold up a batch. A network card empties it in much less.
const SEND_PATIENCE: Duration = Duration::from_millis(20);

/// Errors of receiving that say nothing about the socket itself: memory is short, or the network
/// reports on an earlier packet (recv(2), ip(7)).
const PASSING: [Errno; 8] = [
    Errno::ENOMEM,
    Errno::ENOBUFS,
    Errno::ECONNREFUSED,
    Errno::ECONNRESET,
    Errno::EHOSTUNREACH,
    Errno::ENETUNREACH,
    Errno::ENETDOWN,
    Errno::EPERM,
];

/// Pause after such an error, for one that stays must not cost a CPU.
const AFTER_ERROR: Duration = Duration::from_millis(5);

/// Pause after a panic, for one that comes at once again must not fill the log.
const AFTER_PANIC: Duration = Duration::from_millis(1);

/// Batches that are answered after the word to stop: more than a receive buffer holds, and an end
/// under a flood.
const LAST_BATCHES: usize = 256;

#[cfg(test)]
mod tests {
    use std::{cell::Cell, sync::Arc};

    use super::*;
    use crate::{
        answers::{Layout, Serial, build},
        config::DnsConfig,
        dns::Rules,
        publish::{Publisher, Snapshot},
    };

    /// The thread goes on after each panic, on the same socket, with a responder of its own.
    #[test]
    fn a_panic_costs_no_more_than_its_batch() {
        let layout = Arc::new(Layout::new(&[], Vec::new()).unwrap());
        let table = build(&layout, &[], 1, Serial::MIN);
        let reader = Publisher::new(Snapshot::from(table)).reader();
        let socket = UdpSocket::bind("127.31.12.3:0").unwrap();
        let address = socket.local_addr().unwrap();
        let rules = Arc::new(Rules::new(&DnsConfig::on(vec![address], 1)));
        let stop = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&stop);
        let served = thread::spawn(move || {
            let panics = Cell::new(3);
            let responder = || {
                assert!(panics.get() == 0, "one of {} panics", panics.replace(panics.get() - 1));
                Responder::new(reader.clone(), Arc::clone(&rules))
            };
            serve(socket, address, responder, &told, &Pulse::default())
        });
        let client = UdpSocket::bind("127.31.12.4:0").unwrap();
        client.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        client.send_to(b"\x47\x11\x01\0\0\x01\0\0\0\0\0\0\x01a\0\0\x01\0\x01", address).unwrap();
        let mut reply = [0; 512];
        client.recv(&mut reply).unwrap();
        assert_eq!(reply[..2], [0x47, 0x11]);
        stop.store(true, Ordering::Relaxed);
        assert!(served.join().unwrap().is_ok());
    }
}
