//! Both ways give one reply: queries of every kind, to tables in every condition.

use std::net::Ipv4Addr;

use hickory_proto::{op::Message, rr::Record};
use proptest::prelude::*;
use rand::{SeedableRng, rngs::SmallRng};

use super::*;
use crate::{
    answers::sample::{self, healthy},
    config::{DnsConfig, ExposeConfig, Networks},
    dns::{
        Admission, Rules, Transport,
        slow::{self, Scene},
    },
    report::Reports,
};

const NOW: u32 = 1_700_000_000;

const CLIENT: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7));

/// What the fast path replies, if it does, and what is counted of that.
fn by_fast(octets: &[u8], table: &AnswerTable, by_udp: bool) -> Option<(Vec<u8>, ReplySummary)> {
    let mut rng = SmallRng::seed_from_u64(7);
    let cookies = Cookies::new(&[[5; 16]]);
    let mut source = Source {
        table,
        rng: &mut rng,
        drawn: &mut Vec::new(),
        name: &mut NameRoom::default(),
        cookies: &cookies,
        texts: &Networks::All,
        unix_seconds: NOW,
    };
    let mut out = vec![0xee; 3];
    let said = respond(octets, Sender { address: CLIENT, by_udp }, &mut source, &mut out);
    assert_eq!(out[..3], [0xee; 3], "what was there before is kept");
    assert!(said.is_some() || out.len() == 3, "what is not sent is taken back");
    said.map(|said| (out.split_off(3), said))
}

/// What the slow path replies, and what is counted of it.
fn by_slow(octets: &[u8], table: &AnswerTable, by_udp: bool) -> (Vec<u8>, ReplySummary) {
    let mut rng = SmallRng::seed_from_u64(7);
    let mut out = Vec::new();
    let transport = if by_udp { Transport::Udp } else { Transport::Tcp };
    let expose = ExposeConfig { status: Networks::All, ..ExposeConfig::default() };
    let config =
        DnsConfig { cookie_secrets: vec![[5; 16]], expose, ..DnsConfig::on(Vec::new(), 1) };
    let scene = Scene {
        client: CLIENT,
        transport,
        admission: Admission::Welcome,
        unix_seconds: NOW,
        rules: &Rules::new(&config),
        table,
        reports: &Reports::default(),
    };
    let (said, _) = slow::respond(octets, scene, &mut rng, &mut out).unwrap();
    (out, said)
}

/// A reply in a form that can be compared: the records of a section in no order, names in lower
/// case, header and question octet for octet.
fn comparable(reply: &[u8], question_end: usize) -> (Vec<u8>, Vec<String>, Option<String>) {
    let message = Message::from_vec(reply).expect("a reply is a message");
    let shown = |section: &str, records: &[Record]| {
        let mut shown: Vec<_> =
            records.iter().map(|record| format!("{section} {record}").to_lowercase()).collect();
        shown.sort();
        shown
    };
    let records = [
        shown("answer", &message.answers),
        shown("authority", &message.authorities),
        shown("additional", &message.additionals),
    ];
    let edns = message.edns.as_ref().map(|edns| {
        let options = edns.options();
        format!("{} {:?} {options:?}", edns.max_payload(), edns.flags())
    });
    (reply[..question_end].to_vec(), records.concat(), edns)
}

/// Names of every kind, and with a few changes.
fn any_name() -> impl Strategy<Value = String> {
    let known = prop::sample::select(vec![
        "internal",
        "db-write.internal",
        "db-read.internal",
        "x.y.db-read.internal",
        "y.db-read.internal",
        "ns1.internal",
        "deep.internal",
        "host.deep.internal",
        "alias.internal",
        "toserved.internal",
        "a.wild.internal",
        "wild.internal",
        "a.b.wild.internal",
        "hollow.internal",
        "a.hollow.internal",
        "child.internal",
        "a.child.internal",
        "ns.child.internal",
        "b.ns.child.internal",
        "nobody.internal",
        "a.nobody.internal",
        "_status.db-read.internal",
        "a._tcp.db-read.internal",
        "_x.internal",
        "db1.internal",
        "a.db2.internal",
        "orders.internal",
        "_events.orders.internal",
        "_why.db3.internal",
        "_why.internal",
        "_postgresql._tcp.db-read.internal",
        "_tcp.db-write.internal",
        "elsewhere",
        "internal.elsewhere",
        "",
        "a.db-write.internal",
        "a.ns1.internal",
        "db1.internal",
        "orders.internal",
        "a.db2.internal",
        "_tcp.db-write.internal",
        "_postgresql._tcp.db-read.internal",
        "_events.orders.internal",
    ]);
    let prefix = prop::sample::select(vec!["", "", "", "", "a.", "*.", "_why.", "long-label."]);
    (prefix, known, any::<u64>()).prop_map(|(prefix, name, case)| {
        let letters = format!("{prefix}{name}");
        let cased = letters.chars().enumerate().map(|(index, letter)| match case >> (index % 64) {
            bits if bits & 1 == 1 => letter.to_ascii_uppercase(),
            _ => letter,
        });
        cased.collect()
    })
}

/// Mostly the types that clients ask for.
fn any_type() -> impl Strategy<Value = u16> {
    prop_oneof![
        6 => prop::sample::select(vec![1_u16, 28, 6, 2, 16, 33, 43, 255]),
        1 => any::<u16>().prop_filter("meta types need messages of their own", |kind| {
            !matches!(kind, 41 | 249..=252)
        }),
    ]
}

/// Any OPT record that is whole, with or without a cookie, or none.
fn any_opt() -> impl Strategy<Value = Option<Vec<u8>>> {
    let sizes = prop::sample::select(vec![0_u16, 12, 511, 512, 600, 1232, 4096, 65535]);
    let valid = Cookies::new(&[[5; 16]]).server_cookie([1; 8], CLIENT, NOW - 60);
    let cookies = prop::sample::select(vec![
        vec![],
        vec![1; 8],
        vec![1; 9],
        vec![1; 24],
        [vec![1; 8], valid.to_vec()].concat(),
    ]);
    let some = (sizes, any::<bool>(), cookies).prop_map(|(size, dnssec_ok, cookie)| {
        let mut opt = vec![0, 0, 41];
        opt.extend_from_slice(&size.to_be_bytes());
        opt.extend_from_slice(&[0, 0, if dnssec_ok { 0x80 } else { 0 }, 0, 0]);
        let octets = u8::try_from(cookie.len()).unwrap();
        if cookie.is_empty() {
            opt.push(0);
        } else {
            opt.extend_from_slice(&[4 + octets, 0, 10, 0, octets]);
        }
        opt.extend(cookie);
        Some(opt)
    });
    prop_oneof![Just(None), some]
}

fn octets(name: &str, record_type: u16, flags: (u8, u8), opt: Option<&[u8]>) -> Vec<u8> {
    let mut octets =
        vec![0x12, 0x34, flags.0, flags.1, 0, 1, 0, 0, 0, 0, 0, u8::from(opt.is_some())];
    for label in name.split('.').filter(|label| !label.is_empty()) {
        octets.push(u8::try_from(label.len()).unwrap());
        octets.extend_from_slice(label.as_bytes());
    }
    octets.push(0);
    octets.extend_from_slice(&record_type.to_be_bytes());
    octets.extend_from_slice(&[0, 1]);
    octets.extend_from_slice(opt.unwrap_or_default());
    octets
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn both_paths_reply_the_same(
        table in prop::sample::select(sample::tables()),
        name in any_name(),
        record_type in any_type(),
        opt in any_opt(),
        flags in prop::sample::select(vec![(0, 0), (1, 0), (1, 0x30), (0, 0x20)]),
        by_udp in any::<bool>(),
    ) {
        let query = octets(&name, record_type, flags, opt.as_deref());
        if let Some((fast, counted)) = by_fast(&query, &table, by_udp) {
            let question_end = query.len() - opt.map_or(0, |opt| opt.len());
            let (slow, counted_slow) = by_slow(&query, &table, by_udp);
            prop_assert_eq!(counted, counted_slow);
            prop_assert_eq!(comparable(&fast, question_end), comparable(&slow, question_end));
        }
    }
}

/// The names and types that the fast path is for do take it.
#[test]
fn what_is_common_takes_the_fast_path() {
    let table = sample::table(&healthy());
    let opt = [0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0];
    for (name, record_type) in [
        ("db-write.internal", 1),
        ("db-read.internal", 1),
        ("db-read.internal", 28),
        ("db-write.internal", 28),
        ("db-write.internal", 65),
        ("internal", 6),
        ("nobody.internal", 1),
        ("deep.internal", 1),
        ("elsewhere", 1),
    ] {
        for opt in [None, Some(&opt[..])] {
            let query = octets(name, record_type, (1, 0), opt);
            assert!(by_fast(&query, &table, true).is_some(), "{name} {record_type}");
        }
    }
}

/// 29 addresses fit into 512 octets, 30 do not.
#[test]
fn what_does_not_fit_is_left_to_the_slow_path() {
    let many: Vec<_> = (0..30).map(|last| format!("192.0.2.{last}")).collect();
    for (count, fits) in [(29, true), (30, false)] {
        let addresses: Vec<_> = many[..count].iter().map(String::as_str).collect();
        let many = sample::server("many", &addresses);
        let table = sample::table_of_replica(many);
        let query = octets("db-read.internal", 1, (1, 0), None);
        assert_eq!(by_fast(&query, &table, true).is_some(), fits, "{count}");
        assert!(by_fast(&query, &table, false).is_some(), "by TCP");
    }
}
