//! What to reply to one query. Pure but for the random order of addresses.
//!
//! The first that applies:
//!
//! | query | reply |
//! | --- | --- |
//! | QUERY with a broken frame | FORMERR |
//! | EDNS version above 0 | BADVERS (RFC 6891 section 6.1.3) |
//! | broken options, a COOKIE option of no known length | FORMERR (RFC 7873 section 5.2.2) |
//! | client outside `allow_query` | REFUSED |
//! | TSIG that is not good | NOTAUTH with its error, or FORMERR (RFC 8945 section 5.2) |
//! | another opcode | NOTIMP (RFC 6895 section 2.2) |
//! | records in answer or authority section | FORMERR |
//! | no question, but a COOKIE option | NOERROR, or BADCOOKIE (RFC 7873 section 5.4) |
//! | not one question | FORMERR (RFC 9619) |
//! | zone transfer | what `transfer` has for this client and key, or REFUSED (RFC 5936) |
//! | class CH | who we are, see `identity.rs` |
//! | a class other than IN and CH | REFUSED |
//! | anything else | is looked up |
//!
//! AA is set on our own data, on "no such name" and on "no data"; RD is copied; RA, AD and CD are
//! clear.

use std::borrow::Cow;

use hickory_proto::{
    rr::{DNSClass, LowerName, RData, Record, RecordType, rdata::SOA},
    serialize::binary::BinDecoder,
};
use hickory_server::zone_handler::Queries;
use rand::Rng;

use super::{
    edns::{ExtendedError, Opt, Options, ReplyOpt},
    message::{Reply, Sections},
    query::{Query, Section},
    refusal::{
        BADCOOKIE, BADVERS, FORM_ERROR, FORMERR, NOERROR, NOTIMP, NXDOMAIN, REFUSED, Refusal,
        SERVFAIL, refuse, refuse_because,
    },
    scene::Scene,
};
use crate::{
    answers::{Answer, CompanionKind, Outcome},
    dns::{Admission, CookieReply, CookieVerdict, Transport, identity::Chaos},
    report,
};

impl<'a> Reply<'a> {
    /// The reply to `query`, for which there is room for so many octets. Of records that do not
    /// fit, no more are made than it takes to see that.
    pub(super) fn to(
        query: &Query<'a>,
        (scene, room): (Scene<'a>, usize),
        rng: &mut impl Rng,
    ) -> Self {
        let opt = |asked: Opt<'_>| ReplyOpt { dnssec_ok: asked.dnssec_ok(), ..ReplyOpt::default() };
        let mut reply = Self {
            id: query.id(),
            flags: QR | query.flags() & (OPCODE | RD),
            question: query.question,
            opt: query.opt.map(opt),
            ..Self::default()
        };
        if let Err(Refusal { code, error }) = reply.settle(query, (scene, room), rng) {
            reply.code = code;
            reply.refused = error.as_ref().filter(|_| code == REFUSED).map(ExtendedError::refused);
            reply.explain(error);
        }
        reply
    }

    fn settle(
        &mut self,
        query: &Query<'a>,
        (scene, room): (Scene<'a>, usize),
        rng: &mut impl Rng,
    ) -> Result<(), Refusal> {
        let is_query = query.opcode() == 0;
        if query.malformed && is_query {
            return refuse(FORMERR);
        }
        if query.opt.is_some_and(|opt| opt.version > 0) {
            return refuse(BADVERS);
        }
        let cookie = self.read_options(query, scene)?;
        if scene.admission == Admission::Prohibited {
            return refuse_because(REFUSED, ExtendedError::PROHIBITED);
        }
        if let Some(start) = query.tsig.filter(|_| !query.malformed) {
            self.check_signature(query, start, scene)?;
        }
        if !is_query {
            return refuse(NOTIMP);
        }
        match (query.count(Section::Question), cookie) {
            (1, _) => {}
            (0, Some(cookie)) if query.is_bare() => {
                let bad = cookie.verdict == Some(CookieVerdict::Invalid);
                return if bad { refuse(BADCOOKIE) } else { Ok(()) };
            }
            _ => return refuse(FORMERR),
        }
        self.answer(query, (scene, room), rng)
    }

    /// Answers the options of `query`. Returns the answer to its COOKIE option, if it has one.
    fn read_options(
        &mut self,
        query: &Query<'_>,
        scene: Scene<'a>,
    ) -> Result<Option<CookieReply>, Refusal> {
        let (Some(asked), Some(opt)) = (query.opt, &mut self.opt) else {
            return Ok(None);
        };
        let options = Options::read(asked.options).ok_or(FORM_ERROR)?;
        let Scene { client, transport, rules, unix_seconds, .. } = scene;
        if let (Some(data), true) = (options.keepalive, transport != Transport::Udp) {
            if !data.is_empty() {
                return refuse(FORMERR);
            }
            opt.keepalive = Some(rules.keepalive());
        }
        let reply_to = |data| rules.cookies().reply_to(data, client, unix_seconds);
        let cookie = options.cookie.map(reply_to).transpose().map_err(|_| FORM_ERROR)?;
        opt.cookie = cookie.map(|cookie| cookie.option);
        if options.nsid {
            opt.nsid = rules.identity().nsid(client);
        }
        self.asks_expire = options.expire;
        self.padded = options.padding && transport == Transport::Tls;
        Ok(cookie)
    }

    /// Answers the one question.
    fn answer(
        &mut self,
        query: &Query<'a>,
        (scene, room): (Scene<'a>, usize),
        rng: &mut impl Rng,
    ) -> Result<(), Refusal> {
        let octets = query.question.ok_or(FORM_ERROR)?;
        let questions = Queries::read(&mut BinDecoder::new(octets), 1).map_err(|_| FORM_ERROR)?;
        let [question] = questions.queries() else {
            return refuse(FORMERR);
        };
        let asked = question.query_type();
        let with_soa = asked == RecordType::IXFR && query.count(Section::Answer) == 0;
        if !query.is_bare() && !with_soa {
            return refuse(FORMERR);
        }
        if scene.admission == Admission::Truncated {
            self.truncate();
            return Ok(());
        }
        if matches!(asked, RecordType::AXFR | RecordType::IXFR) {
            return self.transfer(query, (question, octets), (scene, room));
        }
        match question.query_class() {
            DNSClass::IN => {
                let answer = scene.table.lookup_within(question.name(), asked, room);
                let hidden = |kind| !scene.rules.shows(kind, scene.client);
                if answer.companion.is_some_and(hidden) {
                    return refuse_because(REFUSED, ExtendedError::PROHIBITED);
                }
                if asked == RecordType::SOA && self.say_of_catalog(question.name(), scene) {
                    return Ok(());
                }
                self.say(answer, (scene, room), rng);
                Ok(())
            }
            DNSClass::CH => self.answer_chaos(question.name(), asked, scene),
            _ => refuse_because(REFUSED, ExtendedError::NOT_AUTHORITATIVE),
        }
    }

    /// Answers a question in class CH, with TTL 0: it is about the server that answers, and about
    /// this moment.
    fn answer_chaos(
        &mut self,
        name: &LowerName,
        asked: RecordType,
        scene: Scene<'a>,
    ) -> Result<(), Refusal> {
        let text = match scene.rules.identity().chaos(name, scene.client) {
            Chaos::Text(text) => text,
            Chaos::Prohibited => return refuse_because(REFUSED, ExtendedError::PROHIBITED),
            Chaos::NotOurs => return refuse_because(REFUSED, ExtendedError::NOT_AUTHORITATIVE),
        };
        let record = |data| {
            let mut record = Record::from_rdata(name.into(), 0, data);
            record.dns_class = DNSClass::CH;
            Cow::Owned(record)
        };
        self.flags |= AA;
        if matches!(asked, RecordType::TXT | RecordType::ANY) {
            self.sections.answers.push(record(RData::TXT(text.clone())));
        } else {
            let soa = SOA::new(name.into(), name.into(), 0, 0, 0, 0, 0);
            self.sections.authorities.push(record(RData::SOA(soa)));
        }
        Ok(())
    }

    /// Says what was found in the table.
    fn say(&mut self, answer: Answer<'a>, (scene, room): (Scene<'a>, usize), rng: &mut impl Rng) {
        let explained =
            |note| ExtendedError::of(note, || scene.rules.texts().contains(scene.client));
        if let Outcome::Records(records) = &answer.outcome
            && let [Record { data: RData::SOA(soa), .. }] = &records[..]
        {
            self.say_expire(u32::try_from(soa.expire).ok());
        }
        let (code, authoritative, error) = match &answer.outcome {
            Outcome::Records(_) | Outcome::Text(_) => (NOERROR, true, None),
            Outcome::Served { note, .. }
            | Outcome::Services { note, .. }
            | Outcome::NoData { note, .. } => (NOERROR, true, note.and_then(explained)),
            Outcome::NxDomain { .. } => (NXDOMAIN, true, None),
            // With an alias in front, AA speaks of the alias (RFC 1035 section 4.1.1).
            Outcome::Referral { .. } => (NOERROR, !answer.aliases.is_empty(), None),
            Outcome::NotReady { note } => (SERVFAIL, false, explained(note)),
            Outcome::NotOurs => (REFUSED, false, Some(ExtendedError::NOT_AUTHORITATIVE)),
        };
        self.code = code;
        self.refused = error.as_ref().filter(|_| code == REFUSED).map(ExtendedError::refused);
        self.flags |= if authoritative { AA } else { 0 };
        self.explain(error);
        match sections(answer, (scene, room), rng) {
            Some(sections) => self.sections = sections,
            None => self.truncate(),
        }
    }
}

/// The records of an answer; `None` when they are known not to fit.
fn sections<'t>(
    answer: Answer<'t>,
    (scene, room): (Scene<'t>, usize),
    rng: &mut impl Rng,
) -> Option<Sections<'t>> {
    let mut sections = Sections { answers: answer.aliases, ..Sections::default() };
    match answer.outcome {
        Outcome::Records(Cow::Borrowed(records)) => {
            sections.answers.extend(records.iter().map(Cow::Borrowed));
        }
        Outcome::Records(Cow::Owned(records)) => {
            sections.answers.extend(records.into_iter().map(Cow::Owned));
        }
        // An owner that is the root has one octet less than a pointer.
        Outcome::Served { addresses, .. } if addresses.least_octets() / 16 * 15 > room => {
            return None;
        }
        Outcome::Served { name, addresses, .. } => {
            let record = |address| {
                let record = Record::from_rdata(name.into(), addresses.ttl(), RData::from(address));
                Cow::Owned(record)
            };
            sections.answers.extend(addresses.draw(scene.client, rng).into_iter().map(record));
        }
        Outcome::Services { records, additional, .. } => {
            sections.answers.extend(records.into_iter().map(Cow::Owned));
            if scene.rules.shows(CompanionKind::Server, scene.client) {
                sections.courtesies.extend(additional.into_iter().map(Cow::Owned));
            }
        }
        Outcome::Text(question) => {
            let records = report::records(&question, scene.table, scene.reports, room);
            sections.answers.extend(records.into_iter().map(Cow::Owned));
        }
        Outcome::NoData { soa, .. } | Outcome::NxDomain { soa } => {
            sections.authorities.push(Cow::Borrowed(soa));
        }
        Outcome::Referral { servers, glue } => {
            sections.authorities.extend(servers.iter().map(Cow::Borrowed));
            sections.glue.extend(glue.into_iter().map(Cow::Borrowed));
        }
        Outcome::NotReady { .. } | Outcome::NotOurs => {}
    }
    Some(sections)
}

/// Flags of the header (RFC 1035 section 4.1.1), opcode included.
const QR: u16 = 0x8000;
const OPCODE: u16 = 0x7800;
const AA: u16 = 0x0400;
const RD: u16 = 0x0100;
