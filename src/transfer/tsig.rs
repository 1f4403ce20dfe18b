//! Signed messages (TSIG, RFC 8945): requests are checked, replies and requests of ours are signed.
//!
//! | what a request has | reply |
//! | --- | --- |
//! | a key or an algorithm for it that we do not have | NOTAUTH, BADKEY, not signed (section 5.2.1) |
//! | a code that is too short or too long to be one | FORMERR (section 5.2.2.1) |
//! | a wrong code | NOTAUTH, BADSIG, not signed (section 5.2.2) |
//! | a time that is not ours, give or take its fudge | NOTAUTH, BADTIME, signed, with our time (section 5.2.3) |
//! | a right code that is cut short | NOTAUTH, BADTRUNC, signed (section 5.2.4) |
//! | anything else | is believed, and its reply is signed |

use hickory_proto::{
    op::Message,
    rr::{DNSClass, RData, Record, rdata::TSIG},
    serialize::binary::{BinDecodable, BinDecoder},
};

use super::{
    key::Key,
    wire::{HEADER, name_octets},
};

/// How far clocks may be apart, in seconds (RFC 8945 section 10).
const FUDGE: u16 = 300;

/// Octets of a code at least, or half of a whole one if that is more (RFC 8945 section 5.2.2.1).
const MAC_LEAST: usize = 10;

/// Why a signed message is not believed.
#[derive(Clone, Debug)]
pub enum TsigFault {
    /// The record is none that can be read.
    Malformed,
    /// We do not have the key.
    BadKey,
    /// The code is wrong.
    BadSignature,
    /// The sender's clock and ours are too far apart. The reply is signed, and has our time.
    BadTime(Box<Signer>),
    /// The code is right as far as it goes. The reply is signed.
    Truncated(Box<Signer>),
}

/// Signs messages that belong to another: replies to a request, each after the one before.
#[derive(Clone, Debug)]
pub struct Signer {
    key: Key,
    /// The code of the message before, with its length in front.
    before: Vec<u8>,
    /// The id of the request, which each message keeps.
    id: u16,
    /// Whether the next message is the first.
    is_first: bool,
    error: TsigError,
}

/// The error that a signed reply tells of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum TsigError {
    None,
    /// With the time that the request gave.
    BadTime {
        theirs: u64,
    },
    BadTrunc,
}

impl TsigError {
    fn code(self) -> u16 {
        match self {
            Self::None => 0,
            Self::BadTime { .. } => 18,
            Self::BadTrunc => 22,
        }
    }
}

impl Signer {
    /// The key that the request was signed with.
    pub fn key(&self) -> &Key {
        &self.key
    }

    /// Octets that a signature takes at most.
    pub fn octets(&self) -> usize {
        self.key.name.len() + self.key.algorithm.len() + self.key.mac_octets() + 10 + 16 + 6
    }

    /// Signs `message` at `now`, in seconds since 1970: appends the record, and counts it.
    pub fn sign(&mut self, message: &mut Vec<u8>, now: u64) {
        let (time, other) = match self.error {
            TsigError::BadTime { theirs } => (theirs, time_octets(now).to_vec()),
            TsigError::None | TsigError::BadTrunc => (now, Vec::new()),
        };
        let parts =
            Parts { key: &self.key, time, fudge: FUDGE, error: self.error.code(), other: &other };
        let mac = match self.is_first {
            true => self.key.mac(&[&self.before, message, &parts.variables()]),
            false => self.key.mac(&[&self.before, message, &parts.timers()]),
        };
        parts.append(&mac, self.id, message);
        self.before = with_length(&mac);
        self.is_first = false;
    }
}

/// Signs a request of ours at `now`. What comes back is checked with the result.
pub fn sign_request(key: &Key, message: &mut Vec<u8>, now: u64) -> Expected {
    let id = u16::from_be_bytes([message[0], message[1]]);
    let parts = Parts { key, time: now, fudge: FUDGE, error: 0, other: &[] };
    let mac = key.mac(&[message, &parts.variables()]);
    parts.append(&mac, id, message);
    Expected { key: key.clone(), before: with_length(&mac) }
}

/// What the reply to a request of ours must be signed with.
#[derive(Clone, Debug)]
pub struct Expected {
    key: Key,
    before: Vec<u8>,
}

impl Expected {
    /// Whether `reply` is signed by who has the key, as an answer to our request, at about `now`.
    /// `start` is where its TSIG record begins.
    pub fn is_signed(&self, reply: &[u8], start: usize, now: u64) -> bool {
        let Some(Read { tsig, .. }) = Read::new(reply, start, &self.key) else { return false };
        let whole = tsig.mac.len() == self.key.mac_octets();
        let parts = Parts::of(&self.key, &tsig);
        let unsigned = unsigned(reply, start, tsig.oid);
        let right = || self.key.is_mac(&[&self.before, &unsigned, &parts.variables()], &tsig.mac);
        whole && right() && now.abs_diff(tsig.time) <= tsig.fudge.into()
    }
}

/// Checks the request `message`, whose TSIG record begins at `start`, by the `keys` at `now`, in seconds since
/// 1970. Its reply is to be signed by what comes back.
///
/// # Errors
/// Why it is not believed.
pub fn check<'k>(
    message: &[u8],
    start: usize,
    keys: impl IntoIterator<Item = &'k Key>,
    now: u64,
) -> Result<Signer, TsigFault> {
    let record = record(message, start).ok_or(TsigFault::Malformed)?;
    let mut keys = keys.into_iter();
    let key = keys.find(|key| is_of(&record, key)).ok_or(TsigFault::BadKey)?;
    let tsig = &record.data;
    let whole = key.mac_octets();
    if tsig.mac.len() > whole || tsig.mac.len() < MAC_LEAST.max(whole / 2) {
        return Err(TsigFault::Malformed);
    }
    let unsigned = unsigned(message, start, tsig.oid);
    if !key.is_mac(&[&unsigned, &Parts::of(key, tsig).variables()], &tsig.mac) {
        return Err(TsigFault::BadSignature);
    }
    let signer = |error| Signer {
        key: key.clone(),
        before: with_length(&tsig.mac),
        id: u16::from_be_bytes([message[0], message[1]]),
        is_first: true,
        error,
    };
    if now.abs_diff(tsig.time) > tsig.fudge.into() {
        return Err(TsigFault::BadTime(Box::new(signer(TsigError::BadTime { theirs: tsig.time }))));
    }
    if tsig.mac.len() < whole {
        return Err(TsigFault::Truncated(Box::new(signer(TsigError::BadTrunc))));
    }
    Ok(signer(TsigError::None))
}

/// What is wrong with a request of ours, by the TSIG record of its reply. Who does not know our key cannot sign, and
/// its word is all there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TsigRefusal {
    /// The key is not known there (section 5.2.1).
    BadKey,
    /// There is another secret for it (section 5.2.2).
    BadSignature,
    /// Its clock and ours are further apart than the fudge (section 5.2.3).
    BadTime,
}

impl TsigRefusal {
    /// Of this reply; `None` when it tells of none.
    pub fn of(reply: &Message) -> Option<Self> {
        let error = reply.additionals.iter().rev().find_map(|record| match &record.data {
            RData::TSIG(tsig) => tsig.error.as_ref().map(|error| u16::from(*error)),
            _ => None,
        });
        match error? {
            16 => Some(Self::BadSignature),
            17 => Some(Self::BadKey),
            18 => Some(Self::BadTime),
            _ => None,
        }
    }
}

/// A TSIG record by a key of ours.
struct Read {
    tsig: TSIG,
}

impl Read {
    fn new(message: &[u8], start: usize, key: &Key) -> Option<Self> {
        let record = record(message, start)?;
        is_of(&record, key).then_some(Self { tsig: record.data })
    }
}

/// The record at `start`, which is the last one of `message`, and counted as such: the signature covers how many
/// were there before it.
fn record(message: &[u8], start: usize) -> Option<Record<TSIG>> {
    if message.get(HEADER - 2..HEADER)? == [0, 0] {
        return None;
    }
    let mut decoder = BinDecoder::new(message).clone(u16::try_from(start).ok()?);
    let record = Record::<RData>::read(&mut decoder).ok()?;
    let sound = record.dns_class == DNSClass::ANY && record.ttl == 0;
    match (record.data, sound) {
        (RData::TSIG(tsig), true) => {
            let mut read = Record::from_rdata(record.name, record.ttl, tsig);
            read.dns_class = record.dns_class;
            Some(read)
        }
        _ => None,
    }
}

/// Whether a record names this key and its algorithm.
fn is_of(record: &Record<TSIG>, key: &Key) -> bool {
    let name = hickory_proto::rr::LowerName::from(&record.name);
    let algorithm = record.data.algorithm.to_name();
    let algorithm = hickory_proto::rr::LowerName::from(&algorithm);
    *name_octets(&name) == *key.name && *name_octets(&algorithm) == *key.algorithm
}

/// `message` as it was before it was signed: without its last record, and with the id it had (RFC 8945 section
/// 4.3.2).
fn unsigned(message: &[u8], start: usize, id: u16) -> Vec<u8> {
    let mut octets = message[..start].to_vec();
    octets[..2].copy_from_slice(&id.to_be_bytes());
    let additionals = u16::from_be_bytes([octets[HEADER - 2], octets[HEADER - 1]]);
    octets[HEADER - 2..HEADER].copy_from_slice(&additionals.saturating_sub(1).to_be_bytes());
    octets
}

/// A code with its length in front.
fn with_length(mac: &[u8]) -> Vec<u8> {
    let length = u16::try_from(mac.len()).expect("a code is short");
    [&length.to_be_bytes(), mac].concat()
}

/// 48 bits of seconds since 1970.
fn time_octets(seconds: u64) -> [u8; 6] {
    let [_, _, time @ ..] = seconds.to_be_bytes();
    time
}

/// What a TSIG record says beside its code.
struct Parts<'p> {
    key: &'p Key,
    time: u64,
    fudge: u16,
    error: u16,
    other: &'p [u8],
}

impl<'p> Parts<'p> {
    fn of(key: &'p Key, tsig: &'p TSIG) -> Self {
        let error = tsig.error.as_ref().map_or(0, |error| u16::from(*error));
        Self { key, time: tsig.time, fudge: tsig.fudge, error, other: &tsig.other }
    }

    /// Time and fudge: what the code of a further message covers (RFC 8945 section 5.3.1).
    fn timers(&self) -> Vec<u8> {
        [&time_octets(self.time)[..], &self.fudge.to_be_bytes()].concat()
    }

    /// Everything that the code of a first message covers (RFC 8945 section 4.3.3).
    fn variables(&self) -> Vec<u8> {
        let other = u16::try_from(self.other.len()).unwrap_or(u16::MAX);
        [
            &self.key.name[..],
            &CLASS_ANY,
            &[0; 4],
            &self.key.algorithm[..],
            &self.timers(),
            &self.error.to_be_bytes(),
            &other.to_be_bytes(),
            self.other,
        ]
        .concat()
    }

    /// Appends the record to `message`, and counts it.
    fn append(&self, mac: &[u8], id: u16, message: &mut Vec<u8>) {
        let other = u16::try_from(self.other.len()).unwrap_or(u16::MAX);
        let data = [
            &self.key.algorithm[..],
            &self.timers(),
            &with_length(mac),
            &id.to_be_bytes(),
            &self.error.to_be_bytes(),
            &other.to_be_bytes(),
            self.other,
        ]
        .concat();
        let length = u16::try_from(data.len()).expect("a signature is short");
        for part in
            [&self.key.name[..], &TYPE_TSIG, &CLASS_ANY, &[0; 4], &length.to_be_bytes(), &data]
        {
            message.extend_from_slice(part);
        }
        let additionals = u16::from_be_bytes([message[HEADER - 2], message[HEADER - 1]]) + 1;
        message[HEADER - 2..HEADER].copy_from_slice(&additionals.to_be_bytes());
    }
}

const TYPE_TSIG: [u8; 2] = [0, 250];
const CLASS_ANY: [u8; 2] = [0, 255];

#[cfg(test)]
mod tests;
