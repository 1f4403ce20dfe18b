//! EDNS: versions, flags, options, cookies.

use std::net::IpAddr;

use hickory_proto::rr::RecordType;
use pointsman::dns::Cookies;

use super::{
    super::{
        AA, BADVERS, FORMERR, NOERROR, NOTIMP, QR, RD, REFUSED,
        client::{Ask, ask, header},
    },
    CLIENT, IDENTITY, SECRET,
    check::{Check, Over, Stage, check},
    wall_seconds,
};

const BADCOOKIE: u16 = 23;

const NSID: u16 = 3;
const SUBNET: u16 = 8;
const COOKIE: u16 = 10;
const KEEPALIVE: u16 = 11;
const PADDING: u16 = 12;

fn good() -> Ask {
    ask("db-write.internal.", RecordType::A)
}

fn option(code: u16, data: &[u8]) -> Vec<u8> {
    let length = u16::try_from(data.len()).expect("short");
    [&code.to_be_bytes()[..], &length.to_be_bytes(), data].concat()
}

fn with(options: &[u8]) -> Ask {
    good().opt(1232, 0, options)
}

pub(super) fn checks() -> Vec<Check> {
    let mut checks = records();
    checks.extend(options());
    checks.extend(cookies());
    checks.extend(cookies_alone());
    checks
}

fn records() -> Vec<Check> {
    let mut checks = vec![
        check("RFC 6891 7 no OPT record without being asked", good()).no_opt(),
        check("RFC 6891 6.1.1 an OPT record for an OPT record", good().edns(1232))
            .answers(&["127.0.1.1"])
            .opt()
            .that("no options", |reply| {
                reply.edns().is_some_and(|edns| edns.options().as_ref().is_empty())
            }),
        check("RFC 3225 3 DO is copied", good().opt(1232, 0x8000, &[]))
            .answers(&["127.0.1.1"])
            .that("DO", |reply| reply.edns().is_some_and(|edns| edns.flags().dnssec_ok)),
        check("RFC 3225 3 DO is clear when it was", good().edns(1232))
            .that("no DO", |reply| reply.edns().is_some_and(|edns| !edns.flags().dnssec_ok)),
        check(
            "RFC 6891 6.1.4 unknown flags are ignored and not echoed",
            good().opt(1232, 0x7fff, &[]),
        )
        .answers(&["127.0.1.1"]),
        check("RFC 6891 6.1.3 an extended code in a query means nothing", {
            good().opt(1232, 0x0500_0000, &[])
        })
        .code(NOERROR)
        .answers(&["127.0.1.1"]),
        check("RFC 6891 7 OPT also on a refusal", ask("example.", RecordType::A).edns(1232))
            .code(REFUSED)
            .opt(),
        check("RFC 6891 7 OPT also on a name that does not exist", {
            ask("nobody.internal.", RecordType::A).edns(1232)
        })
        .opt(),
    ];
    checks.extend(versions());
    checks.extend(broken());
    checks
}

fn versions() -> Vec<Check> {
    let mut checks = Vec::new();
    for version in [1_u32, 2, 100, 255] {
        checks.push(
            check(
                format!("RFC 6891 6.1.3 EDNS version {version} is BADVERS"),
                good().opt(1232, version << 16 | 0x8000, &[]),
            )
            .code(BADVERS)
            .flags(QR | RD)
            .counts(0, 0, 0)
            .opt()
            .echoed(),
        );
    }
    checks.push(
        check("RFC 6891 6.1.3 options of another version are not looked at", {
            good().opt(1232, 1 << 16, &option(COOKIE, &[1]))
        })
        .code(BADVERS),
    );
    checks.push(
        check("RFC 6891 6.1.3 BADVERS comes before NOTIMP", {
            good().flags(2 << 11).opt(1232, 1 << 16, &[])
        })
        .code(BADVERS),
    );
    checks
}

fn broken() -> Vec<Check> {
    let mut checks = Vec::new();
    let mut twice = good().edns(1232).octets();
    twice.extend(good().edns(1232).opt.expect("an OPT record"));
    twice[11] = 2;
    checks.push(check("RFC 6891 6.1.1 two OPT records are FORMERR", twice).code(FORMERR).opt());
    let mut named = good().octets();
    named[11] = 1;
    named.extend(b"\x01a\x00\x00\x29\x04\xd0\x00\x00\x00\x00\x00\x00");
    checks.push(check("RFC 6891 6.1.2 an OPT record below a name is FORMERR", named).code(FORMERR));
    for (options, what) in [
        (&[0][..], "of one octet"),
        (&[0, 3, 0], "of three octets"),
        (&[0, 3, 0, 1], "that is longer than its record"),
        (&[0xfd, 0xe9, 0xff, 0xff, 1], "that is far longer than its record"),
        (&[0, 3, 0, 0, 0, 10, 0], "that breaks off after a good one"),
    ] {
        checks.push(
            check(format!("RFC 6891 6.1.2 an option {what} is FORMERR"), with(options))
                .code(FORMERR)
                .counts(0, 0, 0)
                .opt()
                .echoed(),
        );
    }
    checks
}

fn options() -> Vec<Check> {
    let ignored = |clause: &str, code: u16, data: &[u8]| {
        check(clause, with(&option(code, data))).answers(&["127.0.1.1"]).opt().no_option(code)
    };
    let both = [option(NSID, &[]), option(65_001, &[1]), option(COOKIE, &[1; 8])].concat();
    vec![
        ignored("RFC 6891 6.1.2 an unknown option is ignored", 65_001, &[1, 2, 3]),
        ignored("RFC 6891 6.1.2 option 0, reserved, is ignored", 0, &[]),
        ignored("RFC 6975 4 algorithms understood are ignored", 5, &[8, 13]),
        ignored("RFC 7314 3 EXPIRE of a plain query is ignored", 9, &[]),
        ignored("RFC 7901 5 CHAIN is ignored", 13, &[0]),
        ignored("RFC 8145 4 a key tag is ignored", 14, &[0x4f, 0x66]),
        ignored("RFC 8914 2 an Extended DNS Error in a query is ignored", 15, &[0, 0]),
        ignored("RFC 9567 6 a report channel in a query is ignored", 18, &[0]),
        ignored(
            "RFC 7871 7.2.1 a client subnet changes nothing",
            SUBNET,
            &[0, 1, 24, 0, 192, 0, 2],
        ),
        ignored(
            "RFC 7871 7.2.1 a client subnet of length 0 changes nothing",
            SUBNET,
            &[0, 1, 0, 0],
        ),
        ignored("RFC 7871 7.2.1 a subnet of no known family is ignored", SUBNET, &[9, 9, 0, 0]),
        ignored("RFC 7871 7.2.1 a subnet that is cut short is ignored", SUBNET, &[0, 1]),
        ignored("RFC 7830 4 padding is ignored where nothing is encrypted", PADDING, &[0; 64]),
        check("RFC 5001 2.2 NSID for who asks", with(&option(NSID, &[])))
            .answers(&["127.0.1.1"])
            .option(NSID, IDENTITY.as_bytes()),
        check("RFC 5001 2.1 data in an asked NSID is ignored", with(&option(NSID, b"who")))
            .option(NSID, IDENTITY.as_bytes()),
        check("RFC 5001 2.2 no NSID without being asked", with(&[])).no_option(NSID),
        check("RFC 6891 6.1.2 options are answered beside each other", with(&both))
            .answers(&["127.0.1.1"])
            .option(NSID, IDENTITY.as_bytes())
            .no_option(65_001)
            .that("a cookie", |reply| reply.option(COOKIE).is_some()),
        ignored("RFC 7828 3.3.1 keepalive is ignored by UDP", KEEPALIVE, &[]).over(Over::Udp),
        ignored("RFC 7828 3.3.1 keepalive with data is ignored by UDP", KEEPALIVE, &[0, 1])
            .over(Over::Udp),
        check("RFC 7828 3.3.2 keepalive says the idle time in tenths of a second", {
            with(&option(KEEPALIVE, &[]))
        })
        .over(Over::Tcp)
        .that("at least 2 s", |reply| {
            reply.option(KEEPALIVE).is_some_and(|data| data.len() == 2 && data >= vec![0, 20])
        }),
        check("RFC 7828 3.3.2 no keepalive without being asked", with(&[]))
            .over(Over::Tcp)
            .no_option(KEEPALIVE),
        check("RFC 7828 3.1 keepalive with data in a query is FORMERR", {
            with(&option(KEEPALIVE, &[0, 1]))
        })
        .over(Over::Tcp)
        .code(FORMERR),
        check("RFC 6891 7 options of other opcodes are answered, too", {
            good().flags(2 << 11).opt(1232, 0, &option(NSID, &[]))
        })
        .code(NOTIMP)
        .option(NSID, IDENTITY.as_bytes()),
    ]
}

/// Client cookie and server cookie of `age` seconds.
fn cookie(age: u32) -> Vec<u8> {
    let cookies = Cookies::new(&[SECRET]);
    let server = cookies.server_cookie([7; 8], IpAddr::V4(CLIENT), wall_seconds() - age);
    [&[7; 8][..], &server].concat()
}

/// A reply with the client cookie and a new server cookie.
fn renewed(check: Check, sent: &[u8]) -> Check {
    let sent = sent.to_vec();
    check.that("a new cookie for the same client", move |reply| {
        let cookie = reply.option(COOKIE).unwrap_or_default();
        cookie.len() == 24 && cookie[..8] == sent[..8] && cookie[8] == 1 && cookie != sent
    })
}

fn cookies() -> Vec<Check> {
    let fresh = cookie(10);
    let ask_with = |data: &[u8]| with(&option(COOKIE, data));
    let answered = |clause: &str, data: &[u8]| {
        renewed(check(clause, ask_with(data)).answers(&["127.0.1.1"]), data)
    };
    let mut forged = cookie(10);
    forged[20] ^= 1;
    let mut of_another = cookie(10);
    of_another[0] ^= 1;
    let mut checks = vec![
        check("RFC 7873 5.2.1 no cookie without being asked", with(&[])).no_option(COOKIE),
        answered("RFC 7873 5.2.3 a client cookie is answered with a server cookie", &[7; 8]),
        answered("RFC 7873 5.2.4 a server cookie that is none is replaced", &[7; 24]),
        answered("RFC 7873 5.2.4 a server cookie of 8 octets is replaced", &[7; 16]),
        answered("RFC 7873 5.2.4 a server cookie of 32 octets is replaced", &[7; 40]),
        answered("RFC 9018 4.4 a forged server cookie is replaced", &forged),
        answered("RFC 9018 4.4 a server cookie of another client cookie is replaced", &of_another),
        answered("RFC 9018 4.3 a cookie of 40 minutes is renewed", &cookie(2400)),
        answered("RFC 9018 4.3 a cookie of two hours is replaced", &cookie(7200)),
        check("RFC 9018 4.3 a fresh cookie comes back", ask_with(&fresh))
            .answers(&["127.0.1.1"])
            .option(COOKIE, &fresh),
        check("RFC 7873 5.2 of two cookies the first counts", {
            with(&[option(COOKIE, &fresh), option(COOKIE, &[1])].concat())
        })
        .option(COOKIE, &fresh),
        renewed(
            check("RFC 7873 5.2.3 a refusal carries a cookie, too", ask_with(&[7; 8]))
                .on(Stage::Closed)
                .code(REFUSED),
            &[7; 8],
        ),
    ];
    for length in [0, 1, 7, 9, 15, 41] {
        let clause = format!("RFC 7873 5.2.2 a COOKIE option of {length} octets is FORMERR");
        checks
            .push(check(clause, ask_with(&vec![7; length])).code(FORMERR).opt().no_option(COOKIE));
    }
    checks
}

/// Queries that have no question but a cookie.
fn cookies_alone() -> Vec<Check> {
    let fresh = cookie(10);
    let alone = |data: &[u8]| {
        let mut octets = header(0x4711, RD, [0, 0, 0, 1]);
        octets.extend(with(&option(COOKIE, data)).opt.expect("an OPT record"));
        octets
    };
    let mut nsid = header(0x4711, RD, [0, 0, 0, 1]);
    nsid.extend(with(&option(NSID, &[])).opt.expect("an OPT record"));
    let answered = |clause: &str, data: &[u8], code| {
        check(clause, alone(data)).code(code).flags(QR | RD).counts(0, 0, 0).no_question()
    };
    vec![
        renewed(
            answered("RFC 7873 5.4 a client cookie alone is answered", &[7; 8], NOERROR),
            &[7; 8],
        ),
        answered("RFC 7873 5.4 a good cookie alone is confirmed", &fresh, NOERROR)
            .option(COOKIE, &fresh),
        renewed(
            answered("RFC 7873 5.4 a bad cookie alone is BADCOOKIE", &[7; 24], BADCOOKIE),
            &[7; 24],
        ),
        check("RFC 7873 5.4 no question and no cookie is FORMERR", nsid).code(FORMERR).opt(),
        check("RFC 7873 5.4 a broken cookie alone is FORMERR", alone(&[7; 9])).code(FORMERR),
        check("RFC 7873 5.4 a cookie alone is not authoritative", alone(&[7; 8]))
            .that("no AA", |reply| reply.flags() & AA == 0),
    ]
}
