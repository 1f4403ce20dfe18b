//! One query in, one reply out: what every transport calls.
//!
//! Each worker thread and each connection has a responder of its own; responders share only what is
//! read. Queries that came together are answered in one turn: from one snapshot, at one time.

use std::net::SocketAddr;

use rand::{SeedableRng, rngs::SmallRng};

use super::{Transport, slow};
use crate::publish::{Loaded, Reader};

/// Answers queries from the published snapshot.
#[derive(Debug)]
pub(super) struct Responder {
    reader: Reader,
    rng: SmallRng,
}

/// Answers to queries that came together.
pub(super) struct Turn<'r> {
    snapshot: Loaded,
    rng: &'r mut SmallRng,
}

impl Responder {
    pub(super) fn new(reader: Reader) -> Self {
        Self { reader, rng: SmallRng::from_rng(&mut rand::rng()) }
    }

    /// Begins a turn. It should end before the next wait.
    pub(super) fn turn(&mut self) -> Turn<'_> {
        Turn { snapshot: self.reader.load(), rng: &mut self.rng }
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
        slow::respond(query, client, transport, &self.snapshot.table, self.rng, reply)
    }
}
