//! A packet echo with the same batched calls as Pointsman's UDP workers and no DNS: the floor.
//!
//! It sets QR, so that the load takes the packet for a reply, and does nothing else.

use std::{
    io::{self, IoSlice, IoSliceMut},
    net::SocketAddr,
    os::fd::AsRawFd,
};

use nix::{
    errno::Errno,
    sys::socket::{MsgFlags, MultiHeaders, SockaddrIn, recvmmsg, sendmmsg},
};

/// Packets per call, as many as Pointsman takes at once.
const BATCH: usize = 32;

/// Packets that the kernel is offered room for at least; more when as many came.
const LEAST: usize = 4;

/// Octets of a query at most.
const QUERY: usize = 512;

/// Echoes what comes to `address` until the process is ended.
pub(crate) fn serve(address: SocketAddr) -> io::Result<()> {
    let socket = std::net::UdpSocket::bind(address)?;
    let mut packets = vec![[0_u8; QUERY]; BATCH];
    let mut received = MultiHeaders::<SockaddrIn>::preallocate(BATCH, None);
    let mut replied = MultiHeaders::<SockaddrIn>::preallocate(BATCH, None);
    let mut lengths = [0; BATCH];
    let mut clients = [None; BATCH];
    let mut offered = LEAST;
    loop {
        let mut count = 0;
        let mut slices: [_; BATCH] = {
            let mut rest = packets.iter_mut();
            std::array::from_fn(|_| [IoSliceMut::new(rest.next().expect("a packet per slot"))])
        };
        let batch = recvmmsg(
            socket.as_raw_fd(),
            &mut received,
            slices.iter_mut().take(offered),
            MsgFlags::MSG_WAITFORONE,
            None,
        );
        match batch {
            Ok(batch) => {
                for (number, message) in batch.enumerate() {
                    (lengths[number], clients[number]) = (message.bytes, message.address);
                    count += 1;
                }
            }
            Err(Errno::EINTR) => continue,
            Err(error) => return Err(error.into()),
        }
        offered = if count == offered { count * 2 } else { count + count / 2 }.clamp(LEAST, BATCH);
        for (packet, &length) in packets.iter_mut().zip(&lengths).take(count) {
            if length > 2 {
                packet[2] |= 0x80;
            }
        }
        let replies: [_; BATCH] =
            std::array::from_fn(|number| [IoSlice::new(&packets[number][..lengths[number]])]);
        // A reply that cannot be sent is like one that is lost on the way.
        _ = sendmmsg(
            socket.as_raw_fd(),
            &mut replied,
            replies[..count].iter(),
            &clients[..count],
            [],
            MsgFlags::empty(),
        );
    }
}
