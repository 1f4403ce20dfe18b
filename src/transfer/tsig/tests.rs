//! Signatures of another implementation, our own, and broken ones.

use std::{str::FromStr, sync::Arc};

use hickory_proto::rr::LowerName;
use rand::{RngExt, SeedableRng, rngs::SmallRng};

use super::*;
use crate::config::{KeyAlgorithm, KeyConfig};

const NOW: u64 = 1_800_000_000;

fn key(name: &str, algorithm: KeyAlgorithm, secret: &[u8]) -> Key {
    Key::new(&Arc::new(KeyConfig {
        name: LowerName::from_str(name).unwrap(),
        algorithm,
        secret: secret.into(),
        secret_file: "x.key".into(),
    }))
}

fn ours() -> Key {
    key("xfr.db.internal.", KeyAlgorithm::HmacSha256, b"0123456789abcdef0123456789abcdef")
}

/// `db.internal. AXFR` as dnspython 2.3 signs it at [`NOW`].
const OF_DNSPYTHON: &str = "\
     47110000000100000000000102646208696e7465726e616c0000fc000103786672c00c00fa00ff00\
     000000003d0b686d61632d7368613235360000006b49d200012c0020704c3d0ea12771e27ab825e9\
     367db32d608f2b454414934939b1da1890440198471100000000";

fn octets(hex: &str) -> Vec<u8> {
    let digits = hex.as_bytes().chunks(2);
    digits.map(|two| u8::from_str_radix(str::from_utf8(two).unwrap(), 16).unwrap()).collect()
}

/// A question for `db.internal.`, not signed.
fn question() -> Vec<u8> {
    let mut octets = vec![0x12, 0x34, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    octets.extend(b"\x02db\x08internal\0\0\x06\0\x01");
    octets
}

const START: usize = 29;

fn signed(key: &Key) -> Vec<u8> {
    let mut message = question();
    sign_request(key, &mut message, NOW);
    message
}

#[test]
fn a_request_of_another_implementation_is_believed() {
    let message = octets(OF_DNSPYTHON);
    let mut signer = check(&message, START, [&ours()], NOW + 300).unwrap();
    let mut reply = question();
    signer.sign(&mut reply, NOW);
    // It counts room for our time, which only BADTIME needs.
    assert_eq!(reply.len() + 6, START + signer.octets());
}

#[test]
fn every_algorithm_signs_and_is_checked() {
    for algorithm in [KeyAlgorithm::HmacSha256, KeyAlgorithm::HmacSha384, KeyAlgorithm::HmacSha512]
    {
        let key = key("k.", algorithm, b"0123456789abcdef");
        let mut message = question();
        let expected = sign_request(&key, &mut message, NOW);
        let mut signer = check(&message, START, [&ours(), &key], NOW).unwrap();
        assert_eq!(signer.key().name().to_string(), "k.");
        let mut reply = question();
        signer.sign(&mut reply, NOW);
        assert!(expected.is_signed(&reply, START, NOW), "{algorithm:?}");
        // A second message is signed by the first, not by the request.
        let mut next = question();
        signer.sign(&mut next, NOW);
        assert!(!expected.is_signed(&next, START, NOW));
        assert!(!expected.is_signed(&reply, START, NOW + 301));
    }
}

#[test]
fn each_fault_is_told_as_the_rfc_says() {
    let ours = ours();
    let message = signed(&ours);
    let other_secret =
        key("xfr.db.internal.", KeyAlgorithm::HmacSha256, b"another secret, as long");
    let other_hash = key("xfr.db.internal.", KeyAlgorithm::HmacSha512, b"0123456789abcdef");
    let fault = |key: &Key, now| check(&message, START, [key], now).unwrap_err();
    assert!(matches!(fault(&other_secret, NOW), TsigFault::BadSignature));
    assert!(matches!(fault(&other_hash, NOW), TsigFault::BadKey));
    assert!(matches!(check(&message, START, [], NOW), Err(TsigFault::BadKey)));
    for now in [NOW - 301, NOW + 301] {
        let TsigFault::BadTime(mut signer) = fault(&ours, now) else { panic!("BADTIME") };
        let mut reply = question();
        signer.sign(&mut reply, now);
        // Our time stands in the six octets at the end (RFC 8945 section 5.2.3).
        assert_eq!(reply[reply.len() - 6..], now.to_be_bytes()[2..]);
        assert_eq!(reply[reply.len() - 10..reply.len() - 6], [0, 18, 0, 6]);
    }
}

/// The message with a code of the first so many octets.
fn cut(message: &[u8], octets: usize) -> Vec<u8> {
    let mut cut = message.to_vec();
    let length = START + 17 + 10 + 13 + 8;
    let end = length + 2 + 32;
    cut.drain(length + 2 + octets.min(32)..end);
    if octets > 32 {
        cut.splice(end..end, vec![0; octets - 32]);
    }
    cut[length..length + 2].copy_from_slice(&u16::try_from(octets).unwrap().to_be_bytes());
    let data = cut.len() - (START + 17 + 10);
    cut[START + 25..START + 27].copy_from_slice(&u16::try_from(data).unwrap().to_be_bytes());
    cut
}

#[test]
fn codes_that_are_cut_short_are_refused() {
    let ours = ours();
    let message = signed(&ours);
    assert!(check(&cut(&message, 32), START, [&ours], NOW).is_ok());
    for octets in [0, 1, 9, 15, 33] {
        let fault = check(&cut(&message, octets), START, [&ours], NOW).unwrap_err();
        assert!(matches!(fault, TsigFault::Malformed), "{octets}");
    }
    for octets in [16, 31] {
        let fault = check(&cut(&message, octets), START, [&ours], NOW).unwrap_err();
        assert!(matches!(fault, TsigFault::Truncated(_)), "{octets}");
    }
    let mut wrong = cut(&message, 16);
    wrong[START + 17 + 10 + 13 + 10] ^= 1;
    assert!(matches!(check(&wrong, START, [&ours], NOW), Err(TsigFault::BadSignature)));
}

/// Messages that are changed at random: `POINTSMAN_MUTATIONS`, or as many as a gate has time for.
fn mutations() -> usize {
    let said = std::env::var("POINTSMAN_MUTATIONS").ok();
    said.and_then(|number| number.parse().ok()).unwrap_or(200_000)
}

/// The same of a reply to us: NOTIFY and updates believe nothing else.
#[test]
fn no_reply_that_was_changed_is_believed() {
    let ours = ours();
    let mut message = question();
    let expected = sign_request(&ours, &mut message, NOW);
    let mut reply = question();
    check(&message, START, [&ours], NOW).unwrap().sign(&mut reply, NOW);
    assert!(expected.is_signed(&reply, START, NOW));
    let mut uncounted = reply.clone();
    uncounted[10..12].copy_from_slice(&[0, 0]);
    assert!(!expected.is_signed(&uncounted, START, NOW), "the signature is no record of it");
    let mut rng = SmallRng::seed_from_u64(1996);
    for _ in 0..mutations() {
        let mut changed = reply.clone();
        for _ in 0..rng.random_range(1..8) {
            let place = rng.random_range(2..changed.len());
            changed[place] = rng.random();
        }
        changed.truncate(rng.random_range(START..=changed.len()));
        let same = changed.eq_ignore_ascii_case(&reply);
        assert!(same || !expected.is_signed(&changed, START, NOW), "{changed:?}");
    }
}

/// No message is believed of which a single bit is not as it was signed, but for those that the code does not
/// cover: the id, which may be another's (RFC 8945 section 4.3.2), and the case of names.
#[test]
fn nothing_that_was_changed_is_believed() {
    let ours = ours();
    let message = signed(&ours);
    for place in 2..message.len() {
        for bit in 0..8 {
            let mut changed = message.clone();
            changed[place] ^= 1 << bit;
            let is_case = bit == 5 && message[place].is_ascii_alphabetic() && place > START;
            let believed = check(&changed, START, [&ours], NOW).is_ok();
            assert!(!believed || is_case, "octet {place}, bit {bit}");
        }
    }
    let mut rng = SmallRng::seed_from_u64(8945);
    for _ in 0..mutations() {
        let mut changed = message.clone();
        for _ in 0..rng.random_range(1..8) {
            let place = rng.random_range(2..changed.len());
            changed[place] = rng.random();
        }
        changed.truncate(rng.random_range(START..=changed.len()));
        let same = changed.eq_ignore_ascii_case(&message);
        assert!(same || check(&changed, START, [&ours], NOW).is_err(), "{changed:?}");
    }
}
