//! Header flags, identifiers and opcodes.

use hickory_proto::rr::RecordType;

use super::{
    super::{
        AA, AD, CD, FORMERR, NOERROR, NOTIMP, QR, RA, RD, TC,
        client::{ask, header},
    },
    check::{Check, check},
};

pub(super) fn checks() -> Vec<Check> {
    let good = || ask("db-write.internal.", RecordType::A);
    let mut checks = Vec::new();
    for id in [0, 1, 0xfffe] {
        checks.push(check(format!("RFC 1035 4.1.1 the ID {id} is copied"), good().id(id)).code(0));
    }
    for (flags, clause) in [
        (0, "RFC 1035 4.1.1 RD is clear when it was"),
        (RD, "RFC 1035 4.1.1 RD is copied"),
        (RD | RA, "RFC 1035 4.1.1 RA of a query means nothing"),
        (RD | AA, "RFC 1035 4.1.1 AA of a query means nothing"),
        (RD | TC, "RFC 1035 4.1.1 TC of a query means nothing"),
        (RD | 0x0040, "RFC 6895 2.1 Z is ignored and clear in replies"),
        (RD | AD, "RFC 6840 5.7 AD of a query is understood and not set by us"),
        (RD | CD, "RFC 4035 3.1.6 CD is cleared by an authority"),
        (RD | 5, "RFC 1035 4.1.1 a response code in a query means nothing"),
        (RD | 0x06ff & !0x0080, "RFC 8906 3.1.3 all flags at once are no reason for silence"),
    ] {
        let expected = QR | AA | (flags & RD);
        checks.push(
            check(clause, good().flags(flags))
                .flags(expected)
                .code(NOERROR)
                .answers(&["127.0.1.1"]),
        );
    }
    checks.push(
        check("RFC 1035 4.1.1 AA is clear outside our zones", ask("elsewhere.", RecordType::A))
            .flags(QR | RD),
    );
    checks.push(
        check(
            "RFC 2308 2.1 AA is set on a name that does not exist",
            ask("x.internal.", RecordType::A),
        )
        .flags(QR | AA | RD),
    );
    opcodes(&mut checks);
    replies(&mut checks);
    checks
}

fn opcodes(checks: &mut Vec<Check>) {
    for opcode in 1..16_u16 {
        let flags = opcode << 11;
        let whole = ask("internal.", RecordType::SOA).flags(flags | RD).edns(1232);
        checks.push(
            check(format!("RFC 6895 2.2 opcode {opcode} is not implemented"), whole)
                .code(NOTIMP)
                .flags(QR | flags | RD)
                .counts(0, 0, 0)
                .opt(),
        );
        let bare = header(1, flags, [0; 4]);
        checks.push(
            check(format!("RFC 8906 3.1.4 opcode {opcode} in a header alone is answered"), bare)
                .code(NOTIMP)
                .flags(QR | flags)
                .no_question()
                .no_opt(),
        );
    }
    let mut update = header(2, 5 << 11, [1, 0, 1, 0]);
    update.extend(b"\x08internal\x00\x00\x06\x00\x01");
    update.extend(b"\x01a\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04\x7f\x00\x00\x01");
    checks
        .push(check("RFC 2136 3.1 an UPDATE with records is not implemented", update).code(NOTIMP));
    let mut delete = header(2, 5 << 11, [1, 0, 1, 0]);
    delete.extend(b"\x08internal\x00\x00\x06\x00\x01\x01a\xc0\x0c\x00\xff\x00\xff\0\0\0\0\0\0");
    checks.push(check("RFC 2136 2.5.3 an UPDATE without data is not FORMERR", delete).code(NOTIMP));
    let mut notify = header(3, 4 << 11 | AA, [1, 1, 0, 0]);
    notify.extend(b"\x08internal\x00\x00\x06\x00\x01");
    notify.extend(
        b"\xc0\x0c\x00\x06\x00\x01\0\0\0\0\x00\x16\0\0\0\0\0\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
    );
    checks.push(
        check("RFC 1996 3.12 a NOTIFY is not implemented", notify).code(NOTIMP).flags(QR | 4 << 11),
    );
    let mut stateful = header(4, 6 << 11, [0; 4]);
    stateful.extend([0, 1, 0, 8, 0, 0, 0x3a, 0x98, 0, 0, 0x3a, 0x98]);
    checks.push(check("RFC 8490 5.1 DSO is not implemented, not malformed", stateful).code(NOTIMP));
    let mut inverse = header(5, 1 << 11, [0, 1, 0, 0]);
    inverse.extend(b"\x00\x00\x01\x00\x01\0\0\0\0\x00\x04\x7f\x00\x01\x01");
    checks.push(check("RFC 3425 3 IQUERY is not implemented", inverse).code(NOTIMP));
}

/// Messages with QR set, and those too short to say.
fn replies(checks: &mut Vec<Check>) {
    let good = || ask("db-write.internal.", RecordType::A);
    for opcode in 0..16_u16 {
        let octets = good().flags(QR | opcode << 11);
        let clause = format!("RFC 1035 7.3 a response with opcode {opcode} is not answered");
        checks.push(check(clause, octets).silence());
    }
    let bare = header(1, QR | RD, [0; 4]);
    checks.push(check("RFC 8906 2 a bare response header is not answered", bare).silence());
    let mut broken = header(1, QR | RD, [1, 1, 0, 0]);
    broken.extend(b"\xc0\x0c\xff");
    checks.push(check("RFC 1035 7.3 a broken response is not answered", broken).silence());
    let many = header(1, QR, [0xffff; 4]);
    checks
        .push(check("RFC 1035 7.3 a response with absurd counts is not answered", many).silence());
    for length in [1, 2, 11] {
        let octets = good().octets()[..length].to_vec();
        let clause = format!("RFC 1035 4.1.1 {length} octets are no message");
        checks.push(check(clause, octets).silence());
    }
    let zeros = vec![0; 12];
    checks.push(check("RFC 9619 4 twelve zeros are FORMERR", zeros).code(FORMERR).no_question());
}
