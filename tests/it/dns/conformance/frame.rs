//! Counts, names and records as they lie in a message, and signatures at its end.

use hickory_proto::rr::RecordType;

use super::{
    super::{
        AA, FORMERR, NOERROR, NOTAUTH, NXDOMAIN, QR, RD, REFUSED,
        client::{ask, header},
    },
    check::{Check, check},
};

const OPT: &[u8] = b"\x00\x00\x29\x04\xd0\x00\x00\x00\x00\x00\x00";
const QUESTION: &[u8] = b"\x08db-write\x08internal\x00\x00\x01\x00\x01";
const RECORD: &[u8] = b"\x01a\x00\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04\x7f\x00\x00\x01";

fn message(counts: [u16; 4], parts: &[&[u8]]) -> Vec<u8> {
    [&header(0x4711, RD, counts)[..], &parts.concat()].concat()
}

pub(super) fn checks() -> Vec<Check> {
    let mut checks = counts();
    checks.extend(questions());
    checks.extend(records());
    checks.extend(signatures());
    checks
}

fn counts() -> Vec<Check> {
    let good = ask("db-write.internal.", RecordType::A).edns(1232);
    let mut checks = Vec::new();
    for count in [0, 2, 3, 40, 100] {
        let clause = format!("RFC 9619 4 {count} questions are FORMERR");
        checks.push(
            check(clause, good.with_questions(count)).code(FORMERR).no_question().opt().takes(1232),
        );
    }
    for (section, name) in ["questions", "answers", "authorities", "additionals"].iter().enumerate()
    {
        let mut counts = [1, 0, 0, 0];
        counts[section] = 0xffff;
        let clause = format!("RFC 1035 4.1.1 65,535 {name} that are not there are FORMERR");
        checks.push(check(clause, message(counts, &[QUESTION])).code(FORMERR).counts(0, 0, 0));
    }
    checks.push(
        check("RFC 1035 4.1.1 a header that promises all is FORMERR", message([0xffff; 4], &[]))
            .code(FORMERR)
            .no_question(),
    );
    let tail = message([1, 0, 0, 0], &[QUESTION, b"\x00"]);
    checks.push(
        check("RFC 1035 4.1 octets after the message are FORMERR", tail).code(FORMERR).echoed(),
    );
    let tail = message([1, 0, 0, 1], &[QUESTION, OPT, b"junk"]);
    checks.push(
        check("RFC 6891 7 octets after an OPT record are FORMERR with OPT", tail)
            .code(FORMERR)
            .opt(),
    );
    checks
}

fn questions() -> Vec<Check> {
    let asked = |name: &[u8]| message([1, 0, 0, 0], &[name, b"\x00\x01\x00\x01"]);
    let labels = |lengths: &[u8]| {
        let label = |&length: &u8| [vec![length], vec![b'x'; length.into()]].concat();
        let mut name: Vec<u8> = lengths.iter().flat_map(label).collect();
        name.push(0);
        name
    };
    let mut checks = Vec::new();
    for (name, what) in [
        (&b"\xc0\x0c"[..], "at itself"),
        (b"\xc0\x00", "into the header"),
        (b"\xc0\x0e", "ahead"),
        (b"\xff\xff", "past the end"),
        (b"\x01a\xc0\x0c", "back into its own name"),
        (b"\x01a\xc0", "nowhere"),
    ] {
        let clause = format!("RFC 1035 4.1.4 a question that points {what} is FORMERR");
        checks.push(check(clause, asked(name)).code(FORMERR).no_question());
    }
    for (name, what) in [
        (b"\x40aaaa\x00".to_vec(), "RFC 6891 5 an extended label is FORMERR"),
        (b"\x80aaaa\x00".to_vec(), "RFC 1035 4.1.4 a reserved label type is FORMERR"),
        (b"\x05abc".to_vec(), "RFC 1035 3.1 a name that does not end is FORMERR"),
        (labels(&[63, 63, 63, 62]), "RFC 1035 2.3.4 a name of 256 octets is FORMERR"),
        (labels(&[63; 8]), "RFC 1035 2.3.4 a name of 513 octets is FORMERR"),
    ] {
        checks.push(check(what, asked(&name)).code(FORMERR).no_question());
    }
    let cut = &message([1, 0, 0, 0], &[QUESTION]);
    for missing in [1, 2, 3, 4, 5, 20] {
        let clause = format!("RFC 1035 4.1.2 a question without {missing} octets is FORMERR");
        let octets = cut[..cut.len() - missing].to_vec();
        checks.push(check(clause, octets).code(FORMERR).no_question());
    }
    let long = labels(&[63, 63, 63, 61]);
    checks.push(
        check("RFC 1035 2.3.4 a name of 255 octets is read and echoed", asked(&long))
            .code(REFUSED)
            .echoed(),
    );
    let many = labels(&[1; 127]);
    checks.push(
        check("RFC 1035 2.3.4 a name of 127 labels is read and echoed", asked(&many))
            .code(REFUSED)
            .echoed(),
    );
    let deep = [&labels(&[1; 122])[..244], b"\x08internal\x00"].concat();
    checks.push(
        check("RFC 1035 3.1 the longest name below a zone does not exist", asked(&deep))
            .code(NXDOMAIN)
            .echoed(),
    );
    for (label, what) in [
        (&b"\x03a.b"[..], "a dot"),
        (b"\x03\x00\x01\x02", "control characters"),
        (b"\x03\xff\xfe\x80", "octets above 127"),
        (b"\x01\\", "a backslash"),
        (b"\x03a b", "a blank"),
        (b"\x01*", "an asterisk"),
    ] {
        let name = [label, b"\x08internal\x00"].concat();
        checks.push(
            check(format!("RFC 2181 11 a label may hold {what}"), asked(&name))
                .code(NXDOMAIN)
                .echoed(),
        );
    }
    checks
}

fn records() -> Vec<Check> {
    let mut checks = Vec::new();
    for (counts, section) in [([1, 1, 0, 0], "answer"), ([1, 0, 1, 0], "authority")] {
        checks.push(
            check(
                format!("RFC 1035 4.1 a query with a record in its {section} section is FORMERR"),
                message(counts, &[QUESTION, RECORD]),
            )
            .code(FORMERR)
            .echoed(),
        );
        checks.push(
            check(
                format!("RFC 6891 6.1.1 an OPT record in the {section} section is FORMERR"),
                message(counts, &[QUESTION, OPT]),
            )
            .code(FORMERR),
        );
    }
    let answered = |clause: &str, octets| {
        check(clause, octets).code(NOERROR).flags(QR | AA | RD).answers(&["127.0.1.1"])
    };
    let unknown = b"\x00\xff\x00\x00\x01\x00\x00\x00\x00\x00\x02\xab\xcd";
    let bad = b"\x00\x00\x01\x00\x01\x00\x00\x00\x00\x00\x01\x7f";
    let empty = b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x00\x00\x00";
    let key = b"\x00\x00\x18\x00\xff\x00\x00\x00\x00\x00\x04\x00\x00\x05\x00";
    for (clause, record) in [
        ("RFC 1035 4.1 a known record in the additional section is ignored", RECORD),
        ("RFC 3597 3 an unknown record in the additional section is ignored", &unknown[1..]),
        ("RFC 3597 3 broken data of a record that is ignored does no harm", bad),
        ("RFC 2181 5 a record without data does no harm", empty),
        ("RFC 2931 4.1 a SIG(0) record is ignored", key),
    ] {
        let octets = if clause.starts_with("RFC 3597 3 an") {
            let record = b"\x00\xff\x00\x00\x01\x00\x00\x00\x00\x00\x02\xab\xcd";
            message([1, 0, 0, 1], &[QUESTION, record])
        } else {
            message([1, 0, 0, 1], &[QUESTION, record])
        };
        checks.push(answered(clause, octets));
    }
    let between = message([1, 0, 0, 3], &[QUESTION, RECORD, OPT, RECORD]);
    checks.push(answered("RFC 6891 6.1.1 OPT may stand anywhere among others", between).opt());
    let ahead = message([1, 0, 0, 1], &[QUESTION, b"\xc0\xff", &RECORD[3..]]);
    checks.push(check("RFC 1035 4.1.4 an owner that points ahead is FORMERR", ahead).code(FORMERR));
    for missing in [1, 4, 5, 9, 14] {
        let octets = message([1, 0, 0, 1], &[QUESTION, &RECORD[..RECORD.len() - missing]]);
        let clause = format!("RFC 1035 4.1.3 a record without {missing} octets is FORMERR");
        checks.push(check(clause, octets).code(FORMERR).echoed());
    }
    checks
}

/// A TSIG record of an unknown key (RFC 8945 section 4.2).
fn tsig(class: u16) -> Vec<u8> {
    let mut rdata = b"\x0bhmac-sha256\x00\x00\x00\x66\x00\x00\x00\x01\x2c\x00\x20".to_vec();
    rdata.extend([0x5a; 32]);
    rdata.extend([0x47, 0x11, 0, 0, 0, 0]);
    let mut record = b"\x03key\x00\x00\xfa".to_vec();
    record.extend(class.to_be_bytes());
    record.extend([0, 0, 0, 0, 0, u8::try_from(rdata.len()).expect("short")]);
    record.extend(rdata);
    record
}

fn signatures() -> Vec<Check> {
    let signed = message([1, 0, 0, 2], &[QUESTION, OPT, &tsig(255)]);
    // It ends with the ID, BADKEY and no other data.
    let bad_key =
        |check: Check| {
            check.code(NOTAUTH).flags(QR | RD).counts(0, 0, 1).that("BADKEY at the end", |reply| {
                reply.octets.ends_with(&[0x47, 0x11, 0, 17, 0, 0])
            })
        };
    let mut update = message([1, 0, 0, 1], &[b"\x08internal\x00\x00\x06\x00\x01", &tsig(255)]);
    update[2] = 5 << 3;
    let not_last = message([1, 0, 0, 2], &[QUESTION, &tsig(255), OPT]);
    let twice = message([1, 0, 0, 2], &[QUESTION, &tsig(255), &tsig(255)]);
    let elsewhere = message([1, 1, 0, 0], &[QUESTION, &tsig(255)]);
    let class = message([1, 0, 0, 1], &[QUESTION, &tsig(1)]);
    let mut long_mac = message([1, 0, 0, 1], &[QUESTION, &tsig(255)]);
    let mac_size = long_mac.len() - 6 - 32 - 2;
    long_mac[mac_size + 1] = 0x21;
    let empty = message([1, 0, 0, 1], &[QUESTION, b"\x03key\x00\x00\xfa\x00\xff\0\0\0\0\0\0"]);
    let broken = |clause: &str, octets| check(clause, octets).code(FORMERR).counts(0, 0, 0);
    vec![
        bad_key(check("RFC 8945 5.2.1 an unknown key is NOTAUTH with BADKEY", signed)).opt(),
        check("RFC 8945 5.2.1 an unknown key under an UPDATE is NOTAUTH", update)
            .code(NOTAUTH)
            .counts(0, 0, 1),
        broken("RFC 8945 5.1 a TSIG record that is not the last is FORMERR", not_last).opt(),
        broken("RFC 8945 5.1 two TSIG records are FORMERR", twice),
        broken("RFC 8945 5.1 a TSIG record in the answer section is FORMERR", elsewhere),
        broken("RFC 8945 4.2 a TSIG record of class IN is FORMERR", class),
        broken("RFC 8945 5.2 a TSIG record with a false MAC size is FORMERR", long_mac),
        broken("RFC 8945 5.2 a TSIG record without data is FORMERR", empty),
    ]
}
