//! Pools and names at their limits, from the configuration to the wire.

use std::{ffi::OsString, io, net::IpAddr, path::Path, sync::Arc};

use hickory_proto::rr::RecordType;
use pointsman::{
    answers::{ClusterAnswers, Layout, Serial, build},
    config::{Config, DnsConfig, Sources},
    dns::{DnsServer, bind},
    engine::{Decision, ReadReason, Stability, WriteReason},
    publish::{Publisher, Snapshot},
};

use super::{
    AA, FORMERR, NOERROR, NXDOMAIN, QR, RD, TC,
    client::{Ask, Reply, ask, header, udp},
    fixture::{read, write},
};

/// Octets of the longest name, its root included (RFC 1035 section 3.1).
const NAME_MAX: usize = 255;

/// Servers of a read pool.
const POOLS: [u8; 8] = [0, 1, 2, 15, 29, 30, 100, 255];

/// Octets of a record under a name that the question holds already: pointer, type, class, TTL,
/// length and address.
fn record_size(family: RecordType) -> usize {
    12 + if family == RecordType::A { 4 } else { 16 }
}

/// A label of so many octets.
fn label(letter: &str, length: usize) -> String {
    letter.repeat(length)
}

/// Four labels above `internal.` that make a name of 255 octets.
fn longest(letter: &str) -> String {
    let long = label(letter, 63);
    let rest = NAME_MAX - 3 * 64 - "\x08internal\0".len() - 1;
    format!("{long}.{long}.{long}.{}.internal.", label(letter, rest))
}

/// A cluster of so many servers behind these two names of `origin`.
fn config(origin: &str, write: &str, read: &str, servers: u8) -> Config {
    let mut text = format!(
        "[[zone]]\norigin = \"{origin}\"\nfile = \"a.zone\"\n\
         [[cluster]]\nname = \"{}\"\nengine = \"postgres\"\n\
         write = {{ name = \"{write}\" }}\nread = [{{ name = \"{read}\" }}]\n\
         probe = {{ user = \"pointsman\" }}\n",
        label("c", 63)
    );
    for number in 1..=servers.max(1) {
        let name = format!("{number:03}{}", label("s", 60));
        text += &format!(
            "[[cluster.server]]\nname = \"{name}\"\n\
             address = [\"10.0.0.{number}\", \"fd00::{number}\"]\n"
        );
    }
    Config::from_text(&text, Path::new("limits.toml"), &OneZone)
        .unwrap_or_else(|error| panic!("{error}"))
}

/// The one file that the configurations name. Its names are as short as can be.
struct OneZone;

impl Sources for OneZone {
    fn read(&self, _: &Path) -> io::Result<Vec<u8>> {
        Ok(b"@ 60 SOA n h 1 3600 600 86400 5\n@ NS n\nn A 192.0.2.1\n".into())
    }

    fn variable(&self, _: &str) -> Option<OsString> {
        None
    }
}

/// Serves `config` with its first server for writes and so many of them for reads.
fn serve(listen: &str, config: &Config, reading: u8) -> DnsServer {
    let cluster = &config.clusters[0];
    let decision = Decision {
        write: Some(write(Some(0), WriteReason::Primary)),
        reads: vec![read(0..usize::from(reading), ReadReason::Eligible)],
        stability: Stability::Stable,
    };
    let layout = Layout::new(&config.zones, cluster.names.clone()).expect("the names have places");
    let listing = cluster.listing();
    let answers = ClusterAnswers {
        name: &listing.name,
        servers: &listing.servers,
        decision: &decision,
        overrides: &[],
    };
    let table = build(&Arc::new(layout), &[answers], 1, Serial::MIN);
    let publisher = Publisher::new(Snapshot::from(table));
    let listen = vec![format!("{listen}:0").parse().expect("an address")];
    bind(&DnsConfig::on(listen, 1), &publisher.reader()).expect("a loopback address")
}

/// The address of the server with this number.
fn address(number: u8, family: RecordType) -> String {
    let address: IpAddr = if family == RecordType::A {
        [10, 0, 0, number].into()
    } else {
        format!("fd00::{number}").parse().expect("an address")
    };
    address.to_string()
}

/// Every address of the pool once, or none at all and TC where they have no room.
fn assert_pool(reply: &Reply, pool: u8, family: RecordType, room: usize, overhead: usize) {
    let fits = overhead + usize::from(pool) * record_size(family) <= room;
    assert!(reply.octets.len() <= room, "{} octets for {room}", reply.octets.len());
    let context = format!("{pool} times {family} in {room} octets");
    assert_eq!(reply.flags(), QR | AA | RD | if fits { 0 } else { TC }, "{context}");
    let mut answers = reply.answers();
    answers.sort();
    let mut expected: Vec<_> = (1..=pool).map(|number| address(number, family)).collect();
    expected.sort();
    assert_eq!(answers, if fits { expected } else { Vec::new() }, "{context}");
    // Only an empty pool is a negative answer.
    assert_eq!(reply.counts().1, usize::from(pool == 0), "{context}");
}

#[tokio::test]
async fn a_pool_of_any_size_is_answered_whole_or_not_at_all() {
    for pool in POOLS {
        for (name, listen) in [("r.internal.", "127.36.0.1"), (&*longest("r"), "127.36.0.2")] {
            let config = config("internal.", "w.internal.", name, pool);
            let server = serve(listen, &config, pool);
            let address = server.local_addresses()[0];
            for family in [RecordType::A, RecordType::AAAA] {
                let plain = ask(name, family);
                let overhead = 12 + plain.question().len();
                let reply = plain.udp(address).await;
                assert_pool(&reply, pool, family, 512, overhead);
                for size in [512, 1231, 1232, 65_535] {
                    let reply = plain.clone().edns(size).udp(address).await;
                    let room = usize::from(size.min(1232));
                    assert_pool(&reply, pool, family, room, overhead + 11);
                }
                let reply = plain.tcp(address).await;
                assert_pool(&reply, pool, family, 65_535, overhead);
            }
            server.shutdown().await;
        }
    }
}

/// One octet less than a reply needs is too little, and what it needs is enough.
#[tokio::test]
async fn the_last_octet_of_room_is_used() {
    for pool in [29, 30, 74] {
        let config = config("internal.", "w.internal.", "r.internal.", pool);
        let server = serve("127.36.0.3", &config, pool);
        let question = ask("r.internal.", RecordType::A);
        let overhead = 12 + question.question().len() + 11;
        let needed = u16::try_from(overhead + usize::from(pool) * 16).expect("some hundred");
        for size in [needed - 1, needed] {
            let reply = question.clone().edns(size).udp(server.local_addresses()[0]).await;
            let room = usize::from(size.max(512));
            assert_pool(&reply, pool, RecordType::A, room, overhead);
        }
        server.shutdown().await;
    }
}

/// Names of 255 octets, of labels of 63, and of as many labels as a name can have; the questions in
/// capitals.
#[tokio::test]
async fn the_longest_names_are_served() {
    let most_labels = format!("{}internal.", "m.".repeat(122));
    let config = config("internal.", &longest("w"), &most_labels, 2);
    let server = serve("127.36.0.4", &config, 2);
    let address = server.local_addresses()[0];
    for (name, count) in [(longest("w"), 1), (most_labels, 2)] {
        for question in [ask(&name, RecordType::A), ask(&name.to_uppercase(), RecordType::A)] {
            for reply in [question.udp(address).await, question.tcp(address).await] {
                assert_eq!((reply.flags(), reply.counts()), (QR | AA | RD, (count, 0, 0)));
                let asked = question.question();
                assert_eq!(reply.octets[12..12 + asked.len()], asked, "the question as sent");
            }
            let nodata = ask(&name, RecordType::MX).udp(address).await;
            assert_eq!((nodata.code(), nodata.counts()), (NOERROR, (0, 1, 0)));
        }
        // Every name between it and the apex exists.
        let (_, above) = name.split_once('.').expect("labels");
        let empty = ask(above, RecordType::A).udp(address).await;
        assert_eq!((empty.code(), empty.counts()), (NOERROR, (0, 1, 0)), "{above}");
    }
    let unknown = ask(&longest("x"), RecordType::A).edns(512).udp(address).await;
    assert_eq!((unknown.code(), unknown.counts()), (NXDOMAIN, (0, 1, 0)));
}

/// In a zone with a long name, what is derived from its names has no room: the service names
/// before the write name, the names of the servers. That is no reason not to serve the others.
#[tokio::test]
async fn a_zone_of_the_longest_name_is_served() {
    let long = label("z", 63);
    // What is left holds the one letter of the shortest names.
    let origin = format!("{long}.{long}.{long}.{}.", label("z", NAME_MAX - 3 * 64 - 1 - 1 - 2));
    let (write, read) = (format!("w.{origin}"), format!("r.{origin}"));
    assert_eq!(write.len() + 1, NAME_MAX);
    let config = config(&origin, &write, &read, 2);
    let server = serve("127.36.0.5", &config, 2);
    let address = server.local_addresses()[0];
    for (name, record_type, counts) in [
        (&write, RecordType::A, (1, 0, 0)),
        (&read, RecordType::AAAA, (2, 0, 0)),
        (&read, RecordType::TXT, (0, 1, 0)),
        (&origin, RecordType::SOA, (1, 0, 0)),
        (&origin, RecordType::A, (0, 1, 0)),
    ] {
        let question = ask(name, record_type).edns(1232);
        for reply in [question.udp(address).await, question.tcp(address).await] {
            assert_eq!((reply.code(), reply.counts()), (NOERROR, counts), "{name} {record_type}");
        }
    }
    let unknown = ask(&format!("x.{origin}"), RecordType::A).edns(1232).udp(address).await;
    assert_eq!((unknown.code(), unknown.counts()), (NXDOMAIN, (0, 1, 0)));
}

/// A name of one octet too many, and a label of one octet too many, which is the mark of something
/// else.
#[tokio::test]
async fn names_beyond_the_limits_are_no_questions() {
    let config = config("internal.", &longest("w"), "r.internal.", 1);
    let server = serve("127.36.0.6", &config, 1);
    let address = server.local_addresses()[0];
    let with_name = |labels: &[usize]| {
        let mut octets = header(0x4711, RD, [1, 0, 0, 0]);
        for &length in labels {
            octets.push(u8::try_from(length).expect("an octet"));
            octets.extend(vec![b'w'; length]);
        }
        octets.extend(b"\x08internal\0\0\x01\0\x01");
        octets
    };
    let longest = udp(address, &with_name(&[63, 63, 63, 52])).await.expect("a reply");
    assert_eq!(Reply::parse(longest).counts(), (1, 0, 0));
    for labels in [&[63, 63, 63, 53][..], &[63, 63, 63, 51, 1], &[64], &[127], &[1; 123]] {
        let reply = Reply::parse(udp(address, &with_name(labels)).await.expect("a reply"));
        assert_eq!((reply.code(), reply.counts()), (FORMERR, (0, 0, 0)), "{labels:?}");
    }
    let good: Ask = ask("r.internal.", RecordType::A);
    assert_eq!(good.udp(address).await.counts(), (1, 0, 0));
}
