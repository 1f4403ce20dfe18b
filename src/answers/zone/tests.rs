//! Zone files in, records or faults out.

use hickory_proto::rr::{LowerName, Name, RData, RecordType};
use proptest::prelude::*;

use super::Zone;

const HEAD: &str =
    "$TTL 60\n@ 1 SOA ns1 hostmaster 1 3600 600 86400 1\n@ NS ns1\nns1 A 10.0.0.53\n";

fn origin() -> Name {
    Name::from_ascii("internal.").expect("a name")
}

fn zone(rest: &str) -> Zone {
    Zone::parse(&format!("{HEAD}{rest}"), &origin()).expect("a zone without faults")
}

fn lower(name: &str) -> LowerName {
    LowerName::new(&Name::from_ascii(name).expect("a name"))
}

/// The data of one record set, as texts.
fn data(zone: &Zone, name: &str, kind: RecordType) -> Vec<String> {
    zone.records(&lower(name))
        .and_then(|sets| sets.get(&kind))
        .map(|set| set.iter().map(|record| record.data.to_string()).collect())
        .unwrap_or_default()
}

#[test]
fn the_usual_shapes_are_read() {
    let zone = zone(concat!(
        "www\tIN 30 A 10.0.0.80 ; comment\n",
        "    30 IN A 10.0.0.81\r\n",
        "WWW AAAA fd00::80\n",
        "alias CNAME www\n",
        "self CNAME @\n",
        "$ORIGIN sub\n",
        "a A 10.0.0.1\n",
        "$ORIGIN internal.\n",
        "*.wild TXT ( \"two words\" ; comment\n  \"and ; \\\"these\\\" \\065\" )\n",
        "_x._tcp SRV 0 5 5432 www",
    ));
    assert_eq!(data(&zone, "www.internal.", RecordType::A), ["10.0.0.80", "10.0.0.81"]);
    assert_eq!(data(&zone, "www.internal.", RecordType::AAAA), ["fd00::80"]);
    assert_eq!(data(&zone, "self.internal.", RecordType::CNAME), ["internal."]);
    assert_eq!(data(&zone, "a.sub.internal.", RecordType::A), ["10.0.0.1"]);
    assert_eq!(data(&zone, "_x._tcp.internal.", RecordType::SRV), ["0 5 5432 www.internal."]);
    let wild = zone.records(&lower("*.wild.internal.")).expect("records");
    let RData::TXT(text) = &wild[&RecordType::TXT][0].data else {
        panic!("{wild:?}");
    };
    let texts: Vec<&[u8]> = text.txt_data.iter().map(AsRef::as_ref).collect();
    assert_eq!(texts, [&b"two words"[..], b"and ; \"these\" A"]);
}

#[test]
fn the_apex_is_known() {
    let zone = zone("");
    assert_eq!(zone.origin(), &lower("internal."));
    let (soa, ttl) = zone.soa();
    assert_eq!((soa.minimum, ttl), (1, 1));
    assert_eq!(soa.mname.to_string(), "ns1.internal.");
    assert_eq!(data(&zone, "internal.", RecordType::NS), ["ns1.internal."]);
    assert_eq!(zone.names().collect::<Vec<_>>(), [&lower("internal."), &lower("ns1.internal.")]);
}

#[test]
fn a_set_has_one_ttl_and_no_duplicates() {
    let zone = zone("x 30 A 10.0.0.1\nx 20 A 10.0.0.2\nX.internal. 40 A 10.0.0.1\n");
    let set = &zone.records(&lower("x.internal.")).expect("records")[&RecordType::A];
    assert_eq!(set.len(), 2);
    assert!(set.iter().all(|record| record.ttl == 20), "{set:?}");
}

#[test]
fn an_omitted_ttl_is_the_default_or_the_last_one() {
    let text =
        "@ 5 SOA ns1 h 1 2 3 4 5\n@ NS ns1\nns1 7 A 10.0.0.1\nx A 10.0.0.2\n$TTL 9\ny A 10.0.0.3\n";
    let zone = Zone::parse(text, &origin()).expect("a zone");
    let ttl = |name: &str| zone.records(&lower(name)).expect("records")[&RecordType::A][0].ttl;
    assert_eq!((ttl("ns1.internal."), ttl("x.internal."), ttl("y.internal.")), (7, 7, 9));
}

#[test]
fn an_include_reads_no_file() {
    let faults =
        Zone::parse(&format!("{HEAD}$INCLUDE /etc/passwd\n"), &origin()).expect_err("a fault");
    assert_eq!(faults.len(), 1);
    assert_eq!(
        faults[0].to_string(),
        "5:1: `$INCLUDE` is not supported; copy the records into this file"
    );
}

/// Pieces of master files, so that random files get deep into the reader.
fn pieces() -> impl Strategy<Value = String> {
    let words = prop::sample::select(vec![
        "@",
        "$TTL",
        "$ORIGIN",
        "$INCLUDE",
        " ",
        "\t",
        "\n",
        "(",
        ")",
        "\"",
        ";",
        "\\",
        "\\065",
        "1",
        "60",
        "1h",
        "IN",
        "CH",
        "A",
        "AAAA",
        "SOA",
        "NS",
        "TXT",
        "CNAME",
        "MX",
        "SRV",
        "CAA",
        "NAPTR",
        "SVCB",
        "HTTPS",
        "TLSA",
        "CERT",
        "CSYNC",
        "SSHFP",
        "HINFO",
        "OPENPGPKEY",
        "10.0.0.1",
        "fd00::1",
        "ns1",
        "internal.",
        "..",
        "*",
        "é",
        "alpn=h2",
        "ipv4hint=1.2.3.4",
        "0",
        "\r\n",
        "999999999999",
        "AAAA=",
    ]);
    prop::collection::vec(words, 0..60).prop_map(|words| words.join(" "))
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        _ = Zone::parse(&String::from_utf8_lossy(&bytes), &origin());
    }

    #[test]
    fn arbitrary_pieces_never_panic(text in pieces()) {
        _ = Zone::parse(&text, &origin());
        _ = Zone::parse(&format!("{HEAD}x {text}"), &origin());
    }
}

/// The faults of the usual zone with these lines behind it.
fn faults(rest: &str) -> Vec<String> {
    let faults = Zone::parse(&format!("{HEAD}{rest}"), &origin()).expect_err("a fault");
    faults.iter().map(ToString::to_string).collect()
}

#[test]
fn a_broken_escape_is_placed_at_its_backslash() {
    let advice = "write three digits from \\000 to \\127, or one character that is no digit";
    for (text, column, what) in [
        ("x TXT \"a\\", 9, "nothing follows `\\`"),
        ("x TXT \"a\\1", 9, "`\\1` is no usable octet"),
        ("x TXT \"a\\12\"", 9, "`\\12` is no usable octet"),
        ("x TXT \"\\1é9\"", 8, "`\\1` is no usable octet"),
        ("x TXT \"\\999\"", 8, "`\\999` is no usable octet"),
    ] {
        assert_eq!(faults(text), [format!("5:{column}: {what}; {advice}")], "{text}");
    }
}

#[test]
fn control_characters_are_written_out_in_faults() {
    let advice = "write `name TTL type data`, as in `www 60 A 10.0.0.80`";
    let what = "`\\u{1b}[2J\\n` is not a record type";
    assert_eq!(faults("x \"\x1b[2J\\010\" y\n"), [format!("5:3: {what}; {advice}")]);
}

#[test]
fn a_set_that_no_message_can_hold_is_refused() {
    let records = |count: u16| -> String {
        let record = |number: u16| {
            let [high, low] = number.to_be_bytes();
            format!("pool A 10.0.{high}.{low}\n")
        };
        (0..count).map(record).collect()
    };
    // 29 octets each: owner 15, type to length 10, address 4.
    assert_eq!(data(&zone(&records(2232)), "pool.internal.", RecordType::A).len(), 2232);
    let what = "the A records of `pool.internal.` take 64757 octets; a reply holds 64752";
    assert_eq!(faults(&records(2233)), [format!("5:1: {what}; remove some of them")]);
    // Far more of them are not compared with each other.
    assert_eq!(faults(&records(u16::MAX)).len(), 1);
}

#[test]
fn unusual_names_are_read() {
    let zone = zone(concat!(
        "_dmarc TXT \"v=DMARC1; p=none\"\nxn--bro-hoa A 10.0.0.1\n",
        "UPPER A 10.0.0.2\na\\.b A 10.0.0.3\n",
    ));
    let names: Vec<String> = zone.names().map(|name| name.to_ascii()).collect();
    assert_eq!(
        names,
        [
            "internal.",
            "_dmarc.internal.",
            "a\\.b.internal.",
            "ns1.internal.",
            "upper.internal.",
            "xn--bro-hoa.internal."
        ]
    );
}
