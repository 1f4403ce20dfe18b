//! DNS over UDP: one thread per socket.

use std::{
    io,
    net::{SocketAddr, UdpSocket},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use super::{Responder, Transport};

/// Answers what comes in on `socket` until told to stop.
pub(super) fn serve(
    socket: &UdpSocket,
    mut responder: Responder,
    stop: &Arc<AtomicBool>,
) -> io::Result<()> {
    socket.set_nonblocking(false)?;
    socket.set_read_timeout(Some(STOP_NOTICED))?;
    let mut query = [0; 4096];
    let mut reply = Vec::with_capacity(1232);
    while !stop.load(Ordering::Relaxed) {
        let (length, client): (usize, SocketAddr) = match socket.recv_from(&mut query) {
            Ok(received) => received,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        reply.clear();
        if responder.turn().respond(&query[..length], client, Transport::Udp, &mut reply) {
            // A reply that cannot be sent is like one that is lost on the way.
            _ = socket.send_to(&reply, client);
        }
    }
    Ok(())
}

/// How soon a thread that waits for queries notices that it should stop.
const STOP_NOTICED: Duration = Duration::from_millis(100);
