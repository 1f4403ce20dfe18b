//! A TCP connection of this host, as far as it matters whose it is.

use std::net::{IpAddr, SocketAddr};

/// An established connection that this host has opened, or both ends of one within it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connection {
    /// The kernel's number of the socket, which is given once.
    pub cookie: u64,
    /// Our end.
    pub local: SocketAddr,
    /// The other end, never an IPv4 address in an IPv6 one.
    pub remote: SocketAddr,
    /// Whose it is.
    pub owner: Owner,
}

/// Whose a connection is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Owner {
    /// The user.
    pub uid: u32,
    /// The number of its control group, where the kernel tells.
    pub cgroup: Option<u64>,
    /// The name of the process, where it may be seen: other users' processes need a right for that.
    pub process: Option<Box<str>>,
}

impl Connection {
    /// Whether both ends are on this host, by address.
    pub fn is_to_itself(&self) -> bool {
        self.remote.ip() == self.local.ip() || self.remote.ip().is_loopback()
    }
}

/// An address without the notation that puts an IPv4 address into an IPv6 one.
pub fn canonical(address: IpAddr, port: u16) -> SocketAddr {
    SocketAddr::new(address.to_canonical(), port)
}
