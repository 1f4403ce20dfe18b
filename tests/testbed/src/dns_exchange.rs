//! One question, one reply, by UDP: what the DNS clients of the tests have in common.

use std::{
    net::{Ipv4Addr, SocketAddr, UdpSocket},
    time::{Duration, Instant},
};

use hickory_proto::{
    op::{Edns, Message, MessageType, OpCode, Query},
    rr::{Name, RecordType},
};

/// A socket that is aimed at one server.
#[derive(Debug)]
pub struct Exchange {
    socket: UdpSocket,
    next_id: u16,
}

impl Exchange {
    /// From a free port of `address` to `server`.
    pub fn new(address: Ipv4Addr, server: SocketAddr) -> Self {
        let socket = UdpSocket::bind((address, 0)).expect("a UDP port is free");
        socket.connect(server).expect("a UDP socket can be aimed");
        Self { socket, next_id: 1 }
    }

    /// Asks once, with RD as told; `None` when there is no reply within `patience`.
    pub fn ask(
        &mut self,
        name: &Name,
        kind: RecordType,
        recursion_desired: bool,
        patience: Duration,
    ) -> Option<Message> {
        self.next_id = self.next_id.wrapping_add(1);
        let mut question = Message::new(self.next_id, MessageType::Query, OpCode::Query);
        question.metadata.recursion_desired = recursion_desired;
        question.add_query(Query::query(name.clone(), kind));
        let mut edns = Edns::new();
        edns.set_max_payload(1232);
        question.set_edns(edns);
        let wire = question.to_vec().expect("a question can be encoded");
        let deadline = Instant::now() + patience;
        self.socket.send(&wire).ok()?;
        self.reply(deadline)
    }

    /// The reply to the newest question; late replies to older ones are dropped.
    fn reply(&self, deadline: Instant) -> Option<Message> {
        let mut buffer = [0; 4096];
        loop {
            let left = deadline.checked_duration_since(Instant::now())?;
            let left = left.max(Duration::from_millis(1));
            self.socket.set_read_timeout(Some(left)).ok()?;
            let length = self.socket.recv(&mut buffer).ok()?;
            let reply = Message::from_vec(&buffer[..length]).expect("the reply is well-formed");
            if reply.metadata.id == self.next_id {
                return Some(reply);
            }
        }
    }
}
