//! Servers that ask for what they must not get, however their octets come.

use std::{sync::Arc, time::Duration};

use proptest::prelude::*;

use super::{Place, Refused, Watch};
use crate::{
    config::{AuthConfig, AuthMethod, ProbeConfig, RequireAuth, TlsMode},
    probe::test_config,
};

fn watch(require_auth: RequireAuth, asks_for_tls: bool) -> Watch {
    let config = ProbeConfig {
        auth: AuthConfig { require_auth, ..AuthConfig::default() },
        tls: TlsMode::Prefer,
        ..test_config(Duration::from_secs(1))
    };
    Watch::new(&Arc::new(config), asks_for_tls)
}

fn message(tag: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).expect("short").to_be_bytes();
    [&[tag], &length[..], body].concat()
}

fn asking(code: u32, more: &[u8]) -> Vec<u8> {
    message(b'R', &[&code.to_be_bytes()[..], more].concat())
}

/// What a watch makes of `octets`, given in pieces of this length.
fn read(mut watch: Watch, octets: &[u8], piece: usize) -> Result<Watch, Refused> {
    for some in octets.chunks(piece) {
        watch.read(some)?;
    }
    Ok(watch)
}

fn only(method: AuthMethod) -> RequireAuth {
    RequireAuth::OneOf([method].into())
}

#[test]
fn each_way_of_asking_is_known_however_it_is_cut() {
    let notice = message(b'N', b"SNOTICE\0Mhello\0\0");
    let ways = [
        (AuthMethod::Password, asking(3, b"")),
        (AuthMethod::Md5, asking(5, b"salt")),
        (AuthMethod::ScramSha256, asking(10, b"SCRAM-SHA-256\0\0")),
        (AuthMethod::None, asking(0, b"")),
    ];
    for (method, octets) in &ways {
        let octets = [&notice[..], octets].concat();
        for piece in 1..=octets.len() {
            for (other, _) in &ways {
                let read = read(watch(only(*other), false), &octets, piece);
                assert_eq!(read.is_ok(), other == method, "{method:?} by {other:?}");
            }
            let read = read(watch(RequireAuth::Default, false), &octets, piece);
            assert_eq!(read.is_ok(), *method != AuthMethod::Password, "{method:?}");
        }
    }
}

#[test]
fn the_reply_about_encryption_is_no_message() {
    let octets = [&b"N"[..], &asking(3, b"")].concat();
    assert!(read(watch(RequireAuth::Default, true), &octets, 1).is_err());
    assert!(read(watch(RequireAuth::Default, true), b"S", 1).is_ok());
}

#[test]
fn who_is_let_in_after_a_proof_is_watched_no_longer() {
    let proven = [asking(10, b"SCRAM-SHA-256\0\0"), asking(11, b"r=1"), asking(12, b"v=1")];
    let octets = [&proven.concat()[..], &asking(0, b"")].concat();
    let watch = read(watch(only(AuthMethod::ScramSha256), false), &octets, 3).expect("in");
    assert!(matches!(watch.place, Place::Past));
    // What follows is for the one who asks.
    assert!(read(watch, &asking(3, b""), 2).is_ok());
}

#[test]
fn a_second_question_is_watched_as_the_first() {
    let octets = [asking(10, b"SCRAM-SHA-256\0\0"), asking(3, b"")].concat();
    let refused = read(watch(RequireAuth::Default, false), &octets, 4).err().expect("refused");
    let clear_text = Refused::Method { method: AuthMethod::Password, listed: false };
    assert_eq!(refused, clear_text);
    let text = refused.to_string();
    assert!(text.contains("verify-full") && text.contains("require_auth"), "{text}");
    // A login without encryption is tried after faults of TLS, which are known by that word.
    assert!(!text.contains("TLS"), "{text}");
    assert!(text.len() < 300, "{text}");
}

#[test]
fn nobody_gets_a_cheap_proof_whom_nobody_vouches_for() {
    let watch = |scram_iterations_min| {
        let config = ProbeConfig {
            auth: AuthConfig { scram_iterations_min, ..AuthConfig::default() },
            ..test_config(Duration::from_secs(1))
        };
        Watch::new(&Arc::new(config), false)
    };
    let asks = |said: &[u8]| [asking(10, b"SCRAM-SHA-256\0\0"), asking(11, said)].concat();
    let long = [&[b'x'; 5_000][..], b",i=1"].concat();
    for (said, expected) in [
        (&b"r=nonce,s=salt,i=4096"[..], true),
        (b"r=nonce,s=salt,i=4095", false),
        (b"r=nonce,s=salt,i=1", false),
        (b"r=nonce,s=salt,i=0", false),
        // The library refuses what is no number.
        (b"r=nonce,s=salt,i=x", true),
        (&long, false),
    ] {
        for piece in [1, 2, 7, 9_999] {
            let read_so = |least| read(watch(least), &asks(said), piece).map(|_| ());
            let refused = if expected { Ok(()) } else { Err(Refused::TooCheap) };
            assert_eq!(read_so(4_096), refused, "{}", String::from_utf8_lossy(said));
            assert_eq!(read_so(0), Ok(()));
        }
    }
}

proptest! {
    #[test]
    fn no_octets_make_it_panic(
        octets in prop::collection::vec(any::<u8>(), 0..200),
        piece in 1..9_usize,
    ) {
        let _ = read(watch(RequireAuth::Default, false), &octets, piece);
    }
}
