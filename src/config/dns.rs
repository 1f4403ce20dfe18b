//! Settings of the DNS server.

use std::net::SocketAddr;

/// Where and how to answer (`[dns]`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DnsConfig {
    /// Addresses to answer on, each by UDP and TCP on the same port. At least one.
    pub listen: Vec<SocketAddr>,
    /// UDP sockets per address, each read by a task of its own. One per CPU by default, at least 1.
    pub workers: usize,
}
