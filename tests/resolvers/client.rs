//! A client of one DNS server, as a stub resolver is one: RD is set, and UDP is all it speaks.

use std::{
    fmt,
    net::{Ipv4Addr, SocketAddr, UdpSocket},
    time::{Duration, Instant},
};

use hickory_proto::{
    op::{Edns, Message, MessageType, OpCode, Query, ResponseCode},
    rr::{Name, RData, RecordType},
};

/// A client of one server.
#[derive(Debug)]
pub(crate) struct Client {
    socket: UdpSocket,
    next_id: u16,
}

/// What the server said to one question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    /// NOERROR unless something is wrong.
    pub(crate) code: ResponseCode,
    /// The addresses of the answer section, sorted.
    pub(crate) addresses: Vec<Ipv4Addr>,
    /// The largest TTL of the answer section, in seconds.
    pub(crate) ttl: u32,
    /// The SOA records of the answer section.
    pub(crate) soas: usize,
    /// The records of the answer section.
    pub(crate) records: usize,
}

impl Client {
    /// A client of `server`.
    pub(crate) fn new(server: SocketAddr) -> Self {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a UDP port is free");
        socket.connect(server).expect("a UDP socket can be aimed");
        Self { socket, next_id: 1 }
    }

    /// Asks once; `None` when there is no reply within `patience`.
    pub(crate) fn ask(
        &mut self,
        name: &str,
        kind: RecordType,
        patience: Duration,
    ) -> Option<Answer> {
        self.next_id = self.next_id.wrapping_add(1);
        let name = Name::from_ascii(name).expect("the tests use valid names");
        let mut question = Message::new(self.next_id, MessageType::Query, OpCode::Query);
        question.metadata.recursion_desired = true;
        question.add_query(Query::query(name, kind));
        let mut edns = Edns::new();
        edns.set_max_payload(1232);
        question.set_edns(edns);
        let wire = question.to_vec().expect("a question can be encoded");
        let deadline = Instant::now() + patience;
        self.socket.send(&wire).ok()?;
        self.reply(deadline)
    }

    /// The reply to the newest question; late replies to older ones are dropped.
    fn reply(&self, deadline: Instant) -> Option<Answer> {
        let mut buffer = [0; 4096];
        loop {
            let left = deadline.checked_duration_since(Instant::now())?;
            let left = left.max(Duration::from_millis(1));
            self.socket.set_read_timeout(Some(left)).ok()?;
            let length = self.socket.recv(&mut buffer).ok()?;
            let reply = Message::from_vec(&buffer[..length]).expect("the reply is well-formed");
            if reply.metadata.id == self.next_id {
                return Some(Answer::of(&reply));
            }
        }
    }
}

impl Answer {
    fn of(reply: &Message) -> Self {
        let addresses = reply.answers.iter().filter_map(|record| match &record.data {
            RData::A(address) => Some(address.0),
            _ => None,
        });
        let mut addresses: Vec<Ipv4Addr> = addresses.collect();
        addresses.sort_unstable();
        Self {
            code: reply.metadata.response_code,
            addresses,
            ttl: reply.answers.iter().map(|record| record.ttl).max().unwrap_or(0),
            soas: reply
                .answers
                .iter()
                .filter(|record| matches!(record.data, RData::SOA(_)))
                .count(),
            records: reply.answers.len(),
        }
    }

    /// Whether it has these addresses and nothing else.
    pub(crate) fn is(&self, addresses: &[Ipv4Addr]) -> bool {
        self.code == ResponseCode::NoError
            && self.addresses == addresses
            && self.records == addresses.len()
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { code, addresses, ttl, records, .. } = self;
        write!(f, "{code:?}, {records} records, TTL {ttl}, addresses {addresses:?}")
    }
}
