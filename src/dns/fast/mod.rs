//! The short way from the octets of a common query to those of its reply.
//!
//! It reads and copies octets: no lock, no allocation, no system call. Whatever is not common is
//! left to the slow path, which could answer everything; a test sends queries of every kind both
//! ways and demands equal replies.

mod name_room;
mod query;

use std::net::IpAddr;

use rand::Rng;

pub use self::name_room::NameRoom;
use self::query::{Query, QueryEdns};
use super::{
    cookie::{Cookies, MalformedCookie},
    slow::edns::{ExtendedError, UDP_SIZE},
};
use crate::{
    answers::{AnswerTable, WireAnswer, WireSoa},
    config::Networks,
    metrics::{DnsTally, QueryType, Refused, ReplyCode, ReplySummary},
};

/// What replies are made from.
pub struct Source<'s, R> {
    pub table: &'s AnswerTable,
    pub rng: &'s mut R,
    /// Room for the servers of one answer.
    pub drawn: &'s mut Vec<usize>,
    /// Room for a name in lower case.
    pub name: &'s mut NameRoom,
    pub cookies: &'s Cookies,
    /// Who may see why an answer is degraded.
    pub texts: &'s Networks,
    /// Wall time in seconds since 1970, modulo 2^32.
    pub unix_seconds: u32,
}

/// How a message came.
#[derive(Clone, Copy)]
pub struct Sender {
    pub address: IpAddr,
    /// Whether by UDP, where replies have limits.
    pub by_udp: bool,
}

/// Appends the reply to `query` to `out`, if it is a common one with a common answer that fits.
/// Returns what is counted of it; `None` when it is for the slow path, and `out` is as before.
pub fn respond<R: Rng>(
    octets: &[u8],
    sender: Sender,
    source: &mut Source<'_, R>,
    out: &mut Vec<u8>,
) -> Option<ReplySummary> {
    let query = Query::parse(octets)?;
    let limit = match query.edns {
        _ if !sender.by_udp => usize::from(u16::MAX),
        None => MIN_UDP_SIZE,
        Some(edns) => usize::from(edns.udp_size.clamp(MIN_SIZE, UDP_SIZE)),
    };
    let cookie = match query.edns.and_then(|edns| edns.cookie) {
        None => None,
        Some(sent) => match source.cookies.reply_to(sent, sender.address, source.unix_seconds) {
            Ok(reply) => Some(reply.option),
            Err(MalformedCookie) => return None,
        },
    };
    // Length octets are at most 63 and so never taken for upper-case letters.
    let name = source.name.lower_case(query.name);
    let texts = source.texts;
    let explained = |note| ExtendedError::of(note, || texts.contains(sender.address));
    let start = out.len();
    let mut reply = Reply { octets, query: &query, cookie, limit: start + limit, start, out };
    let mut said = ReplySummary {
        query_type: QueryType::of(query.record_type),
        slot: DnsTally::NO_SLOT,
        code: ReplyCode::NoError,
        truncated: false,
        refused: None,
    };
    let done = match source.table.wire_lookup(name, query.record_type) {
        WireAnswer::Served { addresses, note, slot } => {
            said.slot = slot;
            reply.begin(AA, NOERROR);
            let room = reply.limit.saturating_sub(reply.out.len());
            let (rng, drawn) = (&mut *source.rng, &mut *source.drawn);
            let count = addresses.append_answer(sender.address, rng, drawn, room, reply.out);
            count.is_some_and(|count| {
                reply.count(Section::Answer, count);
                reply.end(note.and_then(explained))
            })
        }
        WireAnswer::Soa(soa) => reply.soa(soa, Section::Answer, NOERROR, None),
        WireAnswer::NoData { soa, note, slot } => {
            said.slot = slot.unwrap_or(DnsTally::NO_SLOT);
            reply.soa(soa, Section::Authority, NOERROR, note.and_then(explained))
        }
        WireAnswer::NxDomain { soa } => {
            said.code = ReplyCode::NxDomain;
            reply.soa(soa, Section::Authority, NXDOMAIN, None)
        }
        WireAnswer::NotOurs => {
            (said.code, said.refused) = (ReplyCode::Refused, Some(Refused::NotAuthoritative));
            reply.refusal()
        }
        WireAnswer::Other => false,
    };
    if !done {
        out.truncate(start);
    }
    done.then_some(said)
}

/// A reply that is being written. Each way to write one says whether it fits.
struct Reply<'r> {
    octets: &'r [u8],
    query: &'r Query<'r>,
    /// The data of the COOKIE option that it carries.
    cookie: Option<[u8; 24]>,
    out: &'r mut Vec<u8>,
    /// Where it begins in `out`.
    start: usize,
    /// How long `out` may become.
    limit: usize,
}

/// Where a record goes.
#[derive(Clone, Copy)]
enum Section {
    Answer,
    Authority,
}

impl Reply<'_> {
    /// A SOA record alone.
    fn soa(
        &mut self,
        soa: &WireSoa,
        section: Section,
        code: u8,
        error: Option<ExtendedError<'_>>,
    ) -> bool {
        self.begin(AA, code);
        self.count(section, 1);
        // The question's name ends with the apex.
        let apex = self.query.question_end() - 4 - soa.apex_octets;
        let Ok(pointer) = u16::try_from(0xc000 | apex) else {
            return false;
        };
        self.out.extend_from_slice(&pointer.to_be_bytes());
        self.out.extend_from_slice(&soa.record);
        self.end(error)
    }

    /// No name of ours (RFC 8906 section 3.1.5: an answer, not silence).
    fn refusal(&mut self) -> bool {
        self.begin(0, REFUSED);
        self.end(Some(ExtendedError::NOT_AUTHORITATIVE))
    }

    /// Header and question. ID, RD, the question's octets and the number of OPT records are those
    /// of the query.
    #[inline]
    fn begin(&mut self, authoritative: u8, code: u8) {
        self.out.extend_from_slice(&self.octets[..self.query.question_end()]);
        let recursion_desired = self.octets[2] & 1;
        self.out[self.start + 2..][..2]
            .copy_from_slice(&[QR | authoritative | recursion_desired, code]);
    }

    /// Writes the number of records of a section into the header.
    #[inline]
    fn count(&mut self, section: Section, records: u16) {
        let place = match section {
            Section::Answer => 6,
            Section::Authority => 8,
        };
        self.out[self.start + place..][..2].copy_from_slice(&records.to_be_bytes());
    }

    /// The OPT record, where the query has one (RFC 6891 section 7), and whether all fits.
    #[inline]
    fn end(&mut self, error: Option<ExtendedError<'_>>) -> bool {
        if let Some(QueryEdns { dnssec_ok, .. }) = self.query.edns {
            let [size_high, size_low] = UDP_SIZE.to_be_bytes();
            let flags = if dnssec_ok { 0x80 } else { 0 };
            let options = self.out.len() + OPT_OCTETS;
            self.out.extend_from_slice(&[0, 0, 41, size_high, size_low, 0, 0, flags, 0, 0, 0]);
            if let Some(error) = error {
                error.append_to(self.out);
            }
            if let Some(cookie) = self.cookie {
                self.out.extend_from_slice(&[0, 10, 0, 24]);
                self.out.extend_from_slice(&cookie);
            }
            let Ok(length) = u16::try_from(self.out.len() - options) else {
                return false;
            };
            self.out[options - 2..options].copy_from_slice(&length.to_be_bytes());
        }
        self.out.len() <= self.limit
    }
}

/// What a client without EDNS takes by UDP, in octets (RFC 1035 section 4.2.1).
const MIN_UDP_SIZE: usize = 512;

/// What a client with EDNS takes, whatever it says (RFC 6891 section 6.2.3).
const MIN_SIZE: u16 = 512;

/// Octets of an OPT record without options.
const OPT_OCTETS: usize = 11;

const QR: u8 = 0x80;
const AA: u8 = 0x04;

const NOERROR: u8 = 0;
const NXDOMAIN: u8 = 3;
const REFUSED: u8 = 5;

#[cfg(test)]
mod tests;
