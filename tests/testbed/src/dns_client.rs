//! A DNS client that asks one server over UDP and keeps the order of the records.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    time::Duration,
};

use hickory_proto::{
    op::{Message, ResponseCode},
    rr::{
        Name, RData, RecordType,
        rdata::opt::{EdnsCode, EdnsOption},
    },
};

use crate::dns_exchange::Exchange;

/// The option code of Extended DNS Errors (RFC 8914, section 2).
const EXTENDED_ERROR: u16 = 15;

/// A server that owes an answer has it well before that.
const TIMEOUT: Duration = Duration::from_secs(1);

/// A client of one server.
#[derive(Debug)]
pub struct DnsClient(Exchange);

/// What the server said to one question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// NOERROR unless something is wrong.
    pub code: ResponseCode,
    /// The addresses in the order of the answer.
    pub addresses: Vec<IpAddr>,
    /// Extended DNS Errors: info code and extra text.
    pub errors: Vec<(u16, String)>,
}

impl DnsClient {
    /// A client of `server`.
    pub fn new(server: SocketAddr) -> Self {
        Self::at(Ipv4Addr::LOCALHOST, server)
    }

    /// A client of `server` with an address of its own.
    pub fn at(address: Ipv4Addr, server: SocketAddr) -> Self {
        Self(Exchange::new(address, server))
    }

    /// Asks for the IPv4 addresses of `name`; `None` when there is no reply within a second.
    pub fn addresses(&mut self, name: &Name) -> Option<Answer> {
        self.ask(name, RecordType::A).map(|reply| Answer::of(&reply))
    }

    /// The serial of the SOA record of `zone`.
    ///
    /// # Panics
    /// When the answer is not just that.
    pub fn serial(&mut self, zone: &Name) -> u32 {
        let reply = self.ask(zone, RecordType::SOA).expect("a reply within a second");
        match reply.answers.iter().map(|record| &record.data).collect::<Vec<_>>()[..] {
            [RData::SOA(soa)] => soa.serial,
            _ => panic!("no SOA record of {zone} in {reply:?}"),
        }
    }

    /// The serial of the SOA record of `zone`, if there is a reply within a second and it has one.
    pub fn serial_if_any(&mut self, zone: &Name) -> Option<u32> {
        let reply = self.ask(zone, RecordType::SOA)?;
        reply.answers.iter().find_map(|record| match &record.data {
            RData::SOA(soa) => Some(soa.serial),
            _ => None,
        })
    }

    /// The texts at `name`, one per record; none when there is no reply or no such name.
    pub fn texts(&mut self, name: &Name) -> Vec<String> {
        let reply = self.ask(name, RecordType::TXT);
        let records = reply.into_iter().flat_map(|reply| reply.answers);
        records.map(|record| record.data.to_string()).collect()
    }

    fn ask(&mut self, name: &Name, kind: RecordType) -> Option<Message> {
        self.0.ask(name, kind, false, TIMEOUT)
    }
}

impl Answer {
    fn of(reply: &Message) -> Self {
        let addresses = reply.answers.iter().filter_map(|record| match &record.data {
            RData::A(address) => Some(IpAddr::V4(address.0)),
            RData::AAAA(address) => Some(IpAddr::V6(address.0)),
            _ => None,
        });
        let errors = reply.edns.as_ref().map_or_else(Vec::new, |edns| {
            edns.options()
                .get_all(EdnsCode::Unknown(EXTENDED_ERROR))
                .into_iter()
                .filter_map(extended_error)
                .collect()
        });
        Self { code: reply.metadata.response_code, addresses: addresses.collect(), errors }
    }

    /// The addresses as a set, for names whose order means nothing.
    pub fn set(&self) -> Vec<IpAddr> {
        let mut set = self.addresses.clone();
        set.sort_unstable();
        set
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {:?}", self.code, self.addresses)?;
        for (code, text) in &self.errors {
            write!(f, " EDE {code} “{text}”")?;
        }
        Ok(())
    }
}

fn extended_error(option: &EdnsOption) -> Option<(u16, String)> {
    let EdnsOption::Unknown(EXTENDED_ERROR, data) = option else {
        return None;
    };
    let (code, text) = data.split_first_chunk::<2>()?;
    Some((u16::from_be_bytes(*code), String::from_utf8_lossy(text).into_owned()))
}
