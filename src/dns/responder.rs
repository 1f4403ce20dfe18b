//! One query in, one reply out: what every transport calls.
//!
//! Each worker thread and each connection has a responder of its own; responders share only what is
//! read. Queries that came together are answered in one turn: from one snapshot, at one time.

use std::{net::SocketAddr, sync::Arc};

use rand::{SeedableRng, rngs::SmallRng};

use super::{
    Cookies, Transport,
    fast::{self, Sender, Source},
    slow,
};
use crate::{
    clock,
    config::ExposeConfig,
    publish::{Loaded, Reader, Snapshot},
};

/// Answers queries from the published snapshot.
#[derive(Debug)]
pub(super) struct Responder {
    reader: Reader,
    expose: Arc<ExposeConfig>,
    rng: SmallRng,
    /// Room for the servers of one answer.
    drawn: Vec<usize>,
    cookies: Cookies,
}

/// Answers to queries that came together.
pub(super) struct Turn<'r> {
    snapshot: Loaded,
    expose: &'r ExposeConfig,
    rng: &'r mut SmallRng,
    drawn: &'r mut Vec<usize>,
    cookies: &'r Cookies,
    unix_seconds: u32,
}

impl Responder {
    pub(super) fn new(reader: Reader, expose: Arc<ExposeConfig>) -> Self {
        let rng = SmallRng::from_rng(&mut rand::rng());
        let drawn = Vec::with_capacity(MOST_SERVERS);
        Self { reader, expose, rng, drawn, cookies: Cookies::new(&[]) }
    }

    /// One that answers the same, for another worker or connection.
    pub(super) fn another(&self) -> Self {
        Self::new(self.reader.clone(), Arc::clone(&self.expose))
    }

    /// Begins a turn. It should end before the next wait.
    pub(super) fn turn(&mut self) -> Turn<'_> {
        Turn {
            snapshot: self.reader.load(),
            expose: &self.expose,
            rng: &mut self.rng,
            drawn: &mut self.drawn,
            cookies: &self.cookies,
            unix_seconds: wall_seconds(),
        }
    }
}

impl Turn<'_> {
    /// Appends the reply to `query` to `reply`: at most what the client can take, by UDP never over
    /// 1,232 octets, by TCP without the length in front. Returns whether a reply is due; if not,
    /// `reply` is as before.
    pub(super) fn respond(
        &mut self,
        query: &[u8],
        client: SocketAddr,
        transport: Transport,
        reply: &mut Vec<u8>,
    ) -> bool {
        let Snapshot { table, reports } = &**self.snapshot;
        let scene = slow::Scene { table, reports, expose: self.expose };
        let sender = Sender { address: client.ip(), by_udp: transport == Transport::Udp };
        let mut source = Source {
            table,
            rng: self.rng,
            drawn: self.drawn,
            cookies: self.cookies,
            unix_seconds: self.unix_seconds,
        };
        fast::respond(query, sender, &mut source, reply)
            || slow::respond(query, client, transport, scene, self.rng, reply)
    }
}

/// Servers that a cluster has at most, as a rule: room for more is made when they are drawn.
const MOST_SERVERS: usize = 64;

/// Wall time in seconds since 1970, modulo 2^32 as in cookies (RFC 9018 section 4.3).
fn wall_seconds() -> u32 {
    (clock::unix_seconds() & u64::from(u32::MAX)).try_into().expect("32 bits are left")
}
