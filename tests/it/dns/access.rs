//! Who is answered, and how often.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
};

use hickory_proto::rr::RecordType;
use pointsman::{
    config::{DnsConfig, Networks, RateLimitConfig},
    dns::{Responder, Rules, Transport},
};

use super::{
    FORMERR, REFUSED, TC,
    client::{Reply, ask},
    fixture::Fixture,
};

/// One reply per second and one in `slip` of the others, for those who are not in `exempt`.
fn limited(listen: &str, slip: u32, exempt: Networks) -> DnsConfig {
    let mut config = DnsConfig::on(vec![format!("{listen}:0").parse().expect("an address")], 2);
    config.rate_limit =
        RateLimitConfig { responses_per_second: 1, slip, exempt, ..RateLimitConfig::default() };
    config
}

fn option_of(data: &[u8]) -> Vec<u8> {
    let length = u8::try_from(data.len()).expect("a cookie");
    [&[0, 10, 0, length], data].concat()
}

/// A client that is real goes on by TCP, or shows the cookie that came with the truncated reply.
#[tokio::test]
async fn over_the_limit_a_real_client_is_still_served() {
    let fixture = Fixture::with(&limited("127.32.0.1", 1, Networks::Nobody));
    let plain = ask("db-write.internal.", RecordType::A);
    let mut cookie = vec![7; 8];
    for _ in 0..20 {
        let reply = plain.clone().opt(1232, 0, &option_of(&[7; 8])).udp(fixture.address).await;
        if reply.flags() & TC != 0 {
            assert_eq!(reply.counts(), (0, 0, 0));
            cookie = reply.option(10).expect("a cookie");
            break;
        }
        assert_eq!(reply.answers(), ["127.0.1.1"]);
    }
    assert_eq!(cookie.len(), 24, "twenty queries at once stayed within one per second");
    for _ in 0..20 {
        assert_eq!(plain.tcp(fixture.address).await.answers(), ["127.0.1.1"]);
        let known = plain.clone().opt(1232, 0, &option_of(&cookie));
        assert_eq!(known.udp(fixture.address).await.answers(), ["127.0.1.1"]);
    }
}

/// How many of `count` queries from `client` are answered, truncated and dropped.
fn tally(config: &DnsConfig, fixture: &Fixture, client: &str, count: usize) -> [usize; 3] {
    let rules = Arc::new(Rules::new(config));
    let mut responder = Responder::new(fixture.publisher.reader(), rules);
    let client: SocketAddr = client.parse().expect("an address");
    let query = ask("db-write.internal.", RecordType::A).octets();
    let mut tally = [0; 3];
    for _ in 0..count {
        let mut reply = Vec::new();
        let is_due = responder.turn().respond(&query, client, Transport::Udp, &mut reply);
        let outcome = match is_due {
            true if Reply::parse(reply).flags() & TC == 0 => 0,
            true => 1,
            false => 2,
        };
        tally[outcome] += 1;
    }
    tally
}

#[tokio::test]
async fn of_what_is_over_the_limit_one_in_so_many_is_sent() {
    let fixture = Fixture::start("127.32.0.2");
    let config = limited("127.32.0.2", 4, Networks::Nobody);
    let [answered, truncated, dropped] = tally(&config, &fixture, "192.0.2.1:53", 401);
    // One, and one more for each second that the machine may have taken.
    assert!((1..=20).contains(&answered), "{answered}");
    assert!(truncated.abs_diff(100) <= 20, "{truncated} truncated");
    assert_eq!(answered + truncated + dropped, 401);
}

#[tokio::test]
async fn exempt_networks_are_never_limited() {
    let fixture = Fixture::start("127.32.0.3");
    let config = limited("127.32.0.3", 1, Networks::local());
    for client in ["127.0.0.1:53", "10.1.2.3:53", "[::1]:53", "[::ffff:10.1.2.3]:53"] {
        assert_eq!(tally(&config, &fixture, client, 100), [100, 0, 0], "{client}");
    }
    let [answered, truncated, _] = tally(&config, &fixture, "192.0.2.1:53", 100);
    assert!(answered < 50 && truncated > 50, "{answered} answered");
}

/// Refusals are replies like all others: who is not in `allow_query` gets no more of them than a
/// second allows, whatever the message is, so that nobody makes us send to a forged source.
#[tokio::test]
async fn refusals_are_limited_too_whatever_the_message_is() {
    let fixture = Fixture::start("127.32.0.13");
    let whole = ask("db-write.internal.", RecordType::A).octets();
    let cut = whole[..whole.len() - 1].to_vec();
    let unknown_opcode = [&whole[..2], &[0x28, 0], &whole[4..]].concat();
    for (query, code) in [(&whole, REFUSED), (&cut, FORMERR), (&unknown_opcode, REFUSED)] {
        let allow_query = Networks::Nobody;
        let config = DnsConfig { allow_query, ..limited("127.32.0.13", 1, Networks::Nobody) };
        let mut responder =
            Responder::new(fixture.publisher.reader(), Arc::new(Rules::new(&config)));
        let mut codes = |transport| {
            let mut codes = Vec::new();
            for _ in 0..400 {
                let mut reply = Vec::new();
                if responder.turn().respond(query, STRANGER, transport, &mut reply) {
                    codes.push(Reply::parse(reply).code());
                }
            }
            codes
        };
        // One, and one more for each second that the machine may have taken.
        let by_udp = codes(Transport::Udp);
        assert!((1..=20).contains(&by_udp.len()), "{} sent", by_udp.len());
        assert!(by_udp.iter().all(|sent| *sent == code), "{by_udp:?}");
        // By TCP the sender is real.
        assert_eq!(codes(Transport::Tcp), [code; 400]);
    }
}

/// What cannot be read takes its place in the limit of a client that may ask.
#[tokio::test]
async fn malformed_queries_count() {
    let fixture = Fixture::start("127.32.0.14");
    let rules = Arc::new(Rules::new(&limited("127.32.0.14", 100, Networks::Nobody)));
    let mut responder = Responder::new(fixture.publisher.reader(), rules);
    let whole = ask("db-write.internal.", RecordType::A).octets();
    let mut sent = |query: &[u8]| {
        let respond =
            |_: &usize| responder.turn().respond(query, STRANGER, Transport::Udp, &mut Vec::new());
        (0..400).filter(respond).count()
    };
    let malformed = sent(&whole[..whole.len() - 1]);
    assert!((1..=24).contains(&malformed), "{malformed} sent");
    assert!(sent(&whole) <= 24, "the limit is used up");
}

/// In no network of ours.
const STRANGER: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), 53);
