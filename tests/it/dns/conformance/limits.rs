//! How long a reply may be, and what is left out of one that is too long.

use hickory_proto::rr::RecordType;

use super::{
    super::{
        AA, NOERROR, QR, RD, TC,
        client::{Ask, ask},
    },
    check::{Check, Over, Stage, check},
};

fn good() -> Ask {
    ask("db-read.internal.", RecordType::A)
}

pub(super) fn checks() -> Vec<Check> {
    let mut checks = Vec::new();
    for (size, takes, clause) in [
        (None, 512, "RFC 1035 4.2.1 without EDNS a datagram has 512 octets"),
        (Some(0), 512, "RFC 6891 6.2.3 a size of 0 means 512"),
        (Some(1), 512, "RFC 6891 6.2.3 a size of 1 means 512"),
        (Some(511), 512, "RFC 6891 6.2.3 a size of 511 means 512"),
        (Some(512), 512, "RFC 6891 6.2.3 a size of 512 is kept to"),
        (Some(600), 600, "RFC 6891 6.2.3 a size of 600 is kept to"),
    ] {
        let question = size.map_or_else(good, |size| good().edns(size));
        checks.push(
            check(clause, question)
                .on(Stage::Crowded)
                .over(Over::Udp)
                .takes(takes)
                .code(NOERROR)
                .flags(QR | AA | TC | RD)
                .counts(0, 0, 0)
                .echoed()
                .that("OPT as asked", move |reply| reply.edns().is_some() == size.is_some()),
        );
    }
    for size in [1232, 4096, 65_535] {
        checks.push(
            check(format!("RFC 9715 3.1 a size of {size} gets what fits 1,232"), good().edns(size))
                .on(Stage::Crowded)
                .takes(size)
                .flags(QR | AA | RD)
                .counts(40, 0, 0),
        );
    }
    checks.extend(whole_sets());
    checks
}

fn whole_sets() -> Vec<Check> {
    vec![
        check("RFC 9715 3.1 no datagram has more than 1,232 octets", good().edns(65_535))
            .on(Stage::Flooded)
            .over(Over::Udp)
            .takes(65_535)
            .flags(QR | AA | TC | RD)
            .counts(0, 0, 0)
            .error(3),
        check("RFC 2181 9 half a set is never sent", good().edns(1232))
            .on(Stage::Flooded)
            .over(Over::Udp)
            .takes(1232)
            .that("nothing or all", |reply| matches!(reply.counts().0, 0 | 250)),
        check("RFC 7766 4 what does not fit comes by TCP", good())
            .on(Stage::Flooded)
            .over(Over::Tcp)
            .flags(QR | AA | RD)
            .counts(250, 0, 0),
        check("RFC 7766 4 by TCP the size in OPT does not count", good().edns(512))
            .on(Stage::Flooded)
            .over(Over::Tcp)
            .flags(QR | AA | RD)
            .counts(250, 0, 0)
            .error(3),
        check("RFC 1035 4.1.4 each owner after the question is a pointer", good().edns(1232))
            .on(Stage::Crowded)
            .takes(1232)
            .that("16 octets per record", |reply| reply.octets.len() == 12 + 22 + 40 * 16 + 11),
        check(
            "RFC 2181 9 a text of 800 octets is cut as a whole",
            ask("big.internal.", RecordType::TXT),
        )
        .over(Over::Udp)
        .flags(QR | AA | TC | RD)
        .counts(0, 0, 0),
        check("RFC 6891 6.2.4 a text of 800 octets fits who takes it", {
            ask("big.internal.", RecordType::TXT).edns(1232)
        })
        .takes(1232)
        .flags(QR | AA | RD)
        .counts(1, 0, 0),
        check("RFC 6891 6.2.3 NXDOMAIN fits the least size", {
            ask("nobody.internal.", RecordType::A).edns(512)
        })
        .flags(QR | AA | RD)
        .negative(),
    ]
}
