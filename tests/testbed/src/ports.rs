//! Ports that are free at the moment.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, UdpSocket};

/// A TCP port that is free on every one of `addresses`.
///
/// # Panics
/// When there is none, or the addresses are not local.
pub fn free_on(addresses: &[Ipv4Addr]) -> u16 {
    let mut taken = Vec::new();
    for _ in 0..100 {
        let first = TcpListener::bind((addresses[0], 0)).expect("a loopback address can be bound");
        let port = port_of(&first);
        let others: Vec<_> = addresses[1..]
            .iter()
            .map_while(|address| TcpListener::bind((*address, port)).ok())
            .collect();
        if others.len() + 1 == addresses.len() {
            return port;
        }
        taken.push(first); // So that the next try gets another one.
    }
    panic!("no port is free on all of {addresses:?}");
}

/// A port on 127.0.0.1 that is free for both UDP and TCP.
///
/// # Panics
/// When there is none.
pub fn free_for_dns() -> SocketAddr {
    free_for_dns_on(&[Ipv4Addr::LOCALHOST])[0]
}

/// One port that is free for both UDP and TCP on every one of `addresses`.
///
/// # Panics
/// When there is none, or the addresses are not local.
pub fn free_for_dns_on(addresses: &[Ipv4Addr]) -> Vec<SocketAddr> {
    for _ in 0..100 {
        let port = free_on(addresses);
        if addresses.iter().all(|address| UdpSocket::bind((*address, port)).is_ok()) {
            let at = |address: &Ipv4Addr| SocketAddr::new(IpAddr::V4(*address), port);
            return addresses.iter().map(at).collect();
        }
    }
    panic!("no port of {addresses:?} is free for both UDP and TCP");
}

fn port_of(listener: &TcpListener) -> u16 {
    listener.local_addr().expect("a bound socket has an address").port()
}
