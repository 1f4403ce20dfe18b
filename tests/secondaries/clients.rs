//! Transfers to the clients that people use by hand, and to those that mean no good.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    process::Output,
    time::{Duration, Instant},
};

use crate::{
    account::Account,
    primary::{EXPIRE, Primary, READ, SECRET, Setup, WRITE, ZONE},
    story::name,
};

/// Names in a large zone.
const NAMES: usize = 20_000;

pub(crate) fn told(program: &str, arguments: &[&str]) -> String {
    let mut command = Account::current().command(program);
    let Output { stdout, stderr, .. } =
        command.args(arguments).output().unwrap_or_else(|error| panic!("{program}: {error}"));
    String::from_utf8_lossy(&[stdout, stderr].concat()).into_owned()
}

fn key(algorithm: &str, secret: &str) -> String {
    format!("{algorithm}:xfr.db.internal:{secret}")
}

/// Waits until a signed transfer has the names: the first serials are of a zone whose names are not all
/// decided, and nobody gets those.
fn wait_for_transfers(primary: &Primary) {
    let (at, port) = (format!("@{}", primary.address().ip()), primary.address().port().to_string());
    let right = key("hmac-sha256", SECRET);
    crate::patience::until("the zone is transferred", || {
        told("kdig", &[&at, "-p", &port, "+tcp", ZONE, "AXFR", "-y", &right]).contains(READ)
    });
}

/// What kdig and dig tell of a transfer, with their verdict of its signatures.
#[test]
fn kdig_and_dig_take_what_they_may_have() {
    let mut primary = Primary::new(Setup { number: 6, has_key: true, ..Setup::default() });
    primary.start();
    let (ip, port) = (primary.address().ip().to_string(), primary.address().port().to_string());
    let at = format!("@{ip}");
    let right = key("hmac-sha256", SECRET);
    wait_for_transfers(&primary);
    let serial = primary.client().serial(&name(ZONE));
    primary.pin(2);
    let wrong = key("hmac-sha256", "YW5vdGhlciBzZWNyZXQgb2YgdGhlIHNhbWUgbGVuZ3Q=");
    let other = key("hmac-sha512", SECRET);
    let ixfr = format!("IXFR={serial}");
    let ask = |program: &str, kind: &str, key: Option<&str>| {
        let mut arguments = vec![&*at, "-p", &port, "+tcp", ZONE, kind];
        arguments.extend(key.into_iter().flat_map(|key| ["-y", key]));
        told(program, &arguments)
    };
    for program in ["kdig", "dig"] {
        let whole = ask(program, "AXFR", Some(&right));
        assert_eq!(whole.matches("SOA").count(), 2, "{program}: {whole}");
        let address = primary.server(2).to_string();
        for part in ["www.db.internal.", WRITE, "db3.db.internal.", &address] {
            assert!(whole.contains(part), "{program}: no {part} in {whole}");
        }
        let changes = ask(program, &ixfr, Some(&right));
        assert!(changes.contains(&primary.server(1).to_string()), "{program}: {changes}");
        assert!(!changes.contains("www"), "{program}: {changes}");
        for (told, bad) in
            [(&whole, "BAD"), (&changes, "BAD"), (&whole, "WARNING: T"), (&changes, "WARNING: T")]
        {
            assert!(!told.contains(bad), "{program}: {told}");
        }
        for key in [None, Some(&*wrong), Some(&*other)] {
            let refused = ask(program, "AXFR", key);
            assert!(!refused.contains("www"), "{program} {key:?}: {refused}");
        }
    }
    let refused = ask("kdig", "AXFR", None);
    assert!(refused.contains("REFUSED"), "{refused}");
    // RFC 7314: for how long a copy is good.
    let soa = told("dig", &[&at, "-p", &port, "+expire", "+norecurse", ZONE, "SOA"]);
    assert!(soa.contains(&format!("EXPIRE: {EXPIRE}")), "{soa}");
    let bad = ask("kdig", "AXFR", Some(&wrong));
    assert!(bad.contains("NOTAUTH") || bad.contains("BADSIG"), "{bad}");
}

/// The whole zone and its changes as dnspython reads them, which checks each signature.
#[test]
fn dnspython_takes_signed_transfers() {
    let mut primary =
        Primary::new(Setup { number: 7, has_key: true, names: NAMES, ..Setup::default() });
    primary.start();
    wait_for_transfers(&primary);
    let script = format!(
        r#"
import dns.versioned, dns.xfr, dns.query, dns.tsig, dns.name, dns.rdatatype, dns.message
key = dns.tsig.Key("xfr.db.internal.", "{SECRET}", "hmac-sha256")
ring = {{key.name: key}}
zone = dns.versioned.Zone("{ZONE}")
def transfer():
    query, serial = dns.xfr.make_query(zone, keyring=ring)
    dns.query.inbound_xfr("{ip}", zone, query, port={port})
    with zone.reader() as txn:
        return txn.get("@", "SOA")[0].serial
first = transfer()
print("names", len(zone.nodes), "serial", first)
print("again", transfer() == first)
"#,
        ip = primary.address().ip(),
        port = primary.address().port(),
    );
    let told = told("/usr/bin/python3", &["-c", &script]);
    let count = told.split_whitespace().nth(1).and_then(|count| count.parse::<usize>().ok());
    assert!(count.is_some_and(|count| count > NAMES), "{told}");
    assert!(told.contains("again True"), "{told}");
}

/// `ZONE AXFR` as a question of its own, with its length.
fn axfr() -> Vec<u8> {
    let mut octets = vec![0, 0, 0x12, 0x34, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    octets.extend(b"\x02db\x08internal\0\0\xfc\0\x01");
    let length = u8::try_from(octets.len() - 2).expect("a short question");
    octets[1] = length;
    octets
}

fn asked(at: SocketAddr) -> TcpStream {
    let mut stream = TcpStream::connect(at).expect("the primary accepts");
    stream.set_read_timeout(Some(Duration::from_secs(10))).expect("a timeout can be set");
    stream.write_all(&axfr()).expect("a question can be sent");
    stream
}

/// The messages of a transfer until the stream pauses or ends: how many octets.
fn octets_of(mut stream: TcpStream) -> usize {
    let mut all = 0;
    let mut length = [0; 2];
    while stream.read_exact(&mut length).is_ok() {
        let mut message = vec![0; usize::from(u16::from_be_bytes(length))];
        stream.read_exact(&mut message).expect("a message is whole");
        assert!(message.len() <= 16 * 1024, "{}", message.len());
        all += message.len();
        // The last record is the SOA, again.
        if message.len() < 15_000 {
            break;
        }
    }
    all
}

/// Twenty who ask for the whole and do not read it: others are answered, changes go on, and whoever reads gets all.
#[test]
fn who_does_not_read_harms_nobody() {
    let mut primary = Primary::new(Setup { number: 8, names: NAMES, ..Setup::default() });
    primary.start();
    crate::patience::until("the zone is transferred", || {
        octets_of(asked(primary.address())) > NAMES * 20
    });
    let deaf: Vec<_> = (0..20).map(|_| asked(primary.address())).collect();
    let mut client = primary.client();
    let start = Instant::now();
    for _ in 0..200 {
        let answer = client.addresses(&name(WRITE)).expect("an answer within a second");
        assert!(!answer.addresses.is_empty());
    }
    println!("200 questions beside deaf transfers: {:?}", start.elapsed());
    primary.pin(2);
    crate::patience::until("a change is answered", || {
        let answer = client.addresses(&name(WRITE));
        answer.is_some_and(|answer| answer.addresses == [primary.server(2)])
    });
    drop(deaf);
    let whole = octets_of(asked(primary.address()));
    assert!(whole > NAMES * 20, "{whole}");
}
