//! Records and messages of transfers as octets.
//!
//! Every message of a transfer repeats its question, as RFC 5936 section 2.2.1 allows, so that the apex
//! always stands right after the header. Owners end in a pointer to it. So records are rendered once, and
//! each message is a head of its own before octets that all transfers share.

use hickory_proto::{
    rr::{LowerName, Record},
    serialize::binary::{BinEncodable, BinEncoder, NameEncoding},
};

/// One record in wire form, its owner relative to the apex.
pub type RecordOctets = Box<[u8]>;

/// Records that fit into one message, with their number.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Body {
    /// How many records.
    pub count: u16,
    /// The records.
    pub octets: Vec<u8>,
}

/// Octets of the records of one message: with its head, an OPT and a TSIG record it stays within 16 KiB,
/// where names can still be pointed at.
const BODY_OCTETS: usize = 15_500;

/// Octets of a message header (RFC 1035 section 4.1.1).
pub const HEADER: usize = 12;

/// `record` of the zone `origin`, below which its owner lies.
pub fn record_octets(record: &Record, origin: &LowerName) -> RecordOctets {
    let mut octets = Vec::with_capacity(64);
    let below = record.name.iter().len().saturating_sub(origin.iter().len());
    for label in record.name.iter().take(below) {
        octets.push(u8::try_from(label.len()).expect("a label has at most 63 octets"));
        octets.extend_from_slice(label);
    }
    octets.extend_from_slice(&APEX);
    octets.extend_from_slice(&u16::from(record.record_type()).to_be_bytes());
    octets.extend_from_slice(&u16::from(record.dns_class).to_be_bytes());
    octets.extend_from_slice(&record.ttl.to_be_bytes());
    let mut data = Vec::new();
    let mut encoder = BinEncoder::new(&mut data);
    encoder.set_name_encoding(NameEncoding::Uncompressed);
    record.data.emit(&mut encoder).expect("the data of a record that could be read can be written");
    let length = u16::try_from(data.len()).expect("a record that could be read fits");
    octets.extend_from_slice(&length.to_be_bytes());
    octets.extend_from_slice(&data);
    octets.into()
}

/// `name` as in a question, without compression.
pub fn name_octets(name: &LowerName) -> Vec<u8> {
    let mut octets = Vec::with_capacity(32);
    for label in name.iter() {
        octets.push(u8::try_from(label.len()).expect("a label has at most 63 octets"));
        octets.extend_from_slice(label);
    }
    octets.push(0);
    octets
}

/// The records in their order, as few messages as they fit into.
pub fn packed<'r>(records: impl IntoIterator<Item = &'r [u8]>) -> Vec<Body> {
    let mut bodies = Vec::new();
    let mut body = Body::default();
    for record in records {
        let is_full = body.octets.len() + record.len() > BODY_OCTETS || body.count == u16::MAX;
        if is_full && body.count > 0 {
            bodies.push(std::mem::take(&mut body));
        }
        body.octets.extend_from_slice(record);
        body.count += 1;
    }
    bodies.push(body);
    bodies
}

/// What stands before the records of each message.
#[derive(Clone, Debug)]
pub struct Head {
    /// Of the request.
    pub id: u16,
    /// QR, AA and what else is copied of the request.
    pub flags: u16,
    /// Name, type and class as they were asked.
    pub question: Box<[u8]>,
}

impl Head {
    /// A message of these records, with `opt`, an OPT record or nothing, after them.
    pub fn message(&self, body: &Body, opt: &[u8]) -> Vec<u8> {
        let additionals = u16::from(!opt.is_empty());
        let mut octets =
            Vec::with_capacity(HEADER + self.question.len() + body.octets.len() + opt.len() + 512);
        for word in [self.id, self.flags, 1, body.count, 0, additionals] {
            octets.extend_from_slice(&word.to_be_bytes());
        }
        octets.extend_from_slice(&self.question);
        octets.extend_from_slice(&body.octets);
        octets.extend_from_slice(opt);
        octets
    }
}

/// Where the last record of a message begins, which must be a whole one.
pub fn last_record(octets: &[u8]) -> Option<usize> {
    let word =
        |at: usize| Some(usize::from(u16::from_be_bytes([*octets.get(at)?, *octets.get(at + 1)?])));
    let mut place = 12;
    let name_end = |mut place: usize| loop {
        match *octets.get(place)? {
            0 => return Some(place + 1),
            length @ 1..=63 => place += 1 + usize::from(length),
            192.. => return Some(place + 2),
            _ => return None,
        }
    };
    for _ in 0..word(4)? {
        place = name_end(place)? + 4;
    }
    let records = word(6)? + word(8)? + word(10)?;
    let mut last = None;
    for _ in 0..records {
        last = Some(place);
        place = name_end(place)?;
        place += 10 + word(place + 8)?;
    }
    last.filter(|_| place == octets.len())
}

/// A pointer to the question's name.
const APEX: [u8; 2] = [0xc0, 12];
