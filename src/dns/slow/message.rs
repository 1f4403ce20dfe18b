//! A reply as octets, cut to what its client takes.
//!
//! It is encoded whole first, as far as there is room. If that is too long, it is tried without its
//! Extended DNS Error (RFC 8914 section 3), then without the records that are only a courtesy (RFC
//! 2181 section 9), and then sent with TC and no records at all: a resolver asks again by TCP, and
//! half a set of replicas would be taken for the whole. When the records alone are too long, that
//! is seen at once: what is cut off must not cost more than what is whole.
//!
//! An owner that is the question's name or above it is a pointer into the question, whatever its
//! case, so that names keep the case in which they were asked (RFC 1035 section 4.1.4).

use std::borrow::Cow;

use hickory_proto::{
    ProtoError,
    rr::{Name, Record, rdata::TSIG},
    serialize::binary::{BinEncodable, BinEncoder},
};

use super::edns::{ExtendedError, ReplyOpt};
use crate::{
    dns::HEADER,
    metrics::Refused,
    transfer::{Content, Head, Signer},
};

/// A reply before it is encoded.
#[derive(Clone, Debug, Default)]
pub struct Reply<'a> {
    pub(super) id: u16,
    /// QR, opcode, AA, TC and RD; never the response code.
    pub(super) flags: u16,
    /// All twelve bits; those above the fourth need `opt`.
    pub(super) code: u16,
    /// Why it is REFUSED, if it is. Not said, but counted.
    pub(super) refused: Option<Refused>,
    /// Name, type and class as they were asked.
    pub(super) question: Option<&'a [u8]>,
    pub(super) sections: Sections<'a>,
    pub(super) opt: Option<ReplyOpt<'a>>,
    /// The TSIG record that refuses a key. It comes last.
    pub(super) refused_key: Option<Box<Record<TSIG>>>,
    /// Signs the reply, if its question was signed.
    pub(super) signer: Option<Box<Signer>>,
    /// The transfer that was granted, in place of all sections.
    pub(super) transfer: Option<Content>,
    /// Whether a secondary asks how long its copy may be used.
    pub(super) asks_expire: bool,
    /// Whether to pad to a multiple of [`PADDING_BLOCK`] octets.
    pub(super) padded: bool,
}

/// The records of a reply.
#[derive(Clone, Debug, Default)]
pub struct Sections<'a> {
    pub answers: Vec<Cow<'a, Record>>,
    pub authorities: Vec<Cow<'a, Record>>,
    /// Additional records that the answer is of no use without.
    pub glue: Vec<Cow<'a, Record>>,
    /// Additional records that save a question.
    pub courtesies: Vec<Cow<'a, Record>>,
}

/// What is left out of a reply that is too long, ever more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Cut {
    Nothing,
    Reason,
    Courtesies,
    /// All of them, but the reason is back.
    Records,
    RecordsAndReason,
    /// Who we are, and the TSIG record.
    AllButTheQuestion,
}

impl<'a> Reply<'a> {
    /// Why the answer is not what it might be. Said only to those who understand it.
    pub(super) fn explain(&mut self, error: Option<ExtendedError<'a>>) {
        if let Some(opt) = &mut self.opt {
            opt.error = error;
        }
    }

    /// Sets TC and leaves out all records.
    pub(super) fn truncate(&mut self) {
        self.flags |= TC;
        self.sections = Sections::default();
    }

    /// What stands before the records of a transfer, and the OPT record of its first message, or nothing.
    pub(super) fn transfer_head(&self) -> (Head, Vec<u8>) {
        let question = self.question.unwrap_or_default().into();
        let head = Head { id: self.id, flags: self.flags | self.code & 15, question };
        let mut octets = Vec::new();
        if let Some(opt) = &self.opt {
            let written = opt.emit(0, &mut BinEncoder::new(&mut octets));
            if written.is_err() {
                octets.clear();
            }
        }
        (head, octets)
    }

    /// The message, of at most `limit` octets; `None` if not even its header and question fit.
    pub(super) fn encode(&self, limit: u16) -> Option<Vec<u8>> {
        const CUTS: [Cut; 6] = [
            Cut::Nothing,
            Cut::Reason,
            Cut::Courtesies,
            Cut::Records,
            Cut::RecordsAndReason,
            Cut::AllButTheQuestion,
        ];
        let mut least = Cut::Nothing;
        let fitting = CUTS.into_iter().find_map(|cut| {
            if cut < least {
                return None;
            }
            let encoded = self.encode_cut(cut, None, limit);
            // Nothing helps but to leave them out.
            if let Err(Overflow::Records) = encoded {
                least = Cut::Records;
            }
            encoded.ok()
        })?;
        let room = usize::from(limit);
        if !self.padded || self.opt.is_none() || truncated(&fitting) {
            return Some(fitting);
        }
        let Some(room) = room.checked_sub(fitting.len() + OPTION_HEAD) else {
            return Some(fitting);
        };
        let head = fitting.len() + OPTION_HEAD;
        let padding = (head.next_multiple_of(PADDING_BLOCK) - head).min(room);
        let padded = self.encode_cut(Cut::Nothing, Some(padding), limit).ok();
        Some(padded.unwrap_or(fitting))
    }

    /// The message cut to `cut`. It stops at the first octet that is over `limit`.
    fn encode_cut(
        &self,
        cut: Cut,
        padding: Option<usize>,
        limit: u16,
    ) -> Result<Vec<u8>, Overflow> {
        let none = Sections::default();
        let sections = if cut < Cut::Records { &self.sections } else { &none };
        let courtesies: &[_] = if cut < Cut::Courtesies { &sections.courtesies } else { &[] };
        let key = self.refused_key.as_ref().filter(|_| cut < Cut::AllButTheQuestion);
        let additionals = sections.glue.len() + courtesies.len();
        let counts = [
            usize::from(self.question.is_some()),
            sections.answers.len(),
            sections.authorities.len(),
            additionals + usize::from(self.opt.is_some()) + usize::from(key.is_some()),
        ];
        let mut octets = Vec::with_capacity(512);
        let mut encoder = BinEncoder::new(&mut octets);
        encoder.set_max_size(limit);
        encoder.emit_u16(self.id)?;
        let flags = if cut < Cut::Records { self.flags } else { self.flags | TC };
        encoder.emit_u16(flags | self.code & 15)?;
        for count in counts {
            let count = u16::try_from(count);
            encoder.emit_u16(count.map_err(|_| ProtoError::Message("too many records"))?)?;
        }
        let asked = Asked::emit(self.question, &mut encoder)?;
        let records = sections.answers.iter().chain(&sections.authorities).chain(&sections.glue);
        for record in records {
            asked.emit_record(record, &mut encoder).map_err(|_| Overflow::Records)?;
        }
        for record in courtesies {
            asked.emit_record(record, &mut encoder)?;
        }
        if let Some(opt) = &self.opt {
            let mut opt = ReplyOpt { padding, ..*opt };
            if !matches!(cut, Cut::Nothing | Cut::Records) {
                opt.error = None;
            }
            if cut == Cut::AllButTheQuestion {
                opt.nsid = None;
            }
            let [code_high, _] = (self.code << 4).to_be_bytes();
            opt.emit(code_high, &mut encoder)?;
        }
        key.map_or(Ok(()), |key| key.emit(&mut encoder))?;
        Ok(octets)
    }
}

/// What a message has no room for.
enum Overflow {
    /// The records that it is about.
    Records,
    /// Something that may be left out.
    Other,
}

impl From<ProtoError> for Overflow {
    fn from(_: ProtoError) -> Self {
        Self::Other
    }
}

/// The question in the message, for names to point at.
struct Asked<'q> {
    /// Its labels, from the first to the one below the root, with their places in the message.
    labels: Vec<(u16, &'q [u8])>,
}

impl<'q> Asked<'q> {
    /// Writes the question and makes its name known to the encoder.
    fn emit(question: Option<&'q [u8]>, encoder: &mut BinEncoder<'_>) -> Result<Self, ProtoError> {
        let mut labels = Vec::new();
        if let Some(octets) = question {
            encoder.emit_vec(octets)?;
            let mut rest = octets;
            let mut place = HEADER;
            while let Some((&length @ 1.., after)) = rest.split_first() {
                let (label, after) = after.split_at(usize::from(length));
                labels.push((u16::try_from(place).map_err(|_| TOO_FAR)?, label));
                place += 1 + label.len();
                rest = after;
            }
            for &(start, _) in &labels {
                encoder.store_label_pointer(usize::from(start), place);
            }
        }
        Ok(Self { labels })
    }

    fn emit_record(&self, record: &Record, encoder: &mut BinEncoder<'_>) -> Result<(), ProtoError> {
        match self.place_of(&record.name) {
            Some(place) => encoder.emit_u16(0xc000 | place)?,
            None => record.name.emit(encoder)?,
        }
        encoder.emit_u16(record.record_type().into())?;
        encoder.emit_u16(record.dns_class.into())?;
        encoder.emit_u32(record.ttl)?;
        let length = encoder.place::<u16>()?;
        record.data.emit(encoder)?;
        let octets = encoder.len_since_place(&length);
        length.replace(encoder, u16::try_from(octets).map_err(|_| TOO_FAR)?)
    }

    /// Where `name` stands in the question; `None` where it does not, and for the root.
    fn place_of(&self, name: &Name) -> Option<u16> {
        let count = name.iter().len();
        let suffix = &self.labels[self.labels.len().checked_sub(count)?..];
        let same = suffix.iter().zip(name.iter()).all(|((_, a), b)| a.eq_ignore_ascii_case(b));
        suffix.first().filter(|_| same).map(|&(place, _)| place)
    }
}

/// Whether TC is set.
pub fn truncated(message: &[u8]) -> bool {
    message[2] & 2 != 0
}

/// The flag of a reply that lacks records.
const TC: u16 = 0x0200;

/// Code and length of an option.
const OPTION_HEAD: usize = 4;

/// What padded replies are multiples of (RFC 8467 section 4.1).
const PADDING_BLOCK: usize = 468;

const TOO_FAR: ProtoError = ProtoError::Message("more than 65,535 octets");

#[cfg(test)]
mod tests;
