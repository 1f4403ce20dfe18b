//! A shared key, ready to make and check message authentication codes (RFC 8945 section 6).

use std::{fmt, sync::Arc};

use hickory_proto::rr::LowerName;
use hmac::{Hmac, KeyInit as _, Mac as _, digest::MacError};
use sha2::{Sha256, Sha384, Sha512};

use super::wire::name_octets;
use crate::config::{KeyAlgorithm, KeyConfig};

/// A shared key. Its `Debug` hides the secret.
#[derive(Clone)]
pub struct Key {
    config: Arc<KeyConfig>,
    /// Its name in canonical wire form.
    pub(super) name: Box<[u8]>,
    /// The name of its algorithm in canonical wire form.
    pub(super) algorithm: Box<[u8]>,
}

impl Key {
    /// The key of a configuration.
    pub fn new(config: &Arc<KeyConfig>) -> Self {
        let algorithm = config.algorithm.name();
        let mut algorithm_octets = vec![u8::try_from(algorithm.len()).expect("a label")];
        algorithm_octets.extend_from_slice(algorithm.as_bytes());
        algorithm_octets.push(0);
        Self {
            config: Arc::clone(config),
            name: name_octets(&config.name).into(),
            algorithm: algorithm_octets.into(),
        }
    }

    /// What it is called.
    pub fn name(&self) -> &LowerName {
        &self.config.name
    }

    /// Octets of a whole code.
    pub(super) fn mac_octets(&self) -> usize {
        match self.config.algorithm {
            KeyAlgorithm::HmacSha256 => 32,
            KeyAlgorithm::HmacSha384 => 48,
            KeyAlgorithm::HmacSha512 => 64,
        }
    }

    /// The code of all `parts` together.
    pub(super) fn mac(&self, parts: &[&[u8]]) -> Vec<u8> {
        match self.begun(parts) {
            Begun::Sha256(mac) => mac.finalize().into_bytes().to_vec(),
            Begun::Sha384(mac) => mac.finalize().into_bytes().to_vec(),
            Begun::Sha512(mac) => mac.finalize().into_bytes().to_vec(),
        }
    }

    /// Whether `mac`, of at least one octet, is the beginning of the code of all `parts` together.
    /// The time it takes says nothing of how much is right.
    pub(super) fn is_mac(&self, parts: &[&[u8]], mac: &[u8]) -> bool {
        let verified: Result<(), MacError> = match self.begun(parts) {
            Begun::Sha256(begun) => begun.verify_truncated_left(mac),
            Begun::Sha384(begun) => begun.verify_truncated_left(mac),
            Begun::Sha512(begun) => begun.verify_truncated_left(mac),
        };
        verified.is_ok()
    }

    fn begun(&self, parts: &[&[u8]]) -> Begun {
        let secret = &*self.config.secret;
        let any = "HMAC takes keys of any length";
        let mut begun = match self.config.algorithm {
            KeyAlgorithm::HmacSha256 => {
                Begun::Sha256(Hmac::<Sha256>::new_from_slice(secret).expect(any))
            }
            KeyAlgorithm::HmacSha384 => {
                Begun::Sha384(Hmac::<Sha384>::new_from_slice(secret).expect(any))
            }
            KeyAlgorithm::HmacSha512 => {
                Begun::Sha512(Hmac::<Sha512>::new_from_slice(secret).expect(any))
            }
        };
        for part in parts {
            match &mut begun {
                Begun::Sha256(mac) => mac.update(part),
                Begun::Sha384(mac) => mac.update(part),
                Begun::Sha512(mac) => mac.update(part),
            }
        }
        begun
    }
}

/// A code that is being made.
enum Begun {
    Sha256(Hmac<Sha256>),
    Sha384(Hmac<Sha384>),
    Sha512(Hmac<Sha512>),
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Key").field(&self.config.name).finish()
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.config == other.config
    }
}
