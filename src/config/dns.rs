//! Settings of the DNS listeners (`[dns]`).

use std::net::SocketAddr;

/// Where DNS is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DnsConfig {
    /// Addresses and ports, each for UDP and TCP; at least one. Port 0 takes a free one.
    pub listen: Vec<SocketAddr>,
    /// UDP sockets per address, each read by a task of its own. One per CPU by default, at least 1.
    pub workers: usize,
}
