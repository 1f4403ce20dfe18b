//! Any text as a zone file: what is refused is explained, what is accepted is served.
//!
//! - Each fault has a place in the text and is one line that a terminal can show; faults come in
//!   the order of the text.
//! - The names of an accepted zone have a place in a table, and each of its record sets is answered
//!   whole by TCP, where no delegation stands above it.
//!
//! libFuzzer's `-timeout` stands in for "in bounded time".

use std::sync::Arc;

use hickory_proto::{
    op::{Message, ResponseCode},
    rr::{LowerName, Name, Record, RecordType},
    serialize::binary::{BinDecodable, BinDecoder, BinEncodable},
};
use pointsman::{
    answers::{AnswerTable, Layout, Outcome, Serial, Zone, build},
    config::DnsConfig,
    dns::{Responder, Rules, Transport},
    publish::Publisher,
};

/// Panics when `input`, read as UTF-8 as far as it is, breaks a rule.
pub(crate) fn check(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let origin = Name::from_ascii("internal.").expect("a name");
    match Zone::parse(&text, &origin) {
        Ok(zone) => served(&zone),
        Err(faults) => {
            assert!(!faults.is_empty(), "refused without a reason");
            let places: Vec<_> = faults.iter().map(|fault| (fault.line, fault.column)).collect();
            assert!(places.is_sorted(), "faults out of order: {places:?}");
            let lines: Vec<_> = text.split('\n').collect();
            for fault in &faults {
                assert!(is_in(&lines, fault.line, fault.column), "no such place: {fault}");
                let shown = fault.to_string();
                assert!(!shown.contains(char::is_control), "not one line of text: {shown:?}");
                assert!(!fault.what.is_empty() && !fault.advice.is_empty(), "{shown:?}");
            }
        }
    }
}

/// Whether a text has this line and column, each line's end included.
fn is_in(lines: &[&str], line: usize, column: usize) -> bool {
    let line = line.checked_sub(1).and_then(|index| lines.get(index));
    line.is_some_and(|line| (1..=line.chars().count() + 1).contains(&column))
}

fn served(zone: &Zone) {
    let layout = Layout::new(std::slice::from_ref(zone), Vec::new()).expect("a place for it");
    let table = build(&Arc::new(layout), &[], 1, Serial::MIN);
    let publisher = Publisher::new(table.clone().into());
    let rules = Rules::new(&DnsConfig::on(Vec::new(), 1));
    let mut responder = Responder::new(publisher.reader(), Arc::new(rules));
    for name in zone.names() {
        assert!(zone.origin().zone_of(name), "{name} outside the zone");
        let below = is_delegated(zone, name);
        for (kind, set) in zone.records(name).expect("a name has records") {
            let ttl = set.first().expect("a set has records").ttl;
            assert!(set.iter().all(|record| record.ttl == ttl && ttl < 1 << 31), "{set:?}");
            found(&table, name, *kind, set, below);
            answered(&mut responder, name, *kind, if below { None } else { Some(set) });
        }
        // Neither may fail: a type that no zone file holds, and a name of one more label.
        _ = table.lookup(name, RecordType::Unknown(65_280));
        if let Ok(longer) = Name::from(name).prepend_label("x") {
            _ = table.lookup(&LowerName::from(longer), RecordType::A);
        }
    }
}

/// Whether `name` lies at or below a name that the zone gives to other servers.
fn is_delegated(zone: &Zone, name: &LowerName) -> bool {
    let mut above = name.clone();
    while above != *zone.origin() {
        if zone.records(&above).is_some_and(|sets| sets.contains_key(&RecordType::NS)) {
            return true;
        }
        above = above.base_name();
    }
    false
}

/// The table has this set, or knows that it belongs to others.
fn found(table: &AnswerTable, name: &LowerName, kind: RecordType, set: &[Record], below: bool) {
    let answer = table.lookup(name, kind);
    match answer.outcome {
        Outcome::Referral { servers, .. } => {
            assert!(below && !servers.is_empty(), "a referral for {name} {kind}");
        }
        Outcome::Records(records) => {
            assert!(!below, "an answer for {name} {kind}, which is delegated");
            // The serial of the SOA is the table's.
            let same = kind == RecordType::SOA || *records == *set;
            assert!(records.len() == set.len() && same, "{name} {kind}: {records:?}, not {set:?}");
        }
        other => panic!("{name} {kind}: {other:?}"),
    }
}

/// A question by TCP gets the whole set; `None` for a referral.
fn answered(responder: &mut Responder, name: &LowerName, kind: RecordType, set: Option<&[Record]>) {
    let mut query = vec![0x47, 0x11, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    query.extend(Name::from(name).to_bytes().expect("a name of a zone"));
    query.extend(u16::from(kind).to_be_bytes());
    query.extend([0, 1]);
    let client = ([127, 0, 0, 1], 53).into();
    let mut reply = Vec::new();
    assert!(responder.turn().respond(&query, client, Transport::Tcp, &mut reply), "no reply");
    let mut decoder = BinDecoder::new(&reply);
    let message = Message::read(&mut decoder).expect("a well-formed reply");
    assert!(decoder.is_empty(), "octets after the end of the reply to {name} {kind}");
    assert_eq!(message.metadata.response_code, ResponseCode::NoError, "{name} {kind}");
    assert!(!message.metadata.truncation, "{name} {kind} does not fit into any message");
    match set {
        Some(set) => assert_eq!(message.answers.len(), set.len(), "{name} {kind}"),
        None => assert!(message.answers.is_empty() && !message.authorities.is_empty()),
    }
}
