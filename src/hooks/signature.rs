//! How a receiver knows that a request comes from us and is new: HMAC-SHA256 (RFC 2104, FIPS
//! 180-4) over the time stamp, a dot and the body.

use std::fmt::Write as _;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// The value of `X-Pointsman-Signature`: `sha256=` and 64 hexadecimal digits.
pub fn signature(secret: &str, timestamp: &str, body: &[u8]) -> String {
    let mut mac =
        Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes keys of any length");
    mac.update(timestamp.as_bytes());
    mac.update(b".");
    mac.update(body);
    let mut text = "sha256=".to_owned();
    for octet in mac.finalize().into_bytes() {
        write!(text, "{octet:02x}").expect("a string takes all");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::signature;

    #[test]
    fn it_is_what_openssl_computes() {
        // printf '1700000000.{"id":1}' | openssl dgst -sha256 -hmac 'otter'
        assert_eq!(signature("otter", "1700000000", b"{\"id\":1}"), EXPECTED);
    }

    const EXPECTED: &str =
        "sha256=addc3da2a5c1c8e9da57f47db8ab6025b7ac5f20c4419dd5566596966d96a624";
}
