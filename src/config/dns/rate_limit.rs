//! `[dns.rate_limit]`: response rate limiting over UDP.

use crate::config::read::{Conversion, Field, Networks, Whole, section};

section! {
    /// Response rate limiting over UDP.
    RateLimitSection = "[dns.rate_limit]" {
        /// Replies per second to one client prefix outside local networks; zero switches it off.
        /// Low TTLs make a resolver ask often: each name at most once a second, from each of its
        /// machines.
        responses_per_second: Whole<u32> [0..=1_000_000] = 200,
        /// One in so many of the others is sent short. Every one becomes a small one with TC: no
        /// more octets out than came in, and a real client is only sent to TCP. More than a hundred
        /// is as good as silence.
        slip: Whole<u32> [1..=100] = 1,
        /// Bits of an IPv4 client prefix. IPv4 networks are hardly routed in smaller pieces.
        ipv4_prefix: Whole<u8> [1..=32] = 24,
        /// Bits of an IPv6 client prefix: one customer's network (RFC 6177 section 2).
        ipv6_prefix: Whole<u8> [1..=128] = 56,
        /// Who is never limited.
        exempt: Networks = Networks::local(),
    }
}

/// Response rate limiting (`[dns.rate_limit]`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RateLimitConfig {
    /// Replies per second to one client prefix; 0 for no limit.
    pub responses_per_second: u32,
    /// Of the replies above the limit, one in so many is sent with TC, so that a real client asks
    /// again by TCP; 1 for all of them. The others are dropped. At least 1.
    pub slip: u32,
    /// Leading bits of an IPv4 address that make a client prefix, 1 to 32.
    pub ipv4_prefix: u8,
    /// Leading bits of an IPv6 address that make a client prefix, 1 to 128.
    pub ipv6_prefix: u8,
    /// Who is never limited.
    pub exempt: Networks,
}

impl Default for RateLimitConfig {
    fn default() -> Self {
        convert(&Field::Absent, &mut Conversion::of_nothing())
    }
}

/// `[dns.rate_limit]`, which may be left out.
pub fn convert(
    field: &Field<RateLimitSection>,
    conversion: &mut Conversion<'_>,
) -> RateLimitConfig {
    let absent = RateLimitSection::default();
    let section = field.given().unwrap_or(&absent);
    let config = RateLimitConfig {
        responses_per_second: section.responses_per_second(conversion),
        slip: section.slip(conversion),
        ipv4_prefix: section.ipv4_prefix(conversion),
        ipv6_prefix: section.ipv6_prefix(conversion),
        exempt: section.exempt(),
    };
    if config.responses_per_second == 0 {
        let reason = "`responses_per_second` = 0 limits nobody";
        conversion.useless(&section.slip, "slip", reason);
        conversion.useless(&section.ipv4_prefix, "ipv4_prefix", reason);
        conversion.useless(&section.ipv6_prefix, "ipv6_prefix", reason);
        conversion.useless(&section.exempt, "exempt", reason);
    }
    config
}
