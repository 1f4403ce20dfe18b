//! The complete way from the octets of a query to those of its reply: every kind of query, by
//! hickory's names, records and messages.
//!
//! ```text
//! octets ──▶ Query (frame, OPT) ──▶ Reply (what to say) ──▶ octets, cut to the client's size
//! ```

pub mod edns;
mod message;
mod query;
mod refusal;
mod reply;
mod scene;
mod transfer;

use std::{net::IpAddr, sync::Arc};

use rand::Rng;

pub use self::scene::Scene;
use self::{
    edns::{Opt, Options, UDP_SIZE},
    message::Reply,
    query::Query,
};
use super::{Cookies, HEADER, Transport};
use crate::{
    answers::AnswerTable,
    clock,
    metrics::{DnsTally, QueryType, ReplyCode, ReplySummary},
    transfer::{Content, Passage},
};

/// Appends the reply to `octets`, which are at least a header without QR, to `out`. Returns what
/// is counted of it; `None` when there is none. A transfer of several messages comes in its place.
pub fn respond(
    octets: &[u8],
    scene: Scene<'_>,
    rng: &mut impl Rng,
    out: &mut Vec<u8>,
) -> Option<(ReplySummary, Option<Box<Passage>>)> {
    let query = Query::read(octets);
    let limit = size_limit(scene.transport, query.opt);
    let mut reply = Reply::to(&query, (scene, usize::from(limit)), rng);
    let (octets, passage) = match reply.transfer.take() {
        None => (signed(&mut reply, limit)?, None),
        Some(content) => transfer(&mut reply, content, scene),
    };
    out.extend_from_slice(&octets);
    let (query_type, slot) = query.question.map_or_else(
        || (QueryType::Unread, None),
        |question| question_counted(question, scene.table),
    );
    let summary = ReplySummary {
        query_type,
        slot: slot.unwrap_or(DnsTally::NO_SLOT),
        code: ReplyCode::of(reply.code),
        truncated: octets.len() > HEADER && message::truncated(&octets),
        refused: reply.refused,
    };
    Some((summary, passage))
}

/// The message with its signature, of at most `limit` octets.
fn signed(reply: &mut Reply<'_>, limit: u16) -> Option<Vec<u8>> {
    let Some(mut signer) = reply.signer.take() else { return reply.encode(limit) };
    let room = u16::try_from(signer.octets()).ok().and_then(|octets| limit.checked_sub(octets))?;
    let mut octets = reply.encode(room)?;
    signer.sign(&mut octets, clock::unix_seconds());
    Some(octets)
}

/// The one message of a transfer, or nothing and the way of several.
fn transfer(
    reply: &mut Reply<'_>,
    content: Content,
    scene: Scene<'_>,
) -> (Vec<u8>, Option<Box<Passage>>) {
    let (head, opt) = reply.transfer_head();
    let signer = reply.signer.take().map(|signer| *signer);
    match content {
        Content::One(body) => {
            let mut octets = head.message(&body, &opt);
            if let Some(mut signer) = signer {
                signer.sign(&mut octets, clock::unix_seconds());
            }
            (octets, None)
        }
        Content::Several(messages, secondary) => {
            let places = Arc::clone(scene.rules.transfers().places());
            let passage = Passage { head, opt, messages, signer, secondary, places };
            (Vec::new(), Some(Box::new(passage)))
        }
    }
}

/// What `question` asks for, and the slot of the served name that it asks about.
fn question_counted(question: &[u8], table: &AnswerTable) -> (QueryType, Option<u32>) {
    let Some((name, [type_high, type_low, class @ ..])) = question.split_last_chunk::<4>() else {
        return (QueryType::Unread, None);
    };
    let slot = match class {
        [0, 1] => table.slot(&name.to_ascii_lowercase()),
        _ => None,
    };
    (QueryType::of(u16::from_be_bytes([*type_high, *type_low])), slot)
}

/// Whether `octets` come with a server cookie of ours for `client`.
pub fn has_valid_cookie(
    octets: &[u8],
    client: IpAddr,
    unix_seconds: u32,
    cookies: &Cookies,
) -> bool {
    let options = Query::read(octets).opt.and_then(|opt| Options::read(opt.options));
    let cookie = options.and_then(|options| options.cookie);
    let reply = cookie.and_then(|data| cookies.reply_to(data, client, unix_seconds).ok());
    reply.is_some_and(|reply| reply.is_valid())
}

/// How many octets a reply may have: by UDP 512, or what the client announced with EDNS, at least
/// 512 (RFC 6891 section 6.2.3) and at most our own limit; by TCP what its length field can say.
fn size_limit(transport: Transport, asked: Option<Opt<'_>>) -> u16 {
    match (transport, asked) {
        (Transport::Udp, Some(opt)) => opt.size.clamp(512, UDP_SIZE),
        (Transport::Udp, None) => 512,
        _ => u16::MAX,
    }
}
