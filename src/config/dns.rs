//! Settings of the DNS listeners (`[dns]`).

use std::{fmt, net::SocketAddr, path::PathBuf, time::Duration};

use super::{Networks, defaults};

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

/// Limits of DNS over TCP and over TLS (`[dns.tcp]`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TcpConfig {
    /// Connections in all, at least 1.
    pub max_connections: usize,
    /// Connections of one client address, at least 1.
    pub max_connections_per_client: usize,
    /// How long a connection may go without a whole question, or without reading its replies.
    pub idle_timeout: Duration,
}

/// DNS over TLS (`[dns.tls]`, RFC 7858).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsListenConfig {
    /// Addresses and ports; at least one.
    pub listen: Vec<SocketAddr>,
    /// The certificate chain, PEM. Read again when the file changes.
    pub certificate_file: PathBuf,
    /// Its private key, PEM.
    pub key_file: PathBuf,
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

/// Who may see what beside the served names (`[dns.expose]`). A network that is left out gets
/// REFUSED; a name that nobody may see does not exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExposeConfig {
    /// `_postgresql._tcp.<name>` and `_mysql._tcp.<name>` SRV.
    pub srv: Networks,
    /// `<server>.<zone>` A and AAAA. Without them SRV records would point nowhere.
    pub servers: Networks,
    /// `_status.<name>` TXT.
    pub status: Networks,
    /// `_why.<server>.<zone>` TXT.
    pub why: Networks,
    /// `_events.<cluster>.<zone>` TXT.
    pub events: Networks,
    /// CH TXT `version.bind` and `version.server`.
    pub version: Networks,
    /// CH TXT `hostname.bind` and `id.server`, and the NSID option (RFC 5001).
    pub identity: Networks,
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

impl Default for TcpConfig {
    fn default() -> Self {
        Self {
            max_connections: defaults::TCP_CONNECTIONS,
            max_connections_per_client: defaults::TCP_CONNECTIONS_PER_CLIENT,
            idle_timeout: defaults::TCP_IDLE,
        }
    }
}

impl Default for RateLimitConfig {
    fn default() -> Self {
        Self {
            responses_per_second: defaults::RESPONSES_PER_SECOND,
            slip: defaults::SLIP,
            ipv4_prefix: defaults::IPV4_PREFIX,
            ipv6_prefix: defaults::IPV6_PREFIX,
            exempt: Networks::local(),
        }
    }
}

impl Default for ExposeConfig {
    fn default() -> Self {
        Self {
            srv: Networks::All,
            servers: Networks::All,
            status: Networks::local(),
            why: Networks::local(),
            events: Networks::local(),
            version: Networks::local(),
            identity: Networks::local(),
        }
    }
}
