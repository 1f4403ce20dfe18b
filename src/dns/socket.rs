//! The sockets: UDP and TCP on one port for each address.
//!
//! Each address gets several UDP sockets that share the port (`SO_REUSEPORT`), one per worker; the
//! kernel spreads clients over them. The first is bound before it may share, so that a second
//! server on the same address fails with "address in use" and does not silently take a part of the
//! questions. DNS over TLS has its own addresses, by TCP alone.
//!
//! Sockets of a wildcard address (`0.0.0.0`, `[::]`) are told with each query which address was
//! asked; the others do without.

use std::{
    io,
    net::{SocketAddr, UdpSocket},
};

use nix::sys::socket::{
    setsockopt,
    sockopt::{Ipv4PacketInfo, Ipv6RecvPacketInfo},
};
use socket2::{Domain, Protocol, SockAddr, Socket, Type};
use tokio::net::TcpListener;

use super::error::{BindError, Transport};

/// The sockets of one address.
#[derive(Debug)]
pub(super) struct Sockets {
    /// With the port that was found, where port 0 was asked for.
    pub(super) address: SocketAddr,
    /// One per worker.
    pub(super) udp: Vec<UdpSocket>,
    /// The listener.
    pub(super) tcp: TcpListener,
}

impl Sockets {
    /// Binds `address`; with port 0, one port that is free for both transports.
    pub(super) fn bind(address: SocketAddr, workers: usize) -> Result<Self, BindError> {
        let mut attempts = if address.port() == 0 { PORT_ATTEMPTS } else { 1 };
        loop {
            attempts -= 1;
            match Self::bind_once(address, workers) {
                Err(BindError::InUse { transport: Transport::Tcp, .. }) if attempts > 0 => {}
                bound => return bound,
            }
        }
    }

    fn bind_once(asked: SocketAddr, workers: usize) -> Result<Self, BindError> {
        let udp_error = |error| BindError::new(asked, Transport::Udp, error);
        let first = udp(asked, false).map_err(udp_error)?;
        let address = first.local_addr().map_err(udp_error)?;
        let listener = tcp(address).map_err(|error| {
            let shown = if asked.port() == 0 { address } else { asked };
            BindError::new(shown, Transport::Tcp, error)
        })?;
        let mut sockets = vec![first];
        for _ in 1..workers {
            sockets.push(udp(address, true).map_err(udp_error)?);
        }
        Ok(Self { address, udp: sockets, tcp: listener })
    }
}

/// Binds `address` for DNS over TLS. Returns it with the port that was found for port 0.
pub(super) fn bind_tls(address: SocketAddr) -> Result<(SocketAddr, TcpListener), BindError> {
    let error = |error| BindError::new(address, Transport::Tls, error);
    let listener = tcp(address).map_err(error)?;
    Ok((listener.local_addr().map_err(error)?, listener))
}

/// A bound UDP socket that lets later ones share its port. `joins` makes it one of the later ones.
fn udp(address: SocketAddr, joins: bool) -> io::Result<UdpSocket> {
    let socket = socket(address, Type::DGRAM, Protocol::UDP)?;
    if joins {
        socket.set_reuse_port(true)?;
    }
    if address.ip().is_unspecified() {
        match address {
            SocketAddr::V4(_) => setsockopt(&socket, Ipv4PacketInfo, &true)?,
            SocketAddr::V6(_) => setsockopt(&socket, Ipv6RecvPacketInfo, &true)?,
        }
    }
    // As much as the system allows: bursts wait rather than get lost.
    _ = socket.set_recv_buffer_size(UDP_BUFFER);
    _ = socket.set_send_buffer_size(UDP_BUFFER);
    socket.bind(&SockAddr::from(address))?;
    socket.set_reuse_port(true)?;
    Ok(socket.into())
}

/// A listener. `SO_REUSEADDR` lets a restart pass over the connections of the process before.
fn tcp(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = socket(address, Type::STREAM, Protocol::TCP)?;
    socket.set_reuse_address(true)?;
    // Connections inherit it. The system's own choice grows to megabytes for a client that asks
    // without reading.
    socket.set_send_buffer_size(TCP_SEND_BUFFER)?;
    socket.bind(&SockAddr::from(address))?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

/// An IPv6 socket leaves IPv4 alone, so that `[::]:53` and `0.0.0.0:53` can both be listened on.
fn socket(address: SocketAddr, kind: Type, protocol: Protocol) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), kind, Some(protocol))?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_nonblocking(true)?;
    Ok(socket)
}

/// How often another port is tried when the UDP port that the system chose is taken for TCP.
const PORT_ATTEMPTS: usize = 32;

/// Connections that may wait to be accepted; the kernel may lower it.
const BACKLOG: i32 = 1024;

/// Octets of a UDP socket's buffers, for each direction.
const UDP_BUFFER: usize = 1024 * 1024;

/// Octets of replies that the system keeps for a TCP client; it doubles this for its own needs.
const TCP_SEND_BUFFER: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use nix::sys::socket::getsockopt;

    use super::*;

    #[test]
    fn only_wildcard_sockets_are_told_which_address_was_asked() {
        for (address, is_told) in [("127.31.12.1:0", false), ("0.0.0.0:0", true)] {
            let socket = udp(address.parse().unwrap(), false).unwrap();
            assert_eq!(getsockopt(&socket, Ipv4PacketInfo).unwrap(), is_told, "{address}");
        }
        for (address, is_told) in [("[::1]:0", false), ("[::]:0", true)] {
            let socket = udp(address.parse().unwrap(), false).unwrap();
            assert_eq!(getsockopt(&socket, Ipv6RecvPacketInfo).unwrap(), is_told, "{address}");
        }
    }
}
