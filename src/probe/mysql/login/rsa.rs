//! A password encrypted with the server's public key: what `caching_sha2_password` needs without
//! TLS (MySQL manual, "Caching SHA-2 Pluggable Authentication").
//!
//! Whoever has the other half of the key has the password. So the key is one that an operator vouches
//! for, or one that an operator lets come in clear text from whoever answers; that is read with care: the
//! library's own reader panics on what is no key.

use mysql_common::{
    crypto::rsa::{GetRandom, Pkcs1OaepPadding, PublicKey},
    num_bigint::BigUint,
};
use rustls::pki_types::{SubjectPublicKeyInfoDer, pem::PemObject};

use crate::{engine::Failure, probe::mysql::error::garbled};

/// Octets of a modulus: below, a key is broken in a day; above, using it takes too long. Servers
/// make keys of 256.
const MODULUS_OCTETS: std::ops::RangeInclusive<usize> = 128..=1024;
/// Octets of an exponent; 65537 has three.
const EXPONENT_OCTETS_MAX: usize = 4;
/// What the padding takes of a block (RFC 8017, section 7.1.1, with SHA-1).
const PADDING_OCTETS: usize = 42;

const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;

/// Encrypts `message` for whoever owns the key in `pem`.
///
/// # Errors
/// `Garbled` when that is no RSA key of a usual size, or too small a one for the message.
pub fn encrypt(message: &[u8], pem: &[u8]) -> Result<Vec<u8>, Failure> {
    let info = SubjectPublicKeyInfoDer::from_pem_slice(pem)
        .map_err(|_| garbled("the server's public key is no PEM"))?;
    encrypt_with(message, &info)
}

/// The same with a SubjectPublicKeyInfo in DER.
///
/// # Errors
/// As [`encrypt`].
pub fn encrypt_with(message: &[u8], info: &[u8]) -> Result<Vec<u8>, Failure> {
    let key = public_key(info).ok_or_else(|| garbled("the server's public key is no RSA key"))?;
    if message.len() + PADDING_OCTETS > key.num_octets() {
        return Err(garbled("the password is too long for the server's public key"));
    }
    Ok(key.encrypt_block(message, Pkcs1OaepPadding::new(GetRandom)))
}

/// Reads a SubjectPublicKeyInfo (RFC 5280, section 4.1) with an RSAPublicKey (RFC 8017, appendix
/// A.1.1) in it.
fn public_key(info: &[u8]) -> Option<PublicKey> {
    let (mut info, _) = element(info, SEQUENCE)?;
    (_, info) = element(info, SEQUENCE)?;
    let (bits, _) = element(info, BIT_STRING)?;
    let (numbers, _) = element(bits.strip_prefix(&[0])?, SEQUENCE)?;
    let (modulus, numbers) = element(numbers, INTEGER)?;
    let (exponent, _) = element(numbers, INTEGER)?;
    let modulus = modulus.strip_prefix(&[0]).unwrap_or(modulus);
    let well_made = MODULUS_OCTETS.contains(&modulus.len())
        && modulus.first().is_some_and(|first| *first >= 0x80)
        && modulus.last().is_some_and(|last| last % 2 == 1)
        && exponent.len() <= EXPONENT_OCTETS_MAX;
    well_made
        .then(|| PublicKey::new(BigUint::from_bytes_be(modulus), BigUint::from_bytes_be(exponent)))
}

/// The content of the DER element at the beginning, which must have this tag, and what follows it.
fn element(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (length, rest) = der.strip_prefix(&[tag])?.split_first()?;
    let (length, rest) = match *length {
        short @ 0..=0x7F => (usize::from(short), rest),
        0x81 => {
            let (length, rest) = rest.split_first()?;
            (usize::from(*length), rest)
        }
        0x82 => {
            let (length, rest) = rest.split_first_chunk()?;
            (usize::from(u16::from_be_bytes(*length)), rest)
        }
        _ => return None,
    };
    rest.split_at_checked(length)
}

#[cfg(test)]
mod tests {
    use mysql_common::crypto;
    use proptest::prelude::*;

    use super::{encrypt, public_key};

    /// A key of the size that MySQL makes, which nobody uses.
    pub(super) const PEM: &[u8] = include_bytes!(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/fixtures/mysql/rsa-public-key.pem"
    ));

    #[test]
    fn the_servers_key_is_read_and_used() {
        let known = crypto::rsa::PublicKey::from_pem(PEM);
        let secret = encrypt(b"password\0", PEM).expect("a key");
        assert_eq!(secret.len(), 256);
        assert_ne!(secret, encrypt(b"password\0", PEM).expect("a key"), "padded at random");
        let (der, _) = crypto::der::pem_to_der(PEM);
        let read = public_key(&der).expect("a key");
        assert_eq!(read.modulus(), known.modulus());
        assert_eq!(read.exponent(), known.exponent());
        assert!(encrypt(&[1; 214], PEM).is_ok());
        assert!(encrypt(&[1; 215], PEM).is_err());
        assert!(encrypt(b"x", b"").is_err());
    }

    #[test]
    fn no_damaged_key_makes_it_panic() {
        let (der, _) = crypto::der::pem_to_der(PEM);
        for end in 0..der.len() {
            assert!(public_key(&der[..end]).is_none());
        }
        for place in 0..der.len() {
            for value in [0, 1, 0x7F, 0x80, 0x82, 0xFF] {
                let mut damaged = der.clone();
                damaged[place] = value;
                if let Some(key) = public_key(&damaged) {
                    assert!(super::MODULUS_OCTETS.contains(&key.num_octets()));
                }
            }
        }
    }

    proptest! {
        #[test]
        fn no_octets_make_it_panic(octets in prop::collection::vec(any::<u8>(), 0..600)) {
            let _ = public_key(&octets);
            let _ = encrypt(b"password", &octets);
        }
    }
}
