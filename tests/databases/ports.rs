//! Ports that are free at the moment.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, UdpSocket};

/// A TCP port that is free on every one of `addresses`.
///
/// # Panics
/// When there is none, or the addresses are not local.
pub(crate) fn free_on(addresses: &[Ipv4Addr]) -> u16 {
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
pub(crate) fn free_for_dns() -> SocketAddr {
    for _ in 0..100 {
        let port = free_on(&[Ipv4Addr::LOCALHOST]);
        if UdpSocket::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port);
        }
    }
    panic!("no port of 127.0.0.1 is free for both UDP and TCP");
}

fn port_of(listener: &TcpListener) -> u16 {
    listener.local_addr().expect("a bound socket has an address").port()
}
