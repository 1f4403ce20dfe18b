//! Server cookies (RFC 7873) in the interoperable form of RFC 9018.
//!
//! A cookie shows that its sender receives what is sent to its address. Nobody is made to have one:
//! a valid cookie only frees from rate limiting. Two instances with the same secrets take each
//! other's cookies. The first secret makes cookies, all of them check, so that a secret can be
//! changed without a gap (RFC 9018 section 5).
//!
//! Nothing here allocates, locks or reads a clock.

use std::{fmt, net::IpAddr};

use rand::RngExt;
use siphasher::sip::SipHasher24;

/// Makes and checks server cookies.
pub struct Cookies {
    maker: SipHasher24,
    /// The secrets of earlier or later days.
    others: Box<[SipHasher24]>,
}

/// What a server cookie is worth (RFC 9018 section 4.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CookieVerdict {
    /// Ours, of this client and at most half an hour old: it can be sent back as it is.
    Valid,
    /// Ours, of this client and at most an hour old: it counts, and a new one is due.
    Renew,
    /// Of another client, secret, version or time, or no server cookie at all.
    Invalid,
}

/// What to do with the COOKIE option of one query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CookieReply {
    /// The data of the option in the reply: client cookie and server cookie.
    pub option: [u8; 24],
    /// What the server cookie in the query was worth; `None` for a client cookie alone.
    pub verdict: Option<CookieVerdict>,
}

/// A COOKIE option that has the length of none (RFC 7873 section 5.2.2): FORMERR.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a COOKIE option has 8 octets, or 16 to 40")]
pub struct MalformedCookie;

impl Cookies {
    /// With these secrets, the first for making cookies; with none, one is drawn.
    pub fn new(secrets: &[[u8; 16]]) -> Self {
        match secrets {
            [] => Self::new(&[rand::rng().random()]),
            [first, others @ ..] => Self {
                maker: SipHasher24::new_with_key(first),
                others: others.iter().map(SipHasher24::new_with_key).collect(),
            },
        }
    }

    /// The server cookie for a client that sends `client_cookie` from `client` at `unix_seconds`,
    /// the wall time in seconds since 1970 modulo 2^32.
    pub fn server_cookie(
        &self,
        client_cookie: [u8; 8],
        client: IpAddr,
        unix_seconds: u32,
    ) -> [u8; 16] {
        let mut cookie = [0; 16];
        cookie[0] = VERSION;
        cookie[4..8].copy_from_slice(&unix_seconds.to_be_bytes());
        let hash = Covered::new(client_cookie, &cookie, client).hash(&self.maker);
        cookie[8..].copy_from_slice(&hash);
        cookie
    }

    /// What `server_cookie` is worth when it comes with `client_cookie` from `client` at
    /// `unix_seconds`. The reserved octets may have any value (RFC 9018 section 4.2).
    pub fn check(
        &self,
        client_cookie: [u8; 8],
        server_cookie: &[u8],
        client: IpAddr,
        unix_seconds: u32,
    ) -> CookieVerdict {
        let Ok(cookie) = <&[u8; 16]>::try_from(server_cookie) else {
            return CookieVerdict::Invalid;
        };
        let [version, _, _, _, t0, t1, t2, t3, hash @ ..] = *cookie;
        let made = u32::from_be_bytes([t0, t1, t2, t3]);
        // Serial number arithmetic (RFC 1982): half of all differences lie in the future.
        let age = unix_seconds.wrapping_sub(made).cast_signed();
        if version != VERSION || !(-AHEAD..=LIFETIME).contains(&age) {
            return CookieVerdict::Invalid;
        }
        let covered = Covered::new(client_cookie, cookie, client);
        let ours = [&self.maker].into_iter().chain(&self.others);
        if !ours.into_iter().any(|secret| covered.hash(secret) == hash) {
            return CookieVerdict::Invalid;
        }
        if age > RENEWAL { CookieVerdict::Renew } else { CookieVerdict::Valid }
    }

    /// The answer to a COOKIE option with the data `option`. A server cookie that is valid goes
    /// back as it is; in every other case a new one is made.
    ///
    /// # Errors
    /// [`MalformedCookie`], when the length is not one of a COOKIE option.
    pub fn reply_to(
        &self,
        option: &[u8],
        client: IpAddr,
        unix_seconds: u32,
    ) -> Result<CookieReply, MalformedCookie> {
        let Some((&client_cookie, sent)) = option.split_first_chunk::<8>() else {
            return Err(MalformedCookie);
        };
        let verdict = match sent.len() {
            0 => None,
            8..=32 => Some(self.check(client_cookie, sent, client, unix_seconds)),
            _ => return Err(MalformedCookie),
        };
        let mut reply = [0; OPTION_LENGTH];
        reply[..8].copy_from_slice(&client_cookie);
        if verdict == Some(CookieVerdict::Valid) {
            reply[8..].copy_from_slice(sent);
        } else {
            reply[8..].copy_from_slice(&self.server_cookie(client_cookie, client, unix_seconds));
        }
        Ok(CookieReply { option: reply, verdict })
    }
}

impl fmt::Debug for Cookies {
    /// Without the secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cookies").finish_non_exhaustive()
    }
}

impl CookieReply {
    /// Whether the query came with a server cookie that counts.
    pub fn is_valid(&self) -> bool {
        matches!(self.verdict, Some(CookieVerdict::Valid | CookieVerdict::Renew))
    }
}

/// The octets that the hash covers: client cookie, version, reserved, timestamp, client address
/// (RFC 9018 section 4.4).
struct Covered {
    octets: [u8; 32],
    length: usize,
}

impl Covered {
    /// An IPv4 address that is written as IPv6 counts as IPv4.
    fn new(client_cookie: [u8; 8], server_cookie: &[u8; 16], client: IpAddr) -> Self {
        let mut octets = [0; 32];
        octets[..8].copy_from_slice(&client_cookie);
        octets[8..16].copy_from_slice(&server_cookie[..8]);
        let length = match client.to_canonical() {
            IpAddr::V4(address) => {
                octets[16..20].copy_from_slice(&address.octets());
                20
            }
            IpAddr::V6(address) => {
                octets[16..].copy_from_slice(&address.octets());
                32
            }
        };
        Self { octets, length }
    }

    fn hash(&self, secret: &SipHasher24) -> [u8; 8] {
        secret.hash(&self.octets[..self.length]).to_le_bytes()
    }
}

/// Octets of the option's data in a reply: 8 of the client cookie, 16 of the server cookie.
const OPTION_LENGTH: usize = 24;

/// The construction of RFC 9018 section 4.1.
const VERSION: u8 = 1;

/// How old a cookie may be, in seconds.
const LIFETIME: i32 = 3600;

/// How far ahead of our clock its maker's may be, in seconds.
const AHEAD: i32 = 300;

/// The age after which a new cookie is made, in seconds.
const RENEWAL: i32 = 1800;

#[cfg(test)]
mod tests;
