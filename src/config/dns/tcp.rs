//! `[dns.tcp]`: limits of DNS over TCP and over TLS.

use std::time::Duration;

use crate::config::read::{Conversion, Field, Whole, section};

section! {
    /// Limits of DNS over TCP and TLS.
    TcpSection = "[dns.tcp]" {
        /// Connections in all. A few for each of many resolvers, and some 50 MB at the worst; more
        /// than a million descriptors is beyond any system's default.
        max_connections: Whole<usize> [1..=1_000_000] = 2000,
        /// Connections of one client address. A resolver needs a handful, a network behind one
        /// address more.
        max_connections_per_client(all: usize): Whole<usize> [1..=1_000_000] = all.min(200),
        /// How long a connection may go without a whole question (RFC 7766 section 6.2.3: seconds).
        /// The keepalive option, which tells it to clients, counts tenths of a second in 16 bits
        /// (RFC 7828 section 3.1).
        idle_timeout: Duration [Duration::from_millis(100)..=Duration::from_secs(3600)]
            = Duration::from_secs(10),
    }
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

impl Default for TcpConfig {
    fn default() -> Self {
        convert(&Field::Absent, &mut Conversion::of_nothing())
    }
}

/// `[dns.tcp]`, which may be left out.
pub fn convert(field: &Field<TcpSection>, conversion: &mut Conversion<'_>) -> TcpConfig {
    let absent = TcpSection::default();
    let section = field.given().unwrap_or(&absent);
    let max_connections = section.max_connections(conversion);
    let max_connections_per_client =
        section.max_connections_per_client(max_connections, conversion);
    if let (Some(place), true) =
        (section.max_connections_per_client.span(), max_connections_per_client > max_connections)
    {
        conversion.faults.add(
            place,
            format!(
                "`max_connections_per_client` = {max_connections_per_client} is more than \
                 `max_connections` = {max_connections}"
            ),
            "lower it: one client could take all connections",
        );
    }
    let idle_timeout = section.idle_timeout(conversion);
    TcpConfig { max_connections, max_connections_per_client, idle_timeout }
}
