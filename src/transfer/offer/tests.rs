//! Who gets what.

use std::sync::Arc;

use super::*;
use crate::{
    answers::{
        Copied, Serial,
        sample::{self, name},
    },
    config::{KeyAlgorithm, KeyConfig, ZoneTransfer},
};

const ALL: Copied = Copied { services: true, servers: true };
const OURS: &str = "192.0.2.53";

fn key(name_text: &str) -> Arc<KeyConfig> {
    Arc::new(KeyConfig {
        name: name(name_text),
        algorithm: KeyAlgorithm::HmacSha256,
        secret: (*b"0123456789abcdef").into(),
        secret_file: "x.key".into(),
    })
}

fn secondary(key: Option<Arc<KeyConfig>>, transport: TransferTransport) -> SecondaryConfig {
    let address = OURS.parse().unwrap();
    SecondaryConfig {
        name: "ns3".into(),
        address,
        port: 53,
        key,
        transport,
        notify: true,
        notify_every: None,
    }
}

/// An offer of `internal.` to one secondary, at serial 1003, with differences from 1001 on.
fn offer(secondary: SecondaryConfig) -> Offer {
    let origin = name("internal.");
    let zones = vec![ZoneTransfer { origin: origin.clone(), secondaries: vec![secondary] }];
    let config = TransferConfig { zones, catalog: None };
    let mut offer = Offer::new(&config, &Offer::default());
    let mut table = sample::table(&sample::healthy());
    let mut version = Version::of(&table, &origin, ALL).unwrap();
    for server in [1, 2, 0] {
        table = sample::promoted(&table, server, Serial::MAX).unwrap();
        let (next, difference) = version.next(&table, &origin, ALL).unwrap();
        if difference.from > 1000 {
            offer.zones[0].journal.push(difference);
        }
        version = next;
    }
    offer.zones[0].version = Some(Arc::new(version));
    offer
}

/// What the request gets, in a word.
fn get(offer: &Offer, from: &str, key: Option<&Key>, serial: Option<u32>, way: Way) -> String {
    let origin = name("internal.");
    let client = from.parse().unwrap();
    match offer.content(Request { origin: &origin, serial, client, key, way }) {
        Ok(Content::One(body)) if body.count == 1 => "SOA".into(),
        Ok(Content::One(body)) => format!("{} records", body.count),
        Ok(Content::Several(Messages::Whole(_), _)) => "whole".into(),
        Ok(Content::Several(Messages::Ready(bodies), _)) => format!("{} messages", bodies.len()),
        Err(denial) => format!("{denial:?}"),
    }
}

const UDP: Way = Way::Datagram { room: 1_000 };

#[test]
fn address_and_key_are_both_needed() {
    let offer = offer(secondary(Some(key("ours.")), TransferTransport::Tcp));
    let [ours, other] = ["ours.", "other."].map(|name| Key::new(&key(name)));
    for (from, key, expected) in [
        (OURS, Some(&ours), "whole"),
        ("::ffff:192.0.2.53", Some(&ours), "whole"),
        (OURS, Some(&other), "Prohibited"),
        (OURS, None, "Prohibited"),
        ("192.0.2.54", Some(&ours), "Prohibited"),
    ] {
        assert_eq!(get(&offer, from, key, None, Way::Stream), expected, "{from} {key:?}");
    }
    let unsigned = self::offer(secondary(None, TransferTransport::Tcp));
    assert_eq!(get(&unsigned, OURS, None, None, Way::Stream), "whole");
    assert_eq!(get(&unsigned, "192.0.2.54", None, None, Way::Stream), "Prohibited");
}

#[test]
fn a_question_gets_what_its_serial_lacks() {
    let offer = offer(secondary(None, TransferTransport::Tcp));
    for (serial, way, expected) in [
        (None, Way::Stream, "whole"),
        (None, UDP, "Prohibited"),
        (Some(1000), Way::Stream, "whole"),
        (Some(1000), UDP, "SOA"),
        (Some(1001), Way::Datagram { room: 20 }, "SOA"),
        (Some(1003), Way::Stream, "SOA"),
        (Some(1004), UDP, "SOA"),
        (Some(1004), Way::Stream, "SOA"),
        (Some(0xc000_0000), Way::Stream, "whole"),
    ] {
        assert_eq!(get(&offer, OURS, None, serial, way), expected, "{serial:?} {way:?}");
    }
    let two = get(&offer, OURS, None, Some(1001), Way::Stream);
    assert!(two.ends_with(" records"), "{two}");
    assert_eq!(get(&offer, OURS, None, Some(1001), UDP), two, "it fits");
}

/// RFC 9103: nothing but the serial goes in the clear.
#[test]
fn what_must_be_encrypted_goes_no_other_way() {
    let offer = offer(secondary(None, TransferTransport::Tls));
    for (serial, way, expected) in [
        (None, Way::Stream, "Prohibited"),
        (Some(1002), Way::Stream, "Prohibited"),
        (Some(1002), UDP, "SOA"),
        (Some(1002), Way::Encrypted, "1 messages"),
        (None, Way::Encrypted, "whole"),
    ] {
        assert_eq!(get(&offer, OURS, None, serial, way), expected, "{serial:?} {way:?}");
    }
}

#[test]
fn what_is_not_known_yet_is_not_given() {
    let mut offer = offer(secondary(None, TransferTransport::Tcp));
    offer.zones[0].version = None;
    assert_eq!(get(&offer, OURS, None, None, Way::Stream), "NotReady");
    offer.zones.clear();
    assert_eq!(get(&offer, OURS, None, None, Way::Stream), "NotOffered");
}
