//! What holds when the file does not say otherwise, and within which limits it may say so. Each
//! with its reason.

use std::{
    net::{Ipv4Addr, SocketAddr, SocketAddrV4},
    ops::RangeInclusive,
    time::Duration,
};

use crate::engine::Thresholds;

/// Address and port of `[dns] listen`: only this host, until the operator says who else may ask.
/// IPv6 loopback is left out because containers often lack it and a start must not fail on a
/// default.
pub const LISTEN: SocketAddr = SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 53));

/// Threads that answer DNS. The default is one per CPU; more than this only costs memory.
pub const WORKERS: RangeInclusive<i64> = 1..=256;

/// Octets of `identity`: what one character-string of a TXT record holds (RFC 1035 section 3.3).
pub const IDENTITY: RangeInclusive<usize> = 1..=255;

/// TCP and TLS connections in all: a few for each of many resolvers, and some 50 MB at the worst.
pub const TCP_CONNECTIONS: usize = 2000;

/// TCP and TLS connections of one client address: a resolver needs a handful, a network behind one
/// address more.
pub const TCP_CONNECTIONS_PER_CLIENT: usize = 200;

/// Limits of both. More than a million descriptors is beyond any system's default.
pub const TCP_CONNECTIONS_RANGE: RangeInclusive<i64> = 1..=1_000_000;

/// How long a TCP connection may go without a whole question (RFC 7766 section 6.2.3: seconds).
pub const TCP_IDLE: Duration = Duration::from_secs(10);

/// Limits of `idle_timeout`. The keepalive option, which tells it to clients, counts tenths of a
/// second in 16 bits (RFC 7828 section 3.1).
pub const TCP_IDLE_RANGE: RangeInclusive<Duration> =
    Duration::from_millis(100)..=Duration::from_secs(3600);

/// UDP replies per second to one client prefix outside local networks. Low TTLs make a resolver ask
/// often: each name at most once a second, from each of its machines.
pub const RESPONSES_PER_SECOND: u32 = 200;

/// Limits of `responses_per_second`; zero switches it off.
pub const RESPONSES_RANGE: RangeInclusive<i64> = 0..=1_000_000;

/// Every reply above the limit becomes a small one with TC: no more octets out than came in, and a
/// real client is only sent to TCP.
pub const SLIP: u32 = 1;

/// Limits of `slip`. More than this is as good as silence.
pub const SLIP_RANGE: RangeInclusive<i64> = 1..=100;

/// IPv4 networks are hardly routed in smaller pieces.
pub const IPV4_PREFIX: u8 = 24;

/// One customer's IPv6 network (RFC 6177 section 2).
pub const IPV6_PREFIX: u8 = 56;

/// TTL of a write name. 0 is kept for seconds or refused by some resolvers; 1 is honoured by nearly
/// all.
pub const WRITE_TTL: Duration = Duration::from_secs(1);

/// TTL of a read name. A replica too many for a moment does less harm than a wrong primary.
pub const READ_TTL: Duration = Duration::from_secs(2);

/// TTL of a name while its cluster is in doubt: a change is then near.
pub const TTL_UNSTABLE: Duration = Duration::from_secs(1);

/// TTLs that make sense: never 0, and at most a day.
pub const TTL: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(86_400);

/// `flap_block`: clients that followed a move should not have to follow it back before their pools
/// have settled.
pub const FLAP_BLOCK: Duration = Duration::from_secs(60);

/// What `flap_block` may be; zero switches it off.
pub const FLAP_BLOCK_RANGE: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_secs(3600);

/// Lag up to which a replica counts as fresh. Short enough for most readers, long enough for a
/// checkpoint.
pub const MAX_LAG: Duration = Duration::from_secs(10);

/// Limits of `max_lag`. Less than the probes can measure is no limit; more than a day is no
/// freshness.
pub const MAX_LAG_RANGE: RangeInclusive<Duration> =
    Duration::from_millis(100)..=Duration::from_secs(86_400);

/// Fit replicas below which the ladder adds others: one is an answer.
pub const MIN_SERVERS: usize = 1;

/// Calm cadence of probes. One small query a second is noise for any database.
pub const INTERVAL: Duration = Duration::from_secs(1);

/// Limits of `interval` and `fast_interval`. Faster is load without knowledge; slower is no
/// monitoring.
pub const INTERVAL_RANGE: RangeInclusive<Duration> =
    Duration::from_millis(100)..=Duration::from_secs(300);

/// Cadence while anything is in doubt: a promotion is seen within a quarter of a second.
pub const FAST_INTERVAL: Duration = Duration::from_millis(250);

/// One deadline around a whole probe. Longer than a lost SYN's first retry (1 s, RFC 6298 section
/// 2).
pub const TIMEOUT: Duration = Duration::from_millis(1500);

/// Limits of `timeout`. Shorter than 50 ms mistakes load for death; longer than 30 s is no
/// deadline.
pub const TIMEOUT_RANGE: RangeInclusive<Duration> =
    Duration::from_millis(50)..=Duration::from_secs(30);

/// A timeout of more intervals than this means that one of the two is a slip of the pen: a probe
/// that is due waits for the one before it, so the interval would never be kept when it matters.
pub const INTERVALS_PER_TIMEOUT: u32 = 10;

/// Soft failures in a row until Down: two may be one lost packet and its retry.
pub const FALL: u32 = 3;

/// Successes in a row until a replica is back: one may be the last gasp of a flapping link.
pub const RISE: u32 = 2;

/// Limits of `fall` and `rise`.
pub const STREAK: RangeInclusive<i64> = 1..=100;

/// A server's priority. The same for all, so that the order of the file decides.
pub const PRIORITY: u32 = 100;

/// A server's weight. The same for all: every server gets the same share.
pub const WEIGHT: u32 = 1;

/// Limits of `priority` and `weight`, which are SRV's (RFC 2782).
pub const RANK: RangeInclusive<i64> = 0..=65_535;

/// PostgreSQL's port.
pub const POSTGRES_PORT: u16 = 5432;

/// The port of Patroni's REST API.
pub const PATRONI_PORT: u16 = 8008;

/// Statuses that a reply can end with (RFC 9110 section 15).
pub const HTTP_STATUS: RangeInclusive<u16> = 200..=599;

/// Deadline of one attempt of a hook: commands that talk to other programs take seconds.
pub const HOOK_TIMEOUT: Duration = Duration::from_secs(10);

/// Limits of a hook's `timeout`. Shorter cuts off honest work; longer lets events wait too long.
pub const HOOK_TIMEOUT_RANGE: RangeInclusive<Duration> =
    Duration::from_secs(1)..=Duration::from_secs(300);

/// What the arguments of a command may hold between braces.
pub const PLACEHOLDERS: [&str; 4] = ["server", "address", "port", "cluster"];

/// MySQL's and MariaDB's port.
pub const MYSQL_PORT: u16 = 3306;

/// The database that a PostgreSQL probe connects to: it exists unless somebody drops it.
pub const POSTGRES_DATABASE: &str = "postgres";

/// Silence after which a probe task counts as stuck: three honest rounds, and not less than one of
/// a server that has been down for long and a quarter of that, so that neither its slow pace nor a
/// busy machine that starves the probes for a moment turns servers Unknown.
pub fn stale_after(interval: Duration, timeout: Duration) -> Duration {
    let slowest = Thresholds::SLOWEST.max(interval) + timeout;
    (3 * (interval + timeout)).max(slowest * 5 / 4)
}

/// How long a name may say "not ready" after the start: the first probe's deadline and 500 ms of
/// start jitter.
pub fn first_round(timeout: Duration) -> Duration {
    timeout + Duration::from_millis(500)
}
