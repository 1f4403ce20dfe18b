//! A client of one DNS server, as a stub resolver is one: RD is set, and UDP is all it speaks.

use std::{
    fmt,
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use hickory_proto::{
    op::{Message, ResponseCode},
    rr::{Name, RData, RecordType},
};

use crate::dns_exchange::Exchange;

/// A client of one server.
#[derive(Debug)]
pub(crate) struct Client(Exchange);

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
        Self(Exchange::new(Ipv4Addr::LOCALHOST, server))
    }

    /// Asks once; `None` when there is no reply within `patience`.
    pub(crate) fn ask(
        &mut self,
        name: &str,
        kind: RecordType,
        patience: Duration,
    ) -> Option<Answer> {
        let name = Name::from_ascii(name).expect("the tests use valid names");
        self.0.ask(&name, kind, true, patience).map(|reply| Answer::of(&reply))
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
