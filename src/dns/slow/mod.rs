//! The complete way from the octets of a query to those of its reply, by hickory-server's messages.
//!
//! A message shorter than a header, and one with QR set, get no reply: two servers that answered
//! each other's replies would never end. One that cannot be parsed gets FORMERR.

pub(super) mod edns;
mod reply;

use std::net::SocketAddr;

use hickory_proto::serialize::binary::BinEncoder;
use hickory_server::{net::xfer::Protocol, server::Request};
use rand::Rng;

use self::reply::{Reply, no_question};
use super::{HEADER, Transport, is_reply};
use crate::{
    answers::{AnswerTable, Reports},
    config::ExposeConfig,
};

/// What replies are made from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scene<'t> {
    pub(super) table: &'t AnswerTable,
    pub(super) reports: &'t Reports,
    pub(super) expose: &'t ExposeConfig,
}

/// Appends the reply to `query` to `out`. Returns whether there is one.
pub(super) fn respond(
    query: &[u8],
    client: SocketAddr,
    transport: Transport,
    scene: Scene<'_>,
    rng: &mut impl Rng,
    out: &mut Vec<u8>,
) -> bool {
    if query.len() < HEADER || is_reply(query) {
        return false;
    }
    let protocol = match transport {
        Transport::Udp => Protocol::Udp,
        Transport::Tcp | Transport::Tls => Protocol::Tcp,
    };
    let Ok(request) = Request::from_bytes(query.to_vec(), client, protocol) else {
        out.extend_from_slice(&form_error(query));
        return true;
    };
    let reply = Reply::new(&request, scene, rng);
    let none = no_question();
    let sections = reply.sections();
    let message = reply.message(&request.queries, &none, &sections);
    let start = out.len();
    let mut octets = Vec::with_capacity(512);
    let encoded = message.destructive_emit(&mut BinEncoder::new(&mut octets));
    out.extend_from_slice(&octets);
    encoded.is_ok() && out.len() > start
}

/// The header of a reply to what cannot be parsed: ID, opcode and RD are copied, all counts are 0.
fn form_error(query: &[u8]) -> [u8; HEADER] {
    let mut header = [0; HEADER];
    header[..2].copy_from_slice(&query[..2]);
    header[2] = 0x80 | query[2] & 0x79;
    header[3] = 1;
    header
}
