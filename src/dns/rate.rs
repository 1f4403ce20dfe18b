//! Response rate limiting over UDP, so that nobody is flooded in our name: a query with a forged
//! source makes us send to somebody who did not ask.
//!
//! The generic cell rate algorithm: each client prefix has a time at which all of its replies so
//! far would have been due; a reply that would push it more than a second ahead is over the limit.
//! So a prefix that was silent gets one second's worth of replies at once, and from then on its
//! rate.
//!
//! Memory is fixed and nothing is locked. Prefixes are spread over the places by a keyed hash;
//! two that meet share a limit.

use std::{
    fmt,
    net::IpAddr,
    sync::atomic::{AtomicU64, Ordering},
};

use rand::RngExt;
use siphasher::sip::SipHasher13;

use crate::config::{Networks, RateLimitConfig};

/// Limits replies per client prefix.
pub struct RateLimit {
    /// Each holds a [`Place`].
    places: Box<[AtomicU64]>,
    key: SipHasher13,
    /// Microseconds from one reply to the next, at least 1.
    interval: u64,
    slip: u64,
    ipv4_prefix: u32,
    ipv6_prefix: u32,
    exempt: Networks,
}

/// What becomes of one reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Allowance {
    /// It is within the limit.
    Within,
    /// It is over the limit, and the one in so many that is sent nevertheless, truncated.
    Slip,
    /// It is over the limit.
    Over,
}

impl RateLimit {
    /// As `config` has it; `None` for no limit.
    pub fn new(config: &RateLimitConfig) -> Option<Self> {
        let per_second = u64::from(config.responses_per_second);
        let interval = SECOND.checked_div(per_second)?.max(1);
        Some(Self {
            places: (0..PLACES).map(|_| AtomicU64::new(0)).collect(),
            key: SipHasher13::new_with_key(&rand::rng().random()),
            interval,
            slip: u64::from(config.slip).clamp(1, SLIPPED),
            ipv4_prefix: u32::from(config.ipv4_prefix),
            ipv6_prefix: u32::from(config.ipv6_prefix),
            exempt: config.exempt.clone(),
        })
    }

    /// Whether replies to `client` are counted.
    pub fn covers(&self, client: IpAddr) -> bool {
        !self.exempt.contains(client)
    }

    /// Counts a reply to `client` at `now`, in milliseconds of a clock that does not go back.
    pub fn take(&self, client: IpAddr, now: u64) -> Allowance {
        let now = now.saturating_mul(1000) & TIME_MAX;
        let mut allowance = Allowance::Within;
        let place = &self.places[self.place_of(client)];
        let count = |octets| {
            let Place { due, slipped } = Place::unpack(octets);
            let next = due.max(now) + self.interval;
            let place = if next <= now + SECOND.max(self.interval) {
                allowance = Allowance::Within;
                Place { due: next, slipped: 0 }
            } else {
                allowance = if slipped == 0 { Allowance::Slip } else { Allowance::Over };
                Place { due, slipped: (slipped + 1) % self.slip }
            };
            Some(place.pack())
        };
        // It always finds a value to store.
        let _previous = place.fetch_update(Ordering::Relaxed, Ordering::Relaxed, count);
        allowance
    }

    fn place_of(&self, client: IpAddr) -> usize {
        let (family, prefix) = match client.to_canonical() {
            IpAddr::V4(address) => {
                let kept = u32::MAX.checked_shl(32 - self.ipv4_prefix).unwrap_or(0);
                (4, u128::from(address.to_bits() & kept))
            }
            IpAddr::V6(address) => {
                let kept = u128::MAX.checked_shl(128 - self.ipv6_prefix).unwrap_or(0);
                (6, address.to_bits() & kept)
            }
        };
        let mut octets = [family; 17];
        octets[1..].copy_from_slice(&prefix.to_be_bytes());
        let [high, low, ..] = self.key.hash(&octets).to_be_bytes();
        usize::from(u16::from_be_bytes([high, low]))
    }
}

impl fmt::Debug for RateLimit {
    /// Without key and places.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RateLimit").field("interval", &self.interval).finish_non_exhaustive()
    }
}

/// What is known of a client prefix.
struct Place {
    /// When all replies so far would have been due, in microseconds; 48 bits last nine years.
    due: u64,
    /// Replies over the limit since the last one that was sent, 16 bits.
    slipped: u64,
}

impl Place {
    fn unpack(octets: u64) -> Self {
        Self { due: octets >> SLIPPED_BITS, slipped: octets & SLIPPED }
    }

    fn pack(self) -> u64 {
        self.due << SLIPPED_BITS | self.slipped
    }
}

/// One for each value of 16 bits of the hash: 512 KiB.
const PLACES: usize = 1 << 16;

/// In microseconds.
const SECOND: u64 = 1_000_000;

const SLIPPED_BITS: u32 = 16;
const SLIPPED: u64 = (1 << SLIPPED_BITS) - 1;

/// The last microsecond that leaves room for what is added to it.
const TIME_MAX: u64 = (1 << 47) - 1;

#[cfg(test)]
mod tests {
    use super::*;

    fn limit(per_second: u32, slip: u32) -> RateLimit {
        let config = RateLimitConfig {
            responses_per_second: per_second,
            slip,
            exempt: Networks::Nobody,
            ..RateLimitConfig::default()
        };
        RateLimit::new(&config).unwrap()
    }

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    /// How many of `count` replies at `now` are within the limit, slip, and are over it.
    fn tally(limit: &RateLimit, client: &str, now: u64, count: usize) -> [usize; 3] {
        let mut tally = [0; 3];
        for _ in 0..count {
            tally[limit.take(address(client), now) as usize] += 1;
        }
        tally
    }

    #[test]
    fn a_second_of_replies_comes_at_once_and_then_the_rate() {
        let limit = limit(10, 1);
        for now in [0, 10_000, 1_000_000_000_000] {
            assert_eq!(tally(&limit, "192.0.2.1", now, 25), [10, 15, 0], "at {now}");
            assert_eq!(tally(&limit, "192.0.2.1", now + 50, 5), [0, 5, 0]);
            assert_eq!(tally(&limit, "192.0.2.1", now + 300, 5), [3, 2, 0]);
            assert_eq!(tally(&limit, "192.0.2.1", now + 5000, 12), [10, 2, 0]);
        }
    }

    #[test]
    fn the_average_is_the_rate_whatever_it_is() {
        for per_second in [1, 3, 50, 999, 10_000, 1_000_000] {
            let limit = limit(per_second, 1);
            let expected = usize::try_from(per_second).unwrap() * 3;
            let within: usize = (1000..3000)
                .map(|now| tally(&limit, "192.0.2.1", now, expected / 2000 + 2)[0])
                .sum();
            assert!(within.abs_diff(expected) <= expected / 100 + 1, "{within} of {expected}");
        }
    }

    #[test]
    fn one_in_so_many_slips() {
        assert_eq!(tally(&limit(1, 1), "192.0.2.1", 0, 11), [1, 10, 0]);
        assert_eq!(tally(&limit(1, 2), "192.0.2.1", 0, 11), [1, 5, 5]);
        assert_eq!(tally(&limit(1, 10), "192.0.2.1", 0, 21), [1, 2, 18]);
        assert_eq!(tally(&limit(1, u32::MAX), "192.0.2.1", 0, 21), [1, 1, 19]);
    }

    #[test]
    fn a_prefix_is_one_client_and_prefixes_are_apart() {
        let limit = limit(4, 1);
        assert_eq!(tally(&limit, "192.0.2.1", 0, 3), [3, 0, 0]);
        assert_eq!(tally(&limit, "::ffff:192.0.2.254", 0, 3), [1, 2, 0]);
        assert_eq!(
            limit.place_of(address("2001:db8::1")),
            limit.place_of(address("2001:db8:0:ff::2"))
        );
        let places = (0..=255).map(|third| limit.place_of(IpAddr::from([10, 0, third, 1])));
        let distinct: std::collections::BTreeSet<_> = places.collect();
        assert!(distinct.len() > 240, "{} places for 256 prefixes", distinct.len());
        assert_ne!(limit.place_of(address("::")), limit.place_of(address("0.0.0.0")));
    }

    #[test]
    fn whole_addresses_can_be_prefixes() {
        let config = RateLimitConfig {
            responses_per_second: 1,
            ipv4_prefix: 32,
            ipv6_prefix: 128,
            ..RateLimitConfig::default()
        };
        let limit = RateLimit::new(&config).unwrap();
        assert_ne!(limit.place_of(address("192.0.2.1")), limit.place_of(address("192.0.2.2")));
        assert_ne!(limit.place_of(address("2001:db8::1")), limit.place_of(address("2001:db8::2")));
        assert!(!limit.covers(address("127.0.0.1")) && limit.covers(address("192.0.2.1")));
    }

    #[test]
    fn without_a_rate_there_is_no_limit() {
        let config = RateLimitConfig { responses_per_second: 0, ..RateLimitConfig::default() };
        assert!(RateLimit::new(&config).is_none());
    }

    #[test]
    fn threads_share_one_limit() {
        let limit = limit(1000, 1);
        let within: usize = std::thread::scope(|scope| {
            let count = || tally(&limit, "192.0.2.1", 0, 1000)[0];
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(count)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!(within, 1000);
    }
}
