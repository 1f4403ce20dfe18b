//! Known proofs, and servers that ask for anything. That real servers accept the proofs is shown in
//! `tests/databases/mariadb_logins.rs`.

use mysql_common::crypto;
use proptest::prelude::*;

use rustls::pki_types::{SubjectPublicKeyInfoDer, pem::PemObject};

use super::{Disclosure, Exchange, PACKETS_MAX, Step};
use crate::{engine::FailureKind, plain_text::is_misleading};

const NONCE: [u8; 20] =
    *b"\x4e\x52\x33\x48\x50\x3a\x71\x49\x59\x61\x5f\x39\x3d\x64\x62\x3f\x53\x64\x7b\x60";
const PASSWORD: &[u8] = b"Gi!der27";
const PEM: &[u8] =
    include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/mysql/rsa-public-key.pem"));

/// Of nonce and password by the formulas in the manual, calculated with another program.
const NATIVE: &str = "325110aa1e650848f5da5adf3e2194a507b812b9";
const SHA2: &str = "15d27f1b94bc5bb8265841db3753f69a8fbcc862e0186d7c7cd499c6dc8f0a63";

fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

fn begin(plugin: &[u8], disclosure: Disclosure<'static>) -> Exchange<'static> {
    Exchange::begin(plugin, NONCE, PASSWORD, disclosure).0
}

/// A request to switch, as servers send it.
fn switch(plugin: &[u8], challenge: &[u8]) -> Vec<u8> {
    [&[0xFE], plugin, &[0], challenge].concat()
}

fn sent(step: Step) -> Vec<u8> {
    match step {
        Step::Send(payload) => payload,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_first_answer_is_that_of_the_servers_plugin_where_the_greeting_is_enough() {
    for (plugin, name, length) in [
        (&b"caching_sha2_password"[..], &b"caching_sha2_password"[..], 32),
        (b"mysql_native_password", b"mysql_native_password", 20),
        (b"client_ed25519", b"mysql_native_password", 20),
        (b"", b"mysql_native_password", 20),
    ] {
        let (_, said, proof) = Exchange::begin(plugin, NONCE, PASSWORD, Disclosure::Refused);
        assert_eq!((said, proof.len()), (name, length));
        let expected = if length == 20 { NATIVE } else { SHA2 };
        assert_eq!(hex(&proof), expected);
        let (_, _, empty) = Exchange::begin(plugin, NONCE, b"", Disclosure::Refused);
        assert!(empty.is_empty());
    }
}

#[test]
fn each_plugin_is_proven_after_a_switch() {
    let mut exchange = begin(b"mysql_native_password", Disclosure::Refused);
    let expected =
        Exchange::begin(b"mysql_native_password", NONCE, PASSWORD, Disclosure::Refused).2;
    for end in [&[][..], &[0]] {
        let challenge = [&NONCE[..], end].concat();
        let step = exchange.next(&switch(b"mysql_native_password", &challenge)).expect("a proof");
        assert_eq!(sent(step), expected);
    }
    let step = exchange.next(&switch(b"caching_sha2_password", &NONCE)).expect("a proof");
    assert_eq!(
        sent(step),
        Exchange::begin(b"caching_sha2_password", NONCE, PASSWORD, Disclosure::Refused).2
    );
    let step = exchange.next(&switch(b"client_ed25519", &[0; 32])).expect("a proof");
    assert_eq!(sent(step).len(), 64);
    assert_eq!(exchange.next(&[0, 0, 0, 2, 0, 0, 0]), Ok(Step::Done));
}

#[test]
fn parsec_proves_once_after_the_salt_whatever_else_is_asked() {
    for mark in [&[1][..], &[]] {
        let salt = [mark, b"P\x06", &[9; 18]].concat();
        let asked = || {
            let mut exchange = begin(b"mysql_native_password", Disclosure::Refused);
            let step = exchange.next(&switch(b"parsec", &[7; 32])).expect("a wait for the salt");
            assert_eq!(sent(step), b"");
            exchange
        };
        let mut exchange = asked();
        assert!(matches!(exchange.next(&salt), Ok(Step::Derive(_))));
        let failure = exchange.next(&salt).expect_err("the same again");
        assert_eq!(failure.kind, FailureKind::Garbled, "{failure}");

        // Nor by the detour of another switch.
        let mut exchange = asked();
        assert!(matches!(exchange.next(&salt), Ok(Step::Derive(_))));
        exchange.next(&switch(b"parsec", &[8; 32])).expect("a wait for the salt");
        assert!(exchange.next(&salt).is_err());

        let slow = [mark, b"P\x14", &[9; 18]].concat();
        let failure = asked().next(&slow).expect_err("minutes of work");
        assert_eq!(failure.kind, FailureKind::Misconfigured);
        assert!(asked().next(&[mark, b"P\0", &[9; 17]].concat()).is_err());
    }
}

#[test]
fn a_cached_hash_is_enough_and_an_unknown_one_asks_for_the_password() {
    let mut exchange = begin(b"caching_sha2_password", Disclosure::Refused);
    assert_eq!(exchange.next(&[1, 3]), Ok(Step::Wait));
    assert_eq!(exchange.next(&[0]), Ok(Step::Done));

    let mut exchange = begin(b"caching_sha2_password", Disclosure::Clear);
    let clear = exchange.next(&[1, 4]).expect("the password");
    assert_eq!(sent(clear), [PASSWORD, &[0]].concat(), "nobody can read it");

    let mut exchange = begin(b"caching_sha2_password", Disclosure::Requested);
    assert_eq!(sent(exchange.next(&[1, 4]).expect("a question")), [2]);
    let hidden = sent(exchange.next(&[&[1], PEM].concat()).expect("the password"));
    assert_eq!(hidden.len(), crypto::rsa::PublicKey::from_pem(PEM).num_octets());
    assert!(!hidden.windows(4).any(|window| PASSWORD.starts_with(window)));
    assert!(exchange.next(&[&[1], PEM].concat()).is_err(), "asked for once");
}

#[test]
fn without_tls_the_password_is_for_nobody_whose_key_is_not_vouched_for() {
    // Whatever plugin the account has: the switch is the word of whoever answers.
    for switches in [false, true] {
        let mut exchange = begin(b"caching_sha2_password", Disclosure::Refused);
        if switches {
            exchange = begin(b"mysql_native_password", Disclosure::Refused);
            exchange.next(&switch(b"caching_sha2_password", &NONCE)).expect("a hash");
        }
        let failure = exchange.next(&[1, 4]).expect_err("the password is asked for");
        assert_eq!(failure.kind, FailureKind::Misconfigured);
        for advice in ["verify-full", "server_public_key_file", "get_server_public_key"] {
            assert!(failure.detail.contains(advice), "{failure}");
        }
        assert!(failure.detail.len() < 300, "{failure}");
        assert!(exchange.next(&[&[1], PEM].concat()).is_err(), "a key that nobody asked for");
    }
    let key = SubjectPublicKeyInfoDer::from_pem_slice(PEM).expect("a key").to_vec();
    let mut exchange =
        Exchange::begin(b"caching_sha2_password", NONCE, PASSWORD, Disclosure::Pinned(&key)).0;
    let hidden = sent(exchange.next(&[1, 4]).expect("the password"));
    assert_eq!(hidden.len(), 256, "at once, and with no other key");
    assert!(exchange.next(&[&[1], PEM].concat()).is_err(), "another key");
}

#[test]
fn the_password_is_never_sent_in_the_clear_whatever_the_server_asks_for() {
    for disclosure in [Disclosure::Refused, Disclosure::Requested, Disclosure::Clear] {
        for plugin in [
            &b"mysql_clear_password"[..],
            b"mysql_old_password",
            b"sha256_password",
            b"dialog",
            b"authentication_ldap_simple",
            b"",
        ] {
            let mut exchange = begin(b"caching_sha2_password", disclosure);
            let failure = exchange.next(&switch(plugin, &NONCE)).expect_err("refused");
            assert_eq!(failure.kind, FailureKind::Misconfigured, "{failure}");
        }
        let mut exchange = begin(b"mysql_native_password", disclosure);
        let failure = exchange.next(&[0xFE]).expect_err("the old way");
        assert_eq!(failure.kind, FailureKind::Misconfigured, "{failure}");
        assert!(failure.detail.contains("mysql_old_password"), "{failure}");
    }
}

#[test]
fn packets_that_no_plugin_sends_end_the_login() {
    for packets in [
        &[&[][..]][..],
        &[&[0x42]],
        &[&[1, 4]],
        &[b"\xFEno end"],
        &[b"\xFEcaching_sha2_password\0"],
        &[b"\xFEclient_ed25519\0short"],
        &[b"\xFEmysql_native_password\0aaaaaaaaaaaaaaaaaaaaaaa"],
        &[b"\xFEparsec\0aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", &[]],
        &[b"\xFEcaching_sha2_password\0aaaaaaaaaaaaaaaaaaaa", &[1, 9]],
        &[b"\xFEcaching_sha2_password\0aaaaaaaaaaaaaaaaaaaa", &[1, 4], &[1]],
        &[b"\xFEcaching_sha2_password\0aaaaaaaaaaaaaaaaaaaa", &[1, 3], &[1, 4]],
    ] {
        let mut exchange = begin(b"mysql_native_password", Disclosure::Requested);
        let (last, first) = packets.split_last().expect("some");
        for packet in first {
            exchange.next(packet).expect("so far so good");
        }
        let failure = exchange.next(last).expect_err("out of place");
        assert_eq!(failure.kind, FailureKind::Garbled, "{packets:?}: {failure}");
    }
}

#[test]
fn a_login_without_end_is_cut_off() {
    let mut exchange = begin(b"mysql_native_password", Disclosure::Refused);
    let request = switch(b"mysql_native_password", &NONCE);
    for _ in 0..PACKETS_MAX {
        assert!(exchange.next(&request).is_ok());
    }
    assert!(exchange.next(&request).is_err());
}

#[test]
fn a_server_cannot_write_lines_into_our_log() {
    let name = [&b"evil\n\x1b[31m"[..], &[b'x'; 5000]].concat();
    let failure =
        begin(b"", Disclosure::Refused).next(&switch(&name, &NONCE)).expect_err("refused");
    assert!(!failure.detail.contains(is_misleading));
    assert!(failure.detail.chars().count() < 200);
}

/// Packets that begin as those of a login do, with anything behind.
fn packet() -> impl Strategy<Value = Vec<u8>> {
    let beginning = prop::sample::select(vec![
        &b""[..],
        b"\xFEcaching_sha2_password\0",
        b"\xFEmysql_native_password\0",
        b"\xFEclient_ed25519\0",
        b"\xFEparsec\0",
        b"\x01",
        b"\x01\x04",
        b"\x01P\x01",
        b"P\x00",
        b"\x01-----BEGIN PUBLIC KEY-----\n",
    ]);
    let rest = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..40),
        prop::collection::vec(any::<u8>(), 18..=20),
        prop::collection::vec(any::<u8>(), 32..=33),
    ];
    (beginning, rest).prop_map(|(beginning, rest)| [beginning, &rest[..]].concat())
}

proptest! {
    #[test]
    fn no_packets_make_it_panic_or_write_more_than_a_key_is_long(
        packets in prop::collection::vec(packet(), 0..6),
        disclosure in prop::sample::select(vec![Disclosure::Clear, Disclosure::Requested]),
    ) {
        let mut exchange = begin(b"caching_sha2_password", disclosure);
        for packet in packets {
            match exchange.next(&packet) {
                Ok(Step::Send(payload)) => prop_assert!(payload.len() <= 1024),
                Ok(Step::Wait | Step::Derive(_)) => {}
                Ok(Step::Done) | Err(_) => break,
            }
        }
    }
}
