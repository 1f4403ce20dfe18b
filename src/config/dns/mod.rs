//! `[dns]`: where DNS is answered, to whom, and within which limits.

mod cookies;
mod expose;
mod listeners;
mod rate_limit;
mod tcp;
mod tls;

use std::{fmt, net::SocketAddr, num::NonZero, ops::RangeInclusive, path::PathBuf, thread};

use toml::{Spanned, de::DeValue};

pub use self::{
    expose::ExposeConfig, rate_limit::RateLimitConfig, tcp::TcpConfig, tls::TlsListenConfig,
};
pub use self::{
    expose::ExposeSection,
    listeners::{LISTEN, Listeners},
    rate_limit::RateLimitSection,
    tcp::TcpSection,
    tls::TlsListenSection,
};
use super::read::{Conversion, Faults, Field, Networks, Value, Whole, parsed, plain, section};

section! {
    /// Where DNS is answered.
    DnsSection = "[dns]" {
        /// Addresses and ports, each for UDP and TCP.
        listen: Vec<Spanned<SocketAddr>>,
        /// Threads. More than the CPUs have only costs memory.
        workers: Whole<usize> [1..=256] = cpus(),
        /// What we call ourselves.
        identity: Identity,
        /// Who may ask.
        allow_query: Networks = Networks::All,
        /// The secrets of server cookies.
        cookie_secret_file: PathBuf,
        /// Limits of connections.
        tcp: TcpSection,
        /// DNS over TLS.
        tls: TlsListenSection,
        /// Response rate limiting.
        rate_limit: RateLimitSection,
        /// Who may see what beside the served names.
        expose: ExposeSection,
    }
}

/// Where DNS is answered, to whom, and within which limits. Its `Debug` hides the secrets.
#[derive(Clone, PartialEq, Eq)]
pub struct DnsConfig {
    /// Addresses and ports, each for UDP and TCP; at least one. Port 0 takes a free one.
    pub listen: Vec<SocketAddr>,
    /// UDP sockets per address, each read by a thread of its own. One per CPU by default, at least
    /// 1.
    pub workers: usize,
    /// What NSID, `id.server` and `hostname.bind` say; `None` for the machine's host name.
    pub identity: Option<Box<str>>,
    /// Who may ask at all; everybody else is REFUSED.
    pub allow_query: Networks,
    /// Secrets of server cookies (RFC 9018), the first for making them, all for checking them.
    /// Empty: one is drawn at the start.
    pub cookie_secrets: Vec<[u8; 16]>,
    /// DNS over TCP.
    pub tcp: TcpConfig,
    /// DNS over TLS, when a certificate is configured.
    pub tls: Option<TlsListenConfig>,
    /// Response rate limiting over UDP.
    pub rate_limit: RateLimitConfig,
    /// Who may see the names that tell about us and our servers.
    pub expose: ExposeConfig,
}

/// `[dns]`, which may be left out.
pub fn convert(
    field: &Field<DnsSection>,
    listeners: &mut Listeners,
    conversion: &mut Conversion<'_>,
) -> DnsConfig {
    let absent = DnsSection::default();
    let section = field.given().unwrap_or(&absent);
    DnsConfig {
        workers: section.workers(conversion),
        listen: match &section.listen {
            Field::Given(listen) => {
                let advice = format!("name an address, or leave it out for {LISTEN}");
                listeners.take(listen, advice, conversion)
            }
            Field::Absent | Field::Faulty => vec![LISTEN],
        },
        identity: section.identity.given().map(|identity| identity.0.as_str().into()),
        allow_query: section.allow_query(),
        cookie_secrets: cookies::convert(&section.cookie_secret_file, conversion),
        tcp: tcp::convert(&section.tcp, conversion),
        tls: tls::convert(&section.tls, listeners, conversion),
        rate_limit: rate_limit::convert(&section.rate_limit, conversion),
        expose: expose::convert(&section.expose, conversion),
    }
}

fn cpus() -> usize {
    thread::available_parallelism().map_or(1, NonZero::get)
}

/// The keys that differ. All are bound, or given to threads, at the start.
pub fn differing(was: &DnsConfig, is: &DnsConfig) -> Vec<&'static str> {
    let DnsConfig {
        listen,
        workers,
        identity,
        allow_query,
        cookie_secrets,
        tcp,
        tls,
        rate_limit,
        expose,
    } = is;
    let keys = [
        ("[dns] listen", was.listen != *listen),
        ("[dns] workers", was.workers != *workers),
        ("[dns] identity", was.identity != *identity),
        ("[dns] allow_query", was.allow_query != *allow_query),
        ("[dns] cookie_secret_file", was.cookie_secrets != *cookie_secrets),
        ("[dns.tcp]", was.tcp != *tcp),
        ("[dns.tls]", was.tls != *tls),
        ("[dns.rate_limit]", was.rate_limit != *rate_limit),
        ("[dns.expose]", was.expose != *expose),
    ];
    keys.into_iter().filter(|(_, differs)| *differs).map(|(key, _)| key).collect()
}

impl DnsConfig {
    /// The defaults, on these addresses.
    pub fn on(listen: Vec<SocketAddr>, workers: usize) -> Self {
        Self {
            listen,
            workers,
            identity: None,
            allow_query: Networks::All,
            cookie_secrets: Vec::new(),
            tcp: TcpConfig::default(),
            tls: None,
            rate_limit: RateLimitConfig::default(),
            expose: ExposeConfig::default(),
        }
    }
}

impl fmt::Debug for DnsConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            listen,
            workers,
            identity,
            allow_query,
            cookie_secrets,
            tcp,
            tls,
            rate_limit,
            expose,
        } = self;
        f.debug_struct("DnsConfig")
            .field("listen", listen)
            .field("workers", workers)
            .field("identity", identity)
            .field("allow_query", allow_query)
            .field("cookie_secrets", &format_args!("{} of them", cookie_secrets.len()))
            .field("tcp", tcp)
            .field("tls", tls)
            .field("rate_limit", rate_limit)
            .field("expose", expose)
            .finish()
    }
}

/// What NSID and `id.server` say: any text that fits into one TXT string.
#[derive(Clone, Debug)]
pub struct Identity(String);

impl Value for Identity {
    const KIND: &'static str = "a string";
    const FORM: &'static str = "a text of at most 255 octets in quotes";

    fn read(key: &str, value: &Spanned<DeValue<'_>>, faults: &mut Faults<'_>) -> Option<Self> {
        parsed(key, value, faults, |text| match plain(text)? {
            text if IDENTITY.contains(&text.len()) => Ok(Self(text.into())),
            text => Err(format!("has {} octets, 255 is the limit", text.len())),
        })
    }
}

/// Octets of `identity`: what one character-string of a TXT record holds (RFC 1035 section 3.3).
const IDENTITY: RangeInclusive<usize> = 1..=255;
