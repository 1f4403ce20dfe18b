//! Queries in, replies out, by the batch.
//!
//! All memory is set aside at the start. A batch is as large as what waits, up to [`BATCH`]; what
//! is offered to the kernel follows the size of the last batches, so that a lone query does not pay
//! for the headers of many.

use std::{
    io::{IoSlice, IoSliceMut},
    net::UdpSocket,
    os::fd::AsRawFd,
};

use nix::{
    errno::Errno,
    sys::socket::{ControlMessage, MsgFlags, MultiHeaders, RecvMsg, recvmmsg, sendmmsg},
};

use super::{
    super::{Transport, responder::Responder},
    family::Family,
};

/// Queries in one batch at most.
const BATCH: usize = 32;

/// What is offered to the kernel at least.
const LEAST: usize = 4;

/// Octets of a query that are kept. What is longer arrives cut off and is no well-formed message
/// any more. Not a power of two, for then all queries of a batch would compete for the same lines
/// of the CPU's cache.
const QUERY: usize = 4096 + 128;

/// Octets of a reply at most: what [`Responder`] promises for UDP.
const REPLY: usize = 1232;

/// A socket with the memory for its batches.
pub struct Batches<'s, A: Family> {
    socket: &'s UdpSocket,
    responder: Responder,
    /// The addresses that were asked, when it can be more than one: of each reply.
    sources: Option<Box<[A::Source; BATCH]>>,
    received: MultiHeaders<A>,
    queries: Box<[[u8; QUERY]; BATCH]>,
    /// How many queries the kernel is offered to fill in.
    offered: usize,
    replies: Box<[Vec<u8>; BATCH]>,
    /// Whom each reply is for.
    clients: Box<[Option<A>; BATCH]>,
    sent: MultiHeaders<A>,
}

impl<'s, A: Family> Batches<'s, A> {
    /// `wildcard` tells that replies must leave from the address that was asked. The socket must
    /// then deliver packet information.
    pub fn new(socket: &'s UdpSocket, responder: Responder, wildcard: bool) -> Self {
        Self {
            socket,
            responder,
            sources: wildcard.then(|| Box::new([A::ANY; BATCH])),
            received: headers(wildcard),
            queries: vec![[0; QUERY]; BATCH].try_into().expect("as many"),
            offered: LEAST,
            replies: Box::new(std::array::from_fn(|_| Vec::with_capacity(REPLY))),
            clients: Box::new([None; BATCH]),
            sent: headers(wildcard),
        }
    }

    /// Receives a batch and answers it. By `flags` it waits for the first query or not.
    ///
    /// # Errors
    /// What `recvmmsg` said: `EAGAIN` when nothing came. A reply that cannot be sent is like one
    /// that is lost on the way, and no error.
    pub fn answer(&mut self, flags: MsgFlags) -> nix::Result<()> {
        let due = self.receive(flags)?;
        match &self.sources {
            None => {
                send(self.socket, &mut self.sent, &self.replies[..due], &self.clients[..due], [])
            }
            Some(sources) => {
                let mut start = 0;
                for run in sources[..due].chunk_by(A::is_same) {
                    let replies = &self.replies[start..start + run.len()];
                    let control = [A::control(&run[0])];
                    send(self.socket, &mut self.sent, replies, &self.clients[start..], control);
                    start += run.len();
                }
            }
        }
        Ok(())
    }

    /// Receives a batch and makes the replies. Returns how many there are.
    fn receive(&mut self, flags: MsgFlags) -> nix::Result<usize> {
        let mut places = self.queries.each_mut().map(|query| [IoSliceMut::new(query)]);
        let offered = places.iter_mut().take(self.offered);
        let received = recvmmsg(self.socket.as_raw_fd(), &mut self.received, offered, flags, None)?;
        let mut turn = self.responder.turn();
        let (mut count, mut due, mut is_source_missing) = (0, 0, false);
        for message in received {
            count += 1;
            let Some(client) = message.address else { continue };
            let query = message.iovs().next().unwrap_or_default();
            let reply = &mut self.replies[due];
            reply.clear();
            if !turn.respond(query, client.client(), Transport::Udp, reply) {
                continue;
            }
            self.clients[due] = Some(client);
            if let Some(sources) = &mut self.sources {
                let source = source(&message);
                is_source_missing |= source.is_none();
                sources[due] = source.unwrap_or(A::ANY);
            }
            due += 1;
        }
        self.offered = match count {
            all if all == self.offered => (all * 2).min(BATCH),
            few => (few + few / 2).clamp(LEAST, BATCH),
        };
        if is_source_missing {
            // The kernel leaves no room in a header for what it did not write.
            self.received = headers(true);
        }
        Ok(due)
    }
}

/// Headers of a batch, with room for packet information or without.
fn headers<A: Family>(wildcard: bool) -> MultiHeaders<A> {
    MultiHeaders::preallocate(BATCH, wildcard.then(A::room))
}

fn source<A: Family>(message: &RecvMsg<'_, '_, A>) -> Option<A::Source> {
    message.cmsgs().ok()?.find_map(|control| A::source(&control))
}

/// Sends each reply to its client. One that cannot be sent is left out; the others go on their way.
fn send<A: Family, const N: usize>(
    socket: &UdpSocket,
    headers: &mut MultiHeaders<A>,
    replies: &[Vec<u8>],
    clients: &[Option<A>],
    control: [ControlMessage<'_>; N],
) {
    let mut slices = [[IoSlice::new(&[])]; BATCH];
    for (slice, reply) in slices.iter_mut().zip(replies) {
        *slice = [IoSlice::new(reply)];
    }
    let mut flags = MsgFlags::empty();
    let (mut next, end) = (0, replies.len());
    while next < end {
        let rest = slices[next..end].iter();
        match sendmmsg(socket.as_raw_fd(), headers, rest, &clients[next..end], control, flags) {
            Ok(sent) => next += sent.count().max(1),
            Err(Errno::EINTR) => {}
            Err(Errno::EAGAIN) => {
                // The buffer has been full for a while: the others must not wait as long each.
                flags = MsgFlags::MSG_DONTWAIT;
                next += 1;
            }
            Err(_) => next += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        net::{Ipv4Addr, SocketAddrV4},
        time::Duration,
    };

    use nix::sys::socket::SockaddrIn;

    use super::*;

    fn socket() -> (UdpSocket, SockaddrIn) {
        let socket = UdpSocket::bind("127.31.11.1:0").unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        let address = SocketAddrV4::new(Ipv4Addr::new(127, 31, 11, 1), port(&socket));
        (socket, address.into())
    }

    fn port(socket: &UdpSocket) -> u16 {
        socket.local_addr().unwrap().port()
    }

    /// Port 0 cannot be sent to, nor a broadcast address by a socket without leave.
    #[test]
    fn clients_that_cannot_be_reached_do_not_cost_others_their_replies() {
        let (server, _) = socket();
        let (good, reachable) = socket();
        let nowhere = SockaddrIn::from(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0));
        let broadcast = SockaddrIn::from(SocketAddrV4::new(Ipv4Addr::BROADCAST, 9));
        let clients = [nowhere, reachable, broadcast, nowhere, reachable, reachable, broadcast];
        let clients = clients.map(Some);
        let replies: Vec<Vec<u8>> = (0..7).map(|number| vec![number; 20]).collect();
        let mut sent = headers(false);
        for _ in 0..2 {
            send(&server, &mut sent, &replies, &clients, []);
            for expected in [1, 4, 5] {
                let mut buffer = [0; 100];
                assert_eq!(good.recv(&mut buffer).unwrap(), 20);
                assert_eq!(buffer[0], expected);
            }
        }
    }
}
