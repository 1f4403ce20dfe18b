//! The server's first packet (MySQL manual, "Protocol::HandshakeV10").

use super::capabilities::{PLUGIN_AUTH, REQUIRED};
use crate::{
    engine::Failure,
    probe::mysql::{error::garbled, wire::Fields},
};

/// The only version of the handshake since MySQL 3.21.
const VERSION: u8 = 10;
/// Octets of the challenge, in two parts.
const NONCE_OCTETS: usize = 20;

/// What a login needs of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Greeting {
    /// What the server can do.
    pub capabilities: u32,
    /// The challenge for the first plugin.
    pub nonce: [u8; NONCE_OCTETS],
    /// How the server lets users in by default; empty when it does not say.
    pub plugin: Box<[u8]>,
}

impl Greeting {
    /// Reads the payload.
    ///
    /// # Errors
    /// `Garbled` when it is no such packet, or that of a server that lacks what every MySQL since
    /// 5.7 and every MariaDB since 10.3 can do.
    pub fn parse(payload: &[u8]) -> Result<Self, Failure> {
        match payload.first() {
            Some(&VERSION) => {}
            Some(other) => return Err(garbled(format!("handshake version {other}"))),
            None => return Err(garbled("an empty greeting")),
        }
        let greeting = Self::fields(payload).ok_or_else(|| garbled("a greeting cut short"))?;
        if greeting.capabilities & REQUIRED != REQUIRED {
            return Err(garbled("a server older than MySQL 5.7 and MariaDB 10.3"));
        }
        Ok(greeting)
    }

    fn fields(payload: &[u8]) -> Option<Self> {
        let mut fields = Fields::new(payload);
        fields.octet()?;
        let _server_version = fields.text()?;
        let _thread = fields.take(4)?;
        let mut nonce = [0; NONCE_OCTETS];
        nonce[..8].copy_from_slice(fields.take(8)?);
        let _filler = fields.octet()?;
        let low = fields.short()?;
        let _collation_and_status = fields.take(3)?;
        let capabilities = u32::from(low) | u32::from(fields.short()?) << 16;
        let nonce_length = usize::from(fields.octet()?);
        let _reserved = fields.take(10)?;
        let second = fields.take(nonce_length.saturating_sub(8).max(13))?;
        nonce[8..].copy_from_slice(second.get(..NONCE_OCTETS - 8)?);
        let plugin = if capabilities & PLUGIN_AUTH == 0 {
            &[]
        } else {
            // Some old servers forgot its NUL.
            fields.rest().split(|octet| *octet == 0).next()?
        };
        Some(Self { capabilities, nonce, plugin: plugin.into() })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Greeting, PLUGIN_AUTH, REQUIRED};

    fn packet(capabilities: u32) -> Vec<u8> {
        let [a, b, c, d] = capabilities.to_le_bytes();
        let mut packet = b"\x0A8.4.3\0\x07\0\0\0ABCDEFGH\0".to_vec();
        packet.extend([a, b, 45, 2, 0, c, d, 21]);
        packet.extend([0; 10]);
        packet.extend(b"IJKLMNOPQRST\0caching_sha2_password\0");
        packet
    }

    #[test]
    fn challenge_capabilities_and_plugin_are_found() {
        let capabilities = REQUIRED | PLUGIN_AUTH;
        let greeting = Greeting::parse(&packet(capabilities)).expect("a greeting");
        let nonce = *b"ABCDEFGHIJKLMNOPQRST";
        let plugin = b"caching_sha2_password".as_slice().into();
        assert_eq!(greeting, Greeting { capabilities, nonce, plugin });
    }

    #[test]
    fn no_greeting_cut_short_or_of_an_old_server_passes() {
        let whole = packet(REQUIRED | PLUGIN_AUTH);
        let plugin = whole.len() - b"caching_sha2_password\0".len();
        for end in 0..plugin {
            assert!(Greeting::parse(&whole[..end]).is_err(), "{end}");
        }
        for missing in (0..32).map(|bit| 1 << bit).filter(|bit| REQUIRED & bit != 0) {
            assert!(Greeting::parse(&packet(REQUIRED & !missing)).is_err(), "{missing:#x}");
        }
        assert!(Greeting::parse(b"\x093.20\0").is_err());
    }

    proptest! {
        #[test]
        fn no_octets_make_it_panic(octets in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Greeting::parse(&octets);
            let _ = Greeting::parse(&[&[10], &octets[..]].concat());
        }
    }
}
