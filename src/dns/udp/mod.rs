//! DNS over UDP: one thread per socket, and two system calls per batch of queries.
//!
//! A thread sleeps in `recvmmsg` until something comes, takes what is there, answers all of it in
//! one turn and sends the replies with `sendmmsg`. Nothing is allocated on the way.

mod batch;
mod family;

use std::{
    io,
    net::{SocketAddr, UdpSocket},
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use nix::{
    errno::Errno,
    sys::socket::{MsgFlags, SockaddrIn, SockaddrIn6},
};

use self::{batch::Batches, family::Family};
use super::responder::Responder;
use crate::watchdog::Pulse;

/// Answers what comes in on `socket`, which is bound to `address`, until told to stop; then what
/// had come in by then. The socket is closed on return. `pulse` beats with each batch, and several
/// times a second without any.
///
/// # Errors
/// What the system says when the socket cannot be read any more.
pub fn serve(
    socket: UdpSocket,
    address: SocketAddr,
    responder: Responder,
    stop: &AtomicBool,
    pulse: &Pulse,
) -> io::Result<()> {
    socket.set_nonblocking(false)?;
    socket.set_read_timeout(Some(STOP_NOTICED))?;
    socket.set_write_timeout(Some(SEND_PATIENCE))?;
    let wildcard = address.ip().is_unspecified();
    match address {
        SocketAddr::V4(_) => {
            run(Batches::<SockaddrIn>::new(socket, responder, wildcard), stop, pulse)
        }
        SocketAddr::V6(_) => {
            run(Batches::<SockaddrIn6>::new(socket, responder, wildcard), stop, pulse)
        }
    }
}

fn run<A: Family>(mut batches: Batches<A>, stop: &AtomicBool, pulse: &Pulse) -> io::Result<()> {
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

/// Batches that are answered after the word to stop: more than a receive buffer holds, and an end
/// under a flood.
const LAST_BATCHES: usize = 256;
