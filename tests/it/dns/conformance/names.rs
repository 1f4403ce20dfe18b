//! Names of class IN: positive and negative answers, aliases, delegations, wildcards, case.

use hickory_proto::rr::RecordType;

use super::{
    super::{
        AA, NOERROR, NXDOMAIN, QR, RD, REFUSED, SERVFAIL,
        client::{Ask, ask},
    },
    check::{Check, Stage, check},
};

pub(super) fn checks() -> Vec<Check> {
    let mut checks = served();
    checks.extend(negative());
    checks.extend(statics());
    checks.extend(delegations_and_wildcards());
    checks.extend(outside());
    checks
}

fn a(name: &str) -> Ask {
    ask(name, RecordType::A)
}

fn served() -> Vec<Check> {
    let mut checks = vec![
        check("RFC 1034 4.3.2 the write name has one address", a("db-write.internal."))
            .flags(QR | AA | RD)
            .answers(&["127.0.1.1"])
            .counts(1, 0, 0)
            .ttl(1)
            .echoed(),
        check("RFC 2181 5.2 the records of a set share one TTL", a("db-read.internal."))
            .answers(&["127.0.1.2", "127.0.1.3"])
            .ttl(2),
        check(
            "RFC 8482 4.1 ANY for a served name is one set",
            ask("db-read.internal.", RecordType::ANY),
        )
        .code(NOERROR)
        .answers(&["127.0.1.2", "127.0.1.3"])
        .counts(2, 0, 0),
        check("RFC 8482 4.1 ANY at the apex is one set", ask("internal.", RecordType::ANY))
            .counts(1, 0, 0),
        check("RFC 8914 4.4 a held answer says so", a("db-write.internal.").edns(1232))
            .on(Stage::Held)
            .answers(&["127.0.1.1"])
            .error(3),
        check("RFC 8914 4.1 an answer that helps out says so", a("db-read.internal.").edns(1232))
            .on(Stage::Held)
            .answers(&["127.0.1.1"])
            .error(0),
        check("RFC 8914 2 who does not speak EDNS is told no reason", a("db-write.internal."))
            .on(Stage::Held)
            .answers(&["127.0.1.1"])
            .no_opt(),
        check("RFC 8914 4.15 what is not ready says so", a("db-read.internal.").edns(1232))
            .on(Stage::Unready)
            .code(SERVFAIL)
            .flags(QR | RD)
            .counts(0, 0, 0)
            .error(14),
        check("RFC 2308 7.1 static names are answered before all is ready", a("ns1.internal."))
            .on(Stage::Unready)
            .answers(&["192.0.2.1"]),
    ];
    for name in ["DB-WRITE.INTERNAL.", "dB-wRiTe.InTeRnAl.", "db-write.INTERNAL."] {
        checks.push(
            check(format!("RFC 4343 3 {name} is db-write.internal. and keeps its case"), a(name))
                .answers(&["127.0.1.1"])
                .echoed()
                .that("the owner in the case of the question", {
                    let name = name.to_owned();
                    move |reply| reply.message.answers[0].name.to_ascii() == name
                }),
        );
    }
    checks
}

fn negative() -> Vec<Check> {
    let mut checks = Vec::new();
    for (record_type, clause) in [
        (RecordType::AAAA, "RFC 4074 4.2 AAAA of a name with IPv4 alone is no data"),
        (RecordType::TXT, "RFC 2308 2.2 a type that a name lacks is no data"),
        (RecordType::HTTPS, "RFC 9460 2.1 HTTPS is no data"),
        (RecordType::SRV, "RFC 2782 SRV of a plain name is no data"),
        (RecordType::DS, "RFC 4035 3.1.4.1 DS inside of an unsigned zone is no data"),
        (RecordType::DNSKEY, "RFC 4035 3.1.1 DNSKEY of an unsigned zone is no data"),
        (RecordType::NSEC, "RFC 4035 3.1.3 NSEC of an unsigned zone is no data"),
        (RecordType::Unknown(1000), "RFC 8906 3.1.2 type 1000 is no data"),
        (RecordType::Unknown(65_280), "RFC 3597 3 a type of private use is no data"),
        (RecordType::Unknown(65_535), "RFC 6895 3.1 the last type number is no data"),
        (RecordType::Unknown(253), "RFC 1035 3.2.3 MAILB, long obsolete, is no data"),
        (RecordType::Unknown(254), "RFC 1035 3.2.3 MAILA, long obsolete, is no data"),
        (RecordType::Unknown(250), "RFC 6895 3.1 a meta type as a question is no data"),
        (RecordType::ZERO, "RFC 6895 3.1 type 0 as a question is no data"),
        (RecordType::OPT, "RFC 6891 6.1.1 OPT as a question is no data"),
    ] {
        let question = ask("db-write.internal.", record_type);
        checks.push(check(clause, question).code(NOERROR).flags(QR | AA | RD).negative().echoed());
    }
    for (name, code, clause) in [
        ("internal.", NOERROR, "RFC 2308 2.2 an apex without addresses is no data"),
        ("deep.internal.", NOERROR, "RFC 8020 2 an empty non-terminal is no data"),
        ("DEEP.internal.", NOERROR, "RFC 4343 4.1 an empty non-terminal has no case"),
        ("wild.internal.", NOERROR, "RFC 4592 2.2.2 the parent of a wildcard exists"),
        ("nobody.internal.", NXDOMAIN, "RFC 2308 2.1 a name that does not exist is NXDOMAIN"),
        ("a.nobody.internal.", NXDOMAIN, "RFC 8020 2 nothing is below what does not exist"),
        ("a.ns1.internal.", NXDOMAIN, "RFC 8020 2 nothing is below a leaf"),
        ("a.db-write.internal.", NXDOMAIN, "RFC 8020 2 nothing is below a served name"),
        (
            "a.deep.internal.",
            NXDOMAIN,
            "RFC 1034 4.3.2 another child of a non-terminal is NXDOMAIN",
        ),
    ] {
        checks.push(check(clause, a(name)).code(code).flags(QR | AA | RD).negative().echoed());
    }
    checks.push(
        check("RFC 2308 3 TTL and MINIMUM of the SOA in a negative answer", a("nobody.internal."))
            .that("the lesser of both as TTL", |reply| reply.authority().1 == 5),
    );
    checks.push(
        check("RFC 3225 3 DO changes no negative answer of an unsigned zone", {
            a("nobody.internal.").opt(1232, 0x8000, &[])
        })
        .code(NXDOMAIN)
        .negative(),
    );
    checks
}

fn statics() -> Vec<Check> {
    vec![
        check("RFC 1035 3.3.13 the apex has one SOA", ask("internal.", RecordType::SOA))
            .counts(1, 0, 0)
            .ttl(60)
            .that("a serial that is ours", |reply| reply.answers()[0].contains(" 1700000000 ")),
        check("RFC 1034 4.2.1 the apex has name servers", ask("internal.", RecordType::NS))
            .answers(&["ns1.internal."]),
        check("RFC 1912 2.8 name servers of the zone resolve", a("ns1.internal."))
            .answers(&["192.0.2.1"]),
        check("RFC 1034 3.6.2 an alias comes with what it leads to", a("alias.internal."))
            .code(NOERROR)
            .answers(&["127.0.1.1", "db-write.internal."])
            .counts(2, 0, 0),
        check(
            "RFC 1034 3.6.2 an alias itself may be asked for",
            ask("alias.internal.", RecordType::CNAME),
        )
        .answers(&["db-write.internal."]),
        check(
            "RFC 2308 2.2 an alias to a name without data brings the SOA",
            ask("alias.internal.", RecordType::TXT),
        )
        .code(NOERROR)
        .counts(1, 1, 0),
        check("RFC 1034 3.6.2 an alias out of the zone is not followed", a("outside.internal."))
            .code(NOERROR)
            .answers(&["www.example."])
            .counts(1, 0, 0),
        check("RFC 1034 3.6.2 aliases in a circle end", a("loop1.internal."))
            .code(NOERROR)
            .that("both and no more", |reply| reply.counts().0 == 2),
        check("RFC 6604 3 NXDOMAIN of an alias is that of its end", a("dangling.internal."))
            .code(NXDOMAIN)
            .counts(1, 1, 0),
    ]
}

fn delegations_and_wildcards() -> Vec<Check> {
    vec![
        check("RFC 1034 4.3.2 below a delegation is a referral", a("a.child.internal."))
            .code(NOERROR)
            .flags(QR | RD)
            .counts(0, 1, 1),
        check(
            "RFC 1034 4.2.1 a delegation itself is a referral",
            ask("child.internal.", RecordType::NS),
        )
        .flags(QR | RD)
        .counts(0, 1, 1),
        check(
            "RFC 4035 3.1.4.1 DS at a delegation belongs to the parent",
            ask("child.internal.", RecordType::DS),
        )
        .flags(QR | AA | RD)
        .negative(),
        check("RFC 9471 3.1 glue comes with a referral", a("ns.child.internal."))
            .flags(QR | RD)
            .that("the address", |reply| {
                reply.message.additionals[0].data.to_string() == "192.0.2.53"
            }),
        check("RFC 4592 3.3.1 a wildcard answers under the asked name", a("some.wild.internal."))
            .answers(&["192.0.2.9"])
            .that("the asked owner", |reply| {
                reply.message.answers[0].name.to_ascii() == "some.wild.internal."
            }),
        check("RFC 4592 2.1.3 a wildcard matches several labels", a("a.b.wild.internal."))
            .answers(&["192.0.2.9"]),
        check("RFC 4592 2.3 a wildcard can be asked for itself", a("*.wild.internal."))
            .answers(&["192.0.2.9"]),
        check(
            "RFC 4592 3.3.1 a wildcard without the type is no data",
            ask("x.wild.internal.", RecordType::AAAA),
        )
        .code(NOERROR)
        .negative(),
        check(
            "RFC 1035 3.3.14 texts come as they are",
            ask("host.deep.internal.", RecordType::TXT),
        )
        .code(NOERROR)
        .counts(1, 0, 0),
    ]
}

fn outside() -> Vec<Check> {
    let mut checks = Vec::new();
    for (name, what) in [
        (".", "the root"),
        ("com.", "a top-level domain"),
        ("internal.example.", "a zone's name below another"),
        ("xinternal.", "a name that ends like a zone"),
        ("1.0.0.127.in-addr.arpa.", "an address's reverse name"),
        ("localhost.", "a special-use name"),
    ] {
        checks.push(
            check(format!("RFC 5358 4 {what} is refused without a referral"), a(name).edns(1232))
                .code(REFUSED)
                .flags(QR | RD)
                .counts(0, 0, 0)
                .error(20)
                .echoed(),
        );
    }
    checks.push(
        check("RFC 8906 3.1.1 NS of the root gets a reply", ask(".", RecordType::NS)).code(REFUSED),
    );
    for (record_type, name) in [(RecordType::AXFR, "AXFR"), (RecordType::IXFR, "IXFR")] {
        checks.push(
            check(
                format!("RFC 5936 2.2.1 {name} is refused"),
                ask("internal.", record_type).edns(1232),
            )
            .code(REFUSED)
            .flags(QR | RD)
            .counts(0, 0, 0)
            .error(21),
        );
    }
    let mut incremental = ask("internal.", RecordType::IXFR).octets();
    incremental[9] = 1;
    incremental.extend(
        b"\xc0\x0c\x00\x06\x00\x01\0\0\0\0\x00\x16\0\0\0\0\0\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
    );
    checks.push(
        check("RFC 1995 3 IXFR with the client's SOA is refused, not malformed", incremental)
            .code(REFUSED),
    );
    checks.push(
        check(
            "RFC 8914 4.19 who may not ask is refused and told so",
            a("db-write.internal.").edns(1232),
        )
        .on(Stage::Closed)
        .code(REFUSED)
        .counts(0, 0, 0)
        .error(18)
        .echoed(),
    );
    checks.push(
        check(
            "RFC 1035 4.1.1 who may not ask is refused without EDNS, too",
            a("db-write.internal."),
        )
        .on(Stage::Closed)
        .flags(QR | RD)
        .code(REFUSED)
        .no_opt(),
    );
    checks
}
