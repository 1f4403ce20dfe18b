//! What to reply to one parsed message. Pure but for the random order of addresses.
//!
//! In this order: an EDNS version above 0 is BADVERS; an opcode other than QUERY is NOTIMP; a
//! number of questions other than one is FORMERR (RFC 9619); a TSIG is NOTAUTH with BADKEY, for we
//! hold no keys (RFC 8945 section 5.2); a class other than IN and a zone transfer are REFUSED;
//! everything else is looked up.
//!
//! AA is set on our own data, on "no such name" and on "no data"; RD is copied; RA, AD and CD are
//! clear. A reply that does not fit is tried without its Extended DNS Error (RFC 8914 section 3),
//! and then sent with TC and no records at all: a resolver asks again by TCP, and half a set of
//! replicas would be taken for the whole.

use std::net::IpAddr;

use hickory_proto::{
    op::{Edns, Metadata, OpCode, ResponseCode},
    rr::{
        DNSClass, RData, Record, RecordType,
        rdata::{
            opt::{EdnsCode, EdnsOption},
            tsig::{TSIG, TsigError},
        },
    },
    serialize::binary::BinEncoder,
};
use hickory_server::{
    net::xfer::Protocol,
    server::Request,
    zone_handler::{MessageRequest, MessageResponse, MessageResponseBuilder, Queries},
};
use rand::Rng;

use super::{
    Scene,
    edns::{self, ExtendedError},
};
use crate::{
    answers::{Answer, CompanionKind, Outcome},
    dns::exposure::is_exposed,
};

/// A reply, ready to be encoded.
#[derive(Debug)]
pub(super) struct Reply<'t> {
    metadata: Metadata,
    edns: Option<Edns>,
    answer: Answer<'t>,
    /// Records that are made for this reply: the addresses of a served name in its order, or what
    /// a report tells.
    drawn: Vec<Record>,
    /// The TSIG record that refuses a key. It comes last, after OPT.
    refused_key: Option<Box<Record<TSIG>>>,
    echo_question: bool,
    /// Addresses beside SRV records are left out.
    is_terse: bool,
}

impl<'t> Reply<'t> {
    /// The reply to `request` according to `scene`, cut to what its sender can take.
    pub(super) fn new(request: &Request, scene: Scene<'t>, rng: &mut impl Rng) -> Self {
        let mut reply = Self::whole(request, request.src().ip(), scene, rng);
        let limit = size_limit(request.protocol(), request.edns.as_ref());
        reply.shrink_to(limit, &request.queries);
        reply
    }

    /// The sections of the reply, for one encoding.
    pub(super) fn sections(&self) -> Sections<'_> {
        let mut sections = Sections::default();
        if self.metadata.truncation {
            return sections;
        }
        sections.answers.extend(self.answer.aliases.iter().map(AsRef::as_ref));
        match &self.answer.outcome {
            Outcome::Records(records) => sections.answers.extend(records.iter()),
            Outcome::Served { .. } | Outcome::Report(_) => sections.answers.extend(&self.drawn),
            Outcome::Services { records, additional, .. } => {
                sections.answers.extend(records);
                if !self.is_terse {
                    sections.additionals.extend(additional);
                }
            }
            Outcome::NoData { soa, .. } | Outcome::NxDomain { soa } => {
                sections.authorities.push(soa);
            }
            Outcome::Referral { servers, glue } => {
                sections.authorities.extend(servers.iter());
                sections.additionals.extend(glue);
            }
            Outcome::NotReady { .. } | Outcome::NotOurs => {}
        }
        sections
    }

    /// The message with these sections. `none` stands in for the question where it is not echoed.
    pub(super) fn message<'a>(
        &'a self,
        question: &'a Queries,
        none: &'a Queries,
        sections: &'a Sections<'a>,
    ) -> MessageResponse<
        'a,
        'a,
        impl Iterator<Item = &'a Record> + Send + 'a,
        impl Iterator<Item = &'a Record> + Send + 'a,
        impl Iterator<Item = &'a Record> + Send + 'a,
        impl Iterator<Item = &'a Record> + Send + 'a,
    > {
        let question = if self.echo_question { question } else { none };
        let mut message = MessageResponseBuilder::new(question, self.edns.as_ref()).build(
            self.metadata,
            sections.answers.iter().copied(),
            sections.authorities.iter().copied(),
            [],
            sections.additionals.iter().copied(),
        );
        if let Some(key) = &self.refused_key
            && !self.metadata.truncation
        {
            message.set_signature(key.clone());
        }
        message
    }

    fn whole(
        request: &MessageRequest,
        client: IpAddr,
        scene: Scene<'t>,
        rng: &mut impl Rng,
    ) -> Self {
        let mut metadata = Metadata::response_from_request(&request.metadata);
        metadata.checking_disabled = false;
        let mut reply = Self {
            metadata,
            edns: request.edns.as_ref().map(edns::reply_to),
            answer: Answer::NOT_OURS,
            drawn: Vec::new(),
            refused_key: None,
            echo_question: request.queries.len() == 1,
            is_terse: false,
        };
        match refusal(request) {
            Some(code) => {
                if code == ResponseCode::NotAuth {
                    reply.refused_key = bad_key(request);
                }
                reply.metadata.response_code = code;
            }
            None => reply.look_up(request, client, scene, rng),
        }
        reply
    }

    fn look_up(
        &mut self,
        request: &MessageRequest,
        client: IpAddr,
        scene: Scene<'t>,
        rng: &mut impl Rng,
    ) {
        let [question] = request.queries.queries() else {
            return;
        };
        self.answer = scene.table.lookup(question.name(), question.query_type());
        let sees = |kind| is_exposed(scene.expose, kind, client);
        self.is_terse = !sees(CompanionKind::Server);
        if self.answer.companion.is_some_and(|kind| !sees(kind)) {
            self.answer = Answer::NOT_OURS;
            self.metadata.response_code = ResponseCode::Refused;
            self.explain(Some(ExtendedError::PROHIBITED.option()));
            return;
        }
        let (code, authoritative, error) = match &self.answer.outcome {
            Outcome::Records(_) => (ResponseCode::NoError, true, None),
            Outcome::Served { name, addresses, note } => {
                let record = |address| {
                    Record::from_rdata((*name).into(), addresses.ttl(), RData::from(address))
                };
                self.drawn = addresses.draw(client, rng).into_iter().map(record).collect();
                (ResponseCode::NoError, true, note.and_then(ExtendedError::of))
            }
            Outcome::Report(report) => {
                self.drawn = report.records(scene.table, scene.reports);
                (ResponseCode::NoError, true, None)
            }
            Outcome::Services { note, .. } | Outcome::NoData { note, .. } => {
                (ResponseCode::NoError, true, note.and_then(ExtendedError::of))
            }
            Outcome::NxDomain { .. } => (ResponseCode::NXDomain, true, None),
            // With an alias in front, AA speaks of the alias (RFC 1035 section 4.1.1).
            Outcome::Referral { .. } => {
                (ResponseCode::NoError, !self.answer.aliases.is_empty(), None)
            }
            Outcome::NotReady { note } => (ResponseCode::ServFail, false, ExtendedError::of(note)),
            Outcome::NotOurs => {
                (ResponseCode::Refused, false, Some(ExtendedError::NOT_AUTHORITATIVE))
            }
        };
        self.metadata.response_code = code;
        self.metadata.authoritative = authoritative;
        let error = error.map(ExtendedError::option);
        self.explain(error);
    }

    fn explain(&mut self, error: Option<EdnsOption>) {
        if let (Some(edns), Some(error)) = (&mut self.edns, error) {
            edns.options_mut().insert(error);
        }
    }

    /// Makes the reply fit into `limit` octets.
    fn shrink_to(&mut self, limit: u16, question: &Queries) {
        if self.fits(limit, question) {
            return;
        }
        self.is_terse = true;
        if self.fits(limit, question) {
            return;
        }
        if let Some(edns) = &mut self.edns {
            let full = edns.clone();
            let code = EdnsCode::from(ExtendedError::OPTION);
            edns.options_mut().remove(code);
            if self.fits(limit, question) {
                return;
            }
            self.edns = Some(full);
        }
        self.metadata.truncation = true;
    }

    fn fits(&self, limit: u16, question: &Queries) -> bool {
        let mut octets = Vec::with_capacity(usize::from(edns::UDP_SIZE));
        let mut encoder = BinEncoder::new(&mut octets);
        encoder.set_max_size(limit);
        let none = no_question();
        let sections = self.sections();
        let encoded = self.message(question, &none, &sections).destructive_emit(&mut encoder);
        encoded.is_ok_and(|info| !info.truncation)
    }
}

/// The records of a reply.
#[derive(Debug, Default)]
pub(super) struct Sections<'a> {
    answers: Vec<&'a Record>,
    authorities: Vec<&'a Record>,
    additionals: Vec<&'a Record>,
}

/// An empty question section.
pub(super) fn no_question() -> Queries {
    Queries::read(&mut hickory_proto::serialize::binary::BinDecoder::new(&[]), 0)
        .expect("reading no questions reads nothing")
}

/// How many octets a reply may have: by UDP 512, or what the client announced with EDNS, at least
/// 512 and at most our own limit; by TCP what its length field can say.
fn size_limit(protocol: Protocol, asked: Option<&Edns>) -> u16 {
    match (protocol, asked) {
        (Protocol::Udp, Some(edns)) => edns.max_payload().clamp(512, edns::UDP_SIZE),
        (Protocol::Udp, None) => 512,
        _ => u16::MAX,
    }
}

/// Why `request` is not looked up; `None` when it is.
fn refusal(request: &MessageRequest) -> Option<ResponseCode> {
    if request.version() > 0 {
        return Some(ResponseCode::BADVERS);
    }
    if request.metadata.op_code != OpCode::Query {
        return Some(ResponseCode::NotImp);
    }
    let [question] = request.queries.queries() else {
        return Some(ResponseCode::FormErr);
    };
    if signature(request).is_some() {
        return Some(ResponseCode::NotAuth);
    }
    let transfer = matches!(question.query_type(), RecordType::AXFR | RecordType::IXFR);
    (question.query_class() != DNSClass::IN || transfer).then_some(ResponseCode::Refused)
}

/// The TSIG record that says BADKEY to the one in `request`, unsigned (RFC 8945 section 5.3.2).
fn bad_key(request: &MessageRequest) -> Option<Box<Record<TSIG>>> {
    let (key, tsig) = signature(request)?;
    let answer = TSIG::new(
        tsig.algorithm.clone(),
        tsig.time,
        tsig.fudge,
        Vec::new(),
        request.metadata.id,
        Some(TsigError::BadKey),
        Vec::new(),
    );
    let mut record = Record::from_rdata(key.name.clone(), 0, answer);
    record.dns_class = DNSClass::ANY;
    Some(Box::new(record))
}

fn signature(request: &MessageRequest) -> Option<(&Record, &TSIG)> {
    request.additionals.iter().find_map(|record| match &record.data {
        RData::TSIG(tsig) => Some((record, tsig)),
        _ => None,
    })
}
