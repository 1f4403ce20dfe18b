//! A probe's socket: what it is set to, what it has seen, and what its errors prove.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use socket2::{SockRef, TcpKeepalive};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};

use crate::engine::{Failure, FailureKind};

/// What an error of a socket proves about the host at the other end.
///
/// Everything unknown is `Unreachable`: soft, and possibly our own fault. A process that is out of
/// file descriptors or ports must suspect itself, not the databases.
pub fn kind_of(error: &io::Error) -> FailureKind {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => FailureKind::Refused,
        io::ErrorKind::ConnectionReset
        | io::ErrorKind::ConnectionAborted
        | io::ErrorKind::NotConnected
        | io::ErrorKind::BrokenPipe
        | io::ErrorKind::UnexpectedEof => FailureKind::Closed,
        io::ErrorKind::TimedOut => FailureKind::TimedOut,
        io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput => FailureKind::Garbled,
        _ => FailureKind::Unreachable,
    }
}

/// A failure from an error of a socket, in the system's words.
pub fn failure_of(error: &io::Error, context: &str) -> Failure {
    Failure::new(kind_of(error), format!("{context}: {error}"))
}

/// A connection that counts what it receives and remembers how it ended.
///
/// The count stops an endless or monstrous reply long before it fills the memory; the memory of the
/// end tells a closed connection from a reply that merely does not parse, which the protocol
/// library reports alike.
pub struct Metered {
    stream: TcpStream,
    meter: Arc<Meter>,
}

/// What a [`Metered`] stream has seen, shared with the one who reads its errors.
pub struct Meter {
    allowance: AtomicUsize,
    end: OnceLock<Failure>,
}

impl Metered {
    /// Wraps `stream`, with the allowance of one reply.
    pub fn new(stream: TcpStream) -> (Self, Arc<Meter>) {
        let meter =
            Arc::new(Meter { allowance: AtomicUsize::new(REPLY_OCTETS_MAX), end: OnceLock::new() });
        let metered = Self { stream, meter: Arc::clone(&meter) };
        (metered, meter)
    }
}

impl Meter {
    /// Allows one more reply.
    pub fn refill(&self) {
        self.allow(REPLY_OCTETS_MAX);
    }

    /// Allows so many octets more, whatever was left.
    pub fn allow(&self, octets: usize) {
        self.allowance.store(octets, Ordering::Relaxed);
    }

    /// Whether the server has said anything yet, since the last allowance.
    pub fn has_heard(&self) -> bool {
        self.allowance.load(Ordering::Relaxed) < REPLY_OCTETS_MAX
    }

    /// How the connection ended, if it did.
    pub fn end(&self) -> Option<&Failure> {
        self.end.get()
    }

    /// Counts `octets`; the end of a stream is a read of none.
    fn count(&self, octets: usize) {
        if octets == 0 {
            self.ended(Failure::new(FailureKind::Closed, "the server closed the connection"));
        }
        let left = self.allowance.load(Ordering::Relaxed);
        self.allowance.store(left.saturating_sub(octets), Ordering::Relaxed);
    }

    fn ended(&self, failure: Failure) {
        self.end.get_or_init(|| failure);
    }
}

impl AsyncRead for Metered {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.meter.allowance.load(Ordering::Relaxed) == 0 {
            let text = format!("reply longer than {REPLY_OCTETS_MAX} octets");
            self.meter.ended(Failure::new(FailureKind::Garbled, text.as_str()));
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, text)));
        }
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buffer);
        match &polled {
            Poll::Ready(Ok(())) if buffer.capacity() > before => {
                self.meter.count(buffer.filled().len() - before);
            }
            Poll::Ready(Err(error)) => self.meter.ended(failure_of(error, "receiving")),
            Poll::Ready(Ok(())) | Poll::Pending => {}
        }
        polled
    }
}

impl AsyncWrite for Metered {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(cx, octets);
        if let Poll::Ready(Err(error)) = &polled {
            self.meter.ended(failure_of(error, "sending"));
        }
        polled
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// Sets what a probe's socket needs and refuses a connection to itself.
///
/// `TCP_USER_TIMEOUT` ends a connection whose data nobody acknowledges after the probe's own
/// timeout instead of the kernel's quarter of an hour (tcp(7)).
pub fn prepare(stream: &TcpStream, timeout: Duration) -> io::Result<()> {
    // With nobody listening on a port of the ephemeral range, the kernel may pick that very port as
    // the local one and connect the socket to itself.
    if stream.local_addr()? == stream.peer_addr()? {
        return Err(io::ErrorKind::ConnectionRefused.into());
    }
    stream.set_nodelay(true)?;
    let socket = SockRef::from(stream);
    socket.set_tcp_user_timeout(Some(timeout))?;
    socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEPALIVE).with_interval(KEEPALIVE))
}

/// The most octets one reply may have. An honest one, login and certificates included, has a few
/// thousand.
const REPLY_OCTETS_MAX: usize = 256 * 1024;

/// Idle time until the first keepalive and between two of them. One second is the shortest Linux
/// knows; the connection is idle for about that long between two normal probes.
const KEEPALIVE: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use std::io;

    use super::{FailureKind, kind_of};

    #[test]
    fn our_own_shortage_is_no_evidence_against_the_server() {
        let too_many_open_files = io::Error::from_raw_os_error(24);
        assert_eq!(kind_of(&too_many_open_files), FailureKind::Unreachable);
        let host_unreachable = io::Error::from_raw_os_error(113);
        assert_eq!(kind_of(&host_unreachable), FailureKind::Unreachable);
        let reset = io::Error::from_raw_os_error(104);
        assert_eq!(kind_of(&reset), FailureKind::Closed);
    }
}
