//! Classes other than IN, and what the server says of itself.

use hickory_proto::rr::RecordType;

use super::{
    super::{
        AA, NOERROR, QR, RD, REFUSED,
        client::{Ask, ask},
    },
    IDENTITY,
    check::{Check, Stage, check},
};

const CH: u16 = 3;

fn chaos(name: &str, record_type: RecordType) -> Ask {
    ask(name, record_type).class(CH).edns(1232)
}

pub(super) fn checks() -> Vec<Check> {
    let mut checks = Vec::new();
    for (class, name) in [
        (0, "0, reserved"),
        (2, "CS"),
        (4, "HS"),
        (254, "NONE"),
        (255, "ANY"),
        (256, "256"),
        (65_280, "of private use"),
        (65_535, "65,535, reserved"),
    ] {
        let question = ask("db-write.internal.", RecordType::A).class(class);
        checks.push(
            check(format!("RFC 6895 3.2 class {name} is refused"), question)
                .code(REFUSED)
                .flags(QR | RD)
                .counts(0, 0, 0)
                .echoed(),
        );
    }
    let question = chaos("db-write.internal.", RecordType::A);
    checks.push(
        check("RFC 1035 3.2.4 class CH does not have the data of class IN", question)
            .code(REFUSED)
            .flags(QR | RD)
            .counts(0, 0, 0),
    );
    checks.extend(our_names());
    checks.extend(who_may_know());
    checks
}

fn our_names() -> Vec<Check> {
    let version = concat!("Pointsman ", env!("CARGO_PKG_VERSION"));
    let mut checks = Vec::new();
    for (name, text) in [
        ("version.bind.", version),
        ("version.server.", version),
        ("hostname.bind.", IDENTITY),
        ("id.server.", IDENTITY),
        ("ID.Server.", IDENTITY),
    ] {
        checks.push(
            check(format!("RFC 4892 3 {name} says who we are"), chaos(name, RecordType::TXT))
                .code(NOERROR)
                .flags(QR | AA | RD)
                .counts(1, 0, 0)
                .answers(&[text])
                .ttl(0)
                .echoed()
                .that("class CH", |reply| u16::from(reply.message.answers[0].dns_class) == CH),
        );
    }
    checks.push(
        check("RFC 8482 4.1 ANY of a CHAOS name is its text", chaos("id.server.", RecordType::ANY))
            .answers(&[IDENTITY]),
    );
    for (record_type, name) in [(RecordType::A, "A"), (RecordType::SOA, "SOA")] {
        checks.push(
            check(
                format!("RFC 2308 2.2 {name} of a CHAOS name is no data"),
                chaos("id.server.", record_type),
            )
            .code(NOERROR)
            .flags(QR | AA | RD)
            .counts(0, 1, 0)
            .that("a SOA that is not kept", |reply| reply.authority().1 == 0),
        );
    }
    for name in ["authors.bind.", "server.", "bind.", "a.id.server.", "."] {
        checks.push(
            check(
                format!("RFC 4892 3 {name} of class CH is refused"),
                chaos(name, RecordType::TXT),
            )
            .code(REFUSED)
            .counts(0, 0, 0)
            .error(20),
        );
    }
    checks.push(
        check(
            "RFC 4892 3 id.server. of class IN is none of ours",
            ask("id.server.", RecordType::TXT),
        )
        .code(REFUSED),
    );
    checks
}

fn who_may_know() -> Vec<Check> {
    let mut checks = Vec::new();
    for name in ["version.bind.", "version.server.", "hostname.bind.", "id.server."] {
        let question = || chaos(name, RecordType::TXT);
        checks.push(
            check(format!("RFC 4892 4 {name} is refused to whom it is not for"), question())
                .on(Stage::Discreet)
                .code(REFUSED)
                .counts(0, 0, 0)
                .error(18),
        );
        checks.push(
            check(format!("RFC 4892 4 {name} that nobody may see is none of ours"), question())
                .on(Stage::Silent)
                .code(REFUSED)
                .counts(0, 0, 0)
                .error(20),
        );
    }
    let nsid = || ask("db-write.internal.", RecordType::A).opt(1232, 0, &[0, 3, 0, 0]);
    for (stage, whom) in [(Stage::Discreet, "some"), (Stage::Silent, "all")] {
        checks.push(
            check(format!("RFC 5001 3.4 NSID is kept from {whom}"), nsid())
                .on(stage)
                .answers(&["127.0.1.1"])
                .opt()
                .no_option(3),
        );
    }
    checks
}
