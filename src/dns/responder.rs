//! One query in, one reply out: what every transport calls.
//!
//! Each worker thread and each connection has a responder of its own; responders share only what is
//! read. Queries that came together are answered in one turn: from one snapshot, at one time.

use std::{
    fmt,
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use rand::{SeedableRng, rngs::SmallRng};

use super::{
    HEADER, Rules, Transport,
    fast::{self, NameRoom, Sender, Source},
    is_reply,
    rate::Allowance,
    rules::Admission,
    slow::{self, Scene},
};
use crate::{
    clock,
    metrics::{DnsCounters, DnsTally, DnsTransport, Dropped},
    publish::{Loaded, Reader},
    transfer::Passage,
};

/// Answers queries from the published snapshot.
#[derive(Debug)]
pub struct Responder {
    reader: Reader,
    rules: Arc<Rules>,
    rng: SmallRng,
    /// Room for the servers of one answer.
    drawn: Vec<usize>,
    /// Room for one name.
    name: NameRoom,
    tally: DnsTally,
    /// The transfer that the last query was granted, if its messages are still to be sent.
    passage: Option<Box<Passage>>,
}

/// What all responders of a server have in common.
#[derive(Clone, Debug)]
pub struct Responders {
    pub reader: Reader,
    pub rules: Arc<Rules>,
    pub counters: DnsCounters,
}

/// Answers to queries that came together.
pub struct Turn<'r> {
    snapshot: Loaded,
    rules: &'r Rules,
    rng: &'r mut SmallRng,
    drawn: &'r mut Vec<usize>,
    name: &'r mut NameRoom,
    tally: &'r DnsTally,
    passage: &'r mut Option<Box<Passage>>,
    /// Wall time in seconds since 1970, modulo 2^32, as cookies count it (RFC 9018 section 4.3).
    unix_seconds: u32,
}

impl Responder {
    /// Answers from what `reader` reads, by `rules`. Nobody sees what it counts.
    pub fn new(reader: Reader, rules: Arc<Rules>) -> Self {
        let rng = SmallRng::from_rng(&mut rand::rng());
        Self {
            reader,
            rules,
            rng,
            drawn: Vec::with_capacity(MOST_SERVERS),
            name: NameRoom::default(),
            tally: DnsTally::default(),
            passage: None,
        }
    }

    /// Counts with `tally`.
    #[must_use]
    pub(super) fn counting(self, tally: DnsTally) -> Self {
        Self { tally, ..self }
    }

    /// Begins a turn. It should end before the next wait.
    pub fn turn(&mut self) -> Turn<'_> {
        let [_, _, _, _, seconds @ ..] = clock::unix_seconds().to_be_bytes();
        Turn {
            snapshot: self.reader.load(),
            rules: &self.rules,
            rng: &mut self.rng,
            drawn: &mut self.drawn,
            name: &mut self.name,
            tally: &self.tally,
            passage: &mut self.passage,
            unix_seconds: u32::from_be_bytes(seconds),
        }
    }
}

impl Responders {
    /// One more, for a connection.
    pub fn one(&self) -> Responder {
        self.responder().counting(self.counters.shared())
    }

    /// One more, for a thread that nobody else shares it with.
    pub fn one_alone(&self) -> Responder {
        self.responder().counting(self.counters.alone())
    }

    fn responder(&self) -> Responder {
        Responder::new(self.reader.clone(), Arc::clone(&self.rules))
    }
}

impl Turn<'_> {
    /// Appends the reply to `query` to `reply`: at most what the client can take, by UDP never over
    /// 1,232 octets, by TCP without the length in front. Returns whether a reply is due; if not,
    /// `reply` is as before.
    ///
    /// Two kinds of message get none: those shorter than a header, and those with QR set, for two
    /// servers that answered each other's replies would never end. Over the rate limit others may
    /// get none, too.
    pub fn respond(
        &mut self,
        query: &[u8],
        client: SocketAddr,
        transport: Transport,
        reply: &mut Vec<u8>,
    ) -> bool {
        let Some(admission) = self.admit(query, client.ip(), transport) else {
            return false;
        };
        let sender = Sender { address: client.ip(), by_udp: transport == Transport::Udp };
        let mut source = Source {
            table: &self.snapshot.table,
            rng: self.rng,
            drawn: self.drawn,
            name: self.name,
            cookies: self.rules.cookies(),
            texts: self.rules.texts(),
            unix_seconds: self.unix_seconds,
        };
        if admission == Admission::Welcome
            && let Some(said) = fast::respond(query, sender, &mut source, reply)
        {
            self.tally.reply(transport.into(), said);
            return true;
        }
        self.respond_slowly(query, client.ip(), transport, admission, reply)
    }

    /// The same by the slow path alone, which knows every kind of query.
    pub fn respond_by_messages(
        &mut self,
        query: &[u8],
        client: SocketAddr,
        transport: Transport,
        reply: &mut Vec<u8>,
    ) -> bool {
        let Some(admission) = self.admit(query, client.ip(), transport) else {
            return false;
        };
        self.respond_slowly(query, client.ip(), transport, admission, reply)
    }

    /// The transfer that the last query was granted. Its reply is that, and there is no other: whoever serves
    /// streams has to send it.
    pub(super) fn take_passage(&mut self) -> Option<Box<Passage>> {
        self.passage.take()
    }

    fn respond_slowly(
        &mut self,
        query: &[u8],
        client: IpAddr,
        transport: Transport,
        admission: Admission,
        reply: &mut Vec<u8>,
    ) -> bool {
        let scene = Scene {
            client,
            transport,
            admission,
            unix_seconds: self.unix_seconds,
            rules: self.rules,
            table: &self.snapshot.table,
            reports: &self.snapshot.reports,
        };
        let (said, passage) = slow::respond(query, scene, self.rng, reply).unzip();
        *self.passage = passage.flatten();
        match said {
            Some(said) => self.tally.reply(transport.into(), said),
            None => self.tally.dropped(transport.into(), Dropped::Unwritable),
        }
        said.is_some() && self.passage.is_none()
    }

    /// How a query is let in; `None` when it gets no reply. It costs two comparisons where all may
    /// ask and nothing is limited.
    #[inline]
    fn admit(&self, query: &[u8], client: IpAddr, transport: Transport) -> Option<Admission> {
        if let Err(why) = answerable(query) {
            self.tally.dropped(transport.into(), why);
            return None;
        }
        if !self.rules.allows(client) {
            return self.admit_prohibited(query, client, transport);
        }
        if transport != Transport::Udp {
            return Some(Admission::Welcome);
        }
        let Some(limit) = self.rules.rate_limit(client) else {
            return Some(Admission::Welcome);
        };
        if slow::has_valid_cookie(query, client, self.unix_seconds, self.rules.cookies()) {
            return Some(Admission::Welcome);
        }
        match limit.take(client, self.rules.milliseconds()) {
            Allowance::Within => Some(Admission::Welcome),
            Allowance::Slip => Some(Admission::Truncated),
            Allowance::Over => {
                self.tally.dropped(transport.into(), Dropped::RateLimited);
                None
            }
        }
    }

    /// The same for a client that may not ask. A refusal is as large as its question, so that who
    /// forges a source could have it sent anywhere: it is limited like every reply. None of those
    /// over the limit is sent, for TC would only lead to a refusal by TCP.
    #[cold]
    fn admit_prohibited(
        &self,
        query: &[u8],
        client: IpAddr,
        transport: Transport,
    ) -> Option<Admission> {
        let limit = match transport {
            Transport::Udp => self.rules.rate_limit(client),
            Transport::Tcp | Transport::Tls => None,
        };
        let (seconds, cookies) = (self.unix_seconds, self.rules.cookies());
        let allowance = match limit {
            Some(limit) if !slow::has_valid_cookie(query, client, seconds, cookies) => {
                limit.take(client, self.rules.milliseconds())
            }
            _ => Allowance::Within,
        };
        match allowance {
            Allowance::Within => Some(Admission::Prohibited),
            Allowance::Slip | Allowance::Over => {
                self.tally.dropped(transport.into(), Dropped::RateLimited);
                None
            }
        }
    }
}

impl fmt::Debug for Turn<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Turn").field("rules", &self.rules).finish_non_exhaustive()
    }
}

/// Servers that a cluster has at most, as a rule: room for more is made when they are drawn.
const MOST_SERVERS: usize = 64;

/// A message must be long enough to be one, and no reply.
fn answerable(query: &[u8]) -> Result<(), Dropped> {
    match query.len() {
        ..HEADER => Err(Dropped::Short),
        _ if is_reply(query) => Err(Dropped::Reply),
        _ => Ok(()),
    }
}

impl From<Transport> for DnsTransport {
    fn from(transport: Transport) -> Self {
        match transport {
            Transport::Udp => Self::Udp,
            Transport::Tcp => Self::Tcp,
            Transport::Tls => Self::Tls,
        }
    }
}
