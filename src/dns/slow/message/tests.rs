//! Pointers, counts, and what gives way when room is short.

use hickory_proto::{
    op::Message,
    rr::{RData, RecordType},
};

use super::*;

const QUESTION: &[u8] = b"\x04NaMe\x08InTeRnAl\x00\x00\x01\x00\x01";

fn record(owner: &str, address: [u8; 4]) -> Cow<'static, Record> {
    let owner = Name::from_ascii(owner).unwrap();
    Cow::Owned(Record::from_rdata(owner, 1, RData::A(std::net::Ipv4Addr::from(address).into())))
}

fn reply(answers: usize, courtesies: usize) -> Reply<'static> {
    let records = |count| (0..count).map(|_| record("name.internal.", [127, 0, 0, 1])).collect();
    Reply {
        id: 7,
        flags: 0x8400,
        question: Some(QUESTION),
        opt: Some(ReplyOpt { error: Some(ExtendedError::PROHIBITED), ..ReplyOpt::default() }),
        sections: Sections {
            answers: records(answers),
            courtesies: records(courtesies),
            ..Sections::default()
        },
        ..Reply::default()
    }
}

#[test]
fn owners_point_into_the_question_whatever_its_case() {
    let mut reply = Reply { opt: None, ..reply(1, 0) };
    for owner in ["internal.", "other.internal.", "a.name.internal.", "."] {
        reply.sections.authorities.push(record(owner, [127, 0, 0, 2]));
    }
    let octets = reply.encode(512).unwrap();
    assert_eq!(octets[12..12 + QUESTION.len()], *QUESTION);
    let first = 12 + QUESTION.len();
    assert_eq!(octets[first..first + 2], [0xc0, 12]);
    assert_eq!(octets[first + 16..first + 18], [0xc0, 17]);
    let message = Message::from_vec(&octets).unwrap();
    let owners: Vec<_> = message.authorities.iter().map(|r| r.name.to_ascii()).collect();
    assert_eq!(owners[0], "InTeRnAl.");
    assert!(owners[1].eq_ignore_ascii_case("other.internal."));
    assert!(owners[2].eq_ignore_ascii_case("a.name.internal."));
    assert_eq!(owners[3], ".");
}

/// Names in data are shortened too, where the case is the same.
#[test]
fn names_in_data_point_into_the_question() {
    let question = b"\x04name\x08internal\x00\x00\x02\x00\x01";
    let mut reply = Reply { opt: None, question: Some(question), ..reply(0, 0) };
    let target = Name::from_ascii("ns1.internal.").unwrap();
    let data = RData::NS(hickory_proto::rr::rdata::NS(target.clone()));
    let owner = Name::from_ascii("internal.").unwrap();
    reply.sections.answers.push(Cow::Owned(Record::from_rdata(owner, 1, data)));
    let octets = reply.encode(512).unwrap();
    assert!(octets.ends_with(b"\xc0\x11\x00\x02\x00\x01\x00\x00\x00\x01\x00\x06\x03ns1\xc0\x11"));
    let message = Message::from_vec(&octets).unwrap();
    assert_eq!(message.answers[0].record_type(), RecordType::NS);
    assert_eq!(message.answers[0].data, RData::NS(hickory_proto::rr::rdata::NS(target)));
}

#[test]
fn reason_then_courtesies_then_records_give_way() {
    let whole = reply(4, 3).encode(512).unwrap().len();
    let mut seen = Vec::new();
    for limit in (0..=whole).rev() {
        let Some(octets) = reply(4, 3).encode(u16::try_from(limit).unwrap()) else {
            assert!(limit < 12 + QUESTION.len() + 11);
            continue;
        };
        assert!(octets.len() <= limit);
        let message = Message::from_vec(&octets).unwrap();
        let reason = !message.edns.as_ref().unwrap().options().as_ref().is_empty();
        let counts = (message.answers.len(), message.additionals.len());
        let shape = (counts, reason, message.metadata.truncation);
        if seen.last() != Some(&shape) {
            seen.push(shape);
        }
    }
    let expected = [
        ((4, 3), true, false),
        ((4, 3), false, false),
        ((4, 0), false, false),
        ((0, 0), true, true),
        ((0, 0), false, true),
    ];
    assert_eq!(seen, expected);
}

#[test]
fn a_padded_reply_is_a_multiple_of_the_block() {
    for answers in 0..60 {
        let reply = Reply { padded: true, ..reply(answers, 0) };
        let octets = reply.encode(u16::MAX).unwrap();
        assert_eq!(octets.len() % PADDING_BLOCK, 0, "{answers} answers: {}", octets.len());
        assert_eq!(Message::from_vec(&octets).unwrap().answers.len(), answers);
    }
}

#[test]
fn a_long_name_and_long_options_always_leave_a_reply() {
    let mut question = b"\x3f".to_vec();
    question.extend([b'a'; 63]);
    let mut question = question.repeat(3);
    question.push(61);
    question.extend([b'b'; 61]);
    question.extend(b"\x00\x00\x01\x00\x01");
    assert_eq!(question.len(), 259);
    let identity = [b'i'; 255];
    let reply = Reply {
        question: Some(&question),
        opt: Some(ReplyOpt {
            nsid: Some(&identity),
            cookie: Some([1; 24]),
            error: Some(ExtendedError::NOT_AUTHORITATIVE),
            ..ReplyOpt::default()
        }),
        ..reply(1, 0)
    };
    let message = Message::from_vec(&reply.encode(512).unwrap()).unwrap();
    assert!(message.metadata.truncation && message.edns.is_some());
}
