//! Zone transfers, and the signatures of those who may have them.

use hickory_proto::{
    op::LowerQuery,
    rr::{
        DNSClass, LowerName, RData, Record, RecordType,
        rdata::tsig::{TSIG, TsigError},
    },
    serialize::binary::{BinDecodable, BinDecoder},
};

use super::{
    edns::ExtendedError,
    message::Reply,
    query::{Query, Section},
    refusal::{FORM_ERROR, FORMERR, NOTAUTH, REFUSED, Refusal, SERVFAIL, refuse, refuse_because},
    scene::Scene,
};
use crate::{
    clock,
    dns::{HEADER, Transport},
    transfer::{self, Content, Denial, Request, TsigFault, Way},
};

impl<'a> Reply<'a> {
    /// Lets only those who have a key of ours go on with a signed query.
    pub(super) fn check_signature(
        &mut self,
        query: &Query<'a>,
        start: usize,
        scene: Scene<'a>,
    ) -> Result<(), Refusal> {
        let offer = scene.rules.transfers().offer();
        match transfer::check(query.octets(), start, &offer.keys, clock::unix_seconds()) {
            Ok(signer) => {
                self.signer = Some(Box::new(signer));
                return Ok(());
            }
            Err(TsigFault::Malformed) => return refuse(FORMERR),
            Err(TsigFault::BadKey) => {
                self.refused_key = Some(unsigned(query, start, TsigError::BadKey)?);
            }
            Err(TsigFault::BadSignature) => {
                self.refused_key = Some(unsigned(query, start, TsigError::BadSig)?);
            }
            Err(TsigFault::BadTime(signer) | TsigFault::Truncated(signer)) => {
                self.signer = Some(signer);
            }
        }
        refuse(NOTAUTH)
    }

    /// Grants a transfer, or refuses it.
    pub(super) fn transfer(
        &mut self,
        query: &Query<'a>,
        (question, octets): (&LowerQuery, &[u8]),
        (scene, room): (Scene<'a>, usize),
    ) -> Result<(), Refusal> {
        if question.query_class() != DNSClass::IN {
            return refuse_because(REFUSED, ExtendedError::NOT_AUTHORITATIVE);
        }
        let offer = scene.rules.transfers().offer();
        if offer.zone(question.name()).is_none() {
            return refuse_because(REFUSED, ExtendedError::NOT_SUPPORTED);
        }
        let serial = match question.query_type() {
            RecordType::IXFR => Some(serial_of(query, octets, question.name())?),
            _ => None,
        };
        let way = match scene.transport {
            Transport::Udp => {
                let signature = self.signer.as_ref().map_or(0, |signer| signer.octets());
                let others = HEADER + octets.len() + OPT_OCTETS + signature;
                Way::Datagram { room: room.saturating_sub(others) }
            }
            Transport::Tcp => Way::Stream,
            Transport::Tls => Way::Encrypted,
        };
        let request = Request {
            origin: question.name(),
            serial,
            client: scene.client,
            key: self.signer.as_ref().map(|signer| signer.key()),
            way,
        };
        match offer.content(request) {
            Ok(content) => {
                let version = offer.zone(question.name()).and_then(|zone| zone.version.as_ref());
                self.say_expire(version.map(|version| version.expire));
                self.flags |= AA;
                self.transfer = Some(content);
                Ok(())
            }
            Err(Denial::NotOffered) => refuse_because(REFUSED, ExtendedError::NOT_SUPPORTED),
            Err(Denial::Prohibited) => refuse_because(REFUSED, ExtendedError::PROHIBITED),
            Err(Denial::NotReady) => refuse_because(SERVFAIL, ExtendedError::NOT_READY),
        }
    }

    /// Answers with the SOA record of the catalog, which is nobody's but its secondaries'. Returns whether that is
    /// what was asked for.
    pub(super) fn say_of_catalog(&mut self, name: &LowerName, scene: Scene<'a>) -> bool {
        let offer = scene.rules.transfers().offer();
        let request = Request {
            origin: name,
            serial: None,
            client: scene.client,
            key: self.signer.as_ref().map(|signer| signer.key()),
            way: Way::Stream,
        };
        let zone = offer.zone(name).filter(|zone| zone.catalog.is_some());
        let zone = zone.filter(|zone| zone.secondary(request).is_some());
        let Some(version) = zone.and_then(|zone| zone.version.as_ref()) else { return false };
        self.say_expire(Some(version.expire));
        self.flags |= AA;
        self.transfer = Some(Content::One(version.soa_body()));
        true
    }

    /// Says for how long a copy may be used, if that was asked.
    pub(super) fn say_expire(&mut self, seconds: Option<u32>) {
        if let Some(opt) = self.opt.as_mut().filter(|_| self.asks_expire) {
            opt.expire = seconds;
        }
    }
}

/// The serial of the SOA record that an IXFR question for `zone` comes with (RFC 1995 section 3).
fn serial_of(query: &Query<'_>, question: &[u8], zone: &LowerName) -> Result<u32, Refusal> {
    if query.count(Section::Authority) != 1 {
        return refuse(FORMERR);
    }
    let start = u16::try_from(HEADER + question.len()).map_err(|_| FORM_ERROR)?;
    let mut decoder = BinDecoder::new(query.octets()).clone(start);
    let record = Record::<RData>::read(&mut decoder).map_err(|_| FORM_ERROR)?;
    match &record.data {
        RData::SOA(soa) if LowerName::from(&record.name) == *zone => Ok(soa.serial),
        _ => refuse(FORMERR),
    }
}

/// The TSIG record that says `error` to the one at `start`, unsigned (RFC 8945 section 5.3.2).
fn unsigned(
    query: &Query<'_>,
    start: usize,
    error: TsigError,
) -> Result<Box<Record<TSIG>>, Refusal> {
    let start = u16::try_from(start).map_err(|_| FORM_ERROR)?;
    let mut decoder = BinDecoder::new(query.octets()).clone(start);
    let record = Record::<RData>::read(&mut decoder).map_err(|_| FORM_ERROR)?;
    let (RData::TSIG(tsig), DNSClass::ANY) = (&record.data, record.dns_class) else {
        return refuse(FORMERR);
    };
    let answer = TSIG::new(
        tsig.algorithm.clone(),
        tsig.time,
        tsig.fudge,
        Vec::new(),
        query.id(),
        Some(error),
        Vec::new(),
    );
    let mut refused = Record::from_rdata(record.name, 0, answer);
    refused.dns_class = DNSClass::ANY;
    Ok(Box::new(refused))
}

/// AA (RFC 1035 section 4.1.1).
const AA: u16 = 0x0400;

/// Octets of an OPT record with the options that a reply to a transfer may have.
const OPT_OCTETS: usize = 128;
