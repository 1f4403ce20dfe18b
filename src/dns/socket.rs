//! The sockets: UDP and TCP on one port for each address.
//!
//! Each address gets several UDP sockets that share the port (`SO_REUSEPORT`), one per worker; the
//! kernel spreads clients over them. The first is bound before it may share, so that a second
//! server on the same address fails with "address in use" and does not silently take a part of the
//! questions. DNS over TLS has its own addresses, by TCP alone.
//!
//! An address may come with sockets of the service manager's. Then no further one is bound: what
//! waits in a socket that we bound is lost with us, while theirs outlives us. The workers share
//! them, and there are no fewer workers than sockets.
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
use socket2::{Domain, Protocol, SockAddr, SockRef, Socket, Type};
use tokio::net::TcpListener;

use super::error::{BindError, Transport};
use crate::inherited::Inherited;

/// The sockets of one address.
#[derive(Debug)]
pub struct Sockets {
    /// With the port that was found, where port 0 was asked for.
    pub address: SocketAddr,
    /// One per worker.
    pub udp: Vec<UdpSocket>,
    /// The listener.
    pub tcp: Bound,
}

/// A TCP listener.
#[derive(Debug)]
pub struct Bound {
    /// The socket.
    pub socket: TcpListener,
    /// Whether another process will go on with it.
    pub outlives_us: bool,
}

impl Sockets {
    /// Those of `inherited`, and for a transport without any, bound to `address`; with port 0, one
    /// port that is free for both transports.
    pub fn open(
        address: SocketAddr,
        workers: usize,
        inherited: &mut Inherited,
    ) -> Result<Self, BindError> {
        let (udp, tcp) = (inherited.udp(address), inherited.tcp(address));
        if udp.is_empty() && tcp.is_none() {
            return Self::bind(address, workers);
        }
        let udp_error = |error| BindError::new(address, Transport::Udp, error);
        let tcp_error = |error| BindError::new(address, Transport::Tcp, error);
        let udp = match udp.is_empty() {
            true => udp_group(address, workers),
            false => shared(address, &udp, workers),
        };
        let tcp = tcp.map_or_else(|| listener(address), adopted).map_err(tcp_error)?;
        Ok(Self { address, udp: udp.map_err(udp_error)?, tcp })
    }

    fn bind(address: SocketAddr, workers: usize) -> Result<Self, BindError> {
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
        let tcp = listener(address).map_err(|error| {
            let shown = if asked.port() == 0 { address } else { asked };
            BindError::new(shown, Transport::Tcp, error)
        })?;
        let udp = joined(first, address, workers).map_err(udp_error)?;
        Ok(Self { address, udp, tcp })
    }
}

/// The listener of `inherited` for DNS over TLS, or one bound to `address`. Returns it with the port
/// that was found for port 0.
pub fn open_tls(
    address: SocketAddr,
    inherited: &mut Inherited,
) -> Result<(SocketAddr, Bound), BindError> {
    let error = |error| BindError::new(address, Transport::Tls, error);
    let bound = inherited.tcp(address).map_or_else(|| listener(address), adopted).map_err(error)?;
    Ok((bound.socket.local_addr().map_err(error)?, bound))
}

/// One socket for each worker, bound to one address.
fn udp_group(address: SocketAddr, workers: usize) -> io::Result<Vec<UdpSocket>> {
    joined(udp(address, false)?, address, workers)
}

/// The first socket of `address` and one more for each further worker.
fn joined(first: UdpSocket, address: SocketAddr, workers: usize) -> io::Result<Vec<UdpSocket>> {
    let others = (1..workers).map(|_| udp(address, true));
    std::iter::once(Ok(first)).chain(others).collect()
}

/// One handle for each worker, of sockets that are bound to `address` already. Every socket has a
/// worker.
fn shared(
    address: SocketAddr,
    sockets: &[UdpSocket],
    workers: usize,
) -> io::Result<Vec<UdpSocket>> {
    for socket in sockets {
        prepare_udp(&SockRef::from(socket), address)?;
    }
    let handles = sockets.iter().cycle().take(workers.max(sockets.len()));
    handles.map(UdpSocket::try_clone).collect()
}

/// A listener that somebody else has bound.
fn adopted(socket: std::net::TcpListener) -> io::Result<Bound> {
    socket.set_nonblocking(true)?;
    SockRef::from(&socket).set_send_buffer_size(TCP_SEND_BUFFER)?;
    Ok(Bound { socket: TcpListener::from_std(socket)?, outlives_us: true })
}

/// A bound UDP socket that lets later ones share its port. `joins` makes it one of the later ones.
fn udp(address: SocketAddr, joins: bool) -> io::Result<UdpSocket> {
    let socket = socket(address, Type::DGRAM, Protocol::UDP)?;
    if joins {
        socket.set_reuse_port(true)?;
    }
    prepare_udp(&socket, address)?;
    socket.bind(&SockAddr::from(address))?;
    socket.set_reuse_port(true)?;
    Ok(socket.into())
}

/// What every UDP socket of `address` needs.
fn prepare_udp(socket: &Socket, address: SocketAddr) -> io::Result<()> {
    if address.ip().is_unspecified() {
        match address {
            SocketAddr::V4(_) => setsockopt(socket, Ipv4PacketInfo, &true)?,
            SocketAddr::V6(_) => setsockopt(socket, Ipv6RecvPacketInfo, &true)?,
        }
    }
    // As much as the system allows: bursts wait rather than get lost. Never less than there is: a
    // service manager may have been allowed more.
    if socket.recv_buffer_size()? < UDP_BUFFER {
        _ = socket.set_recv_buffer_size(UDP_BUFFER);
    }
    if socket.send_buffer_size()? < UDP_BUFFER {
        _ = socket.set_send_buffer_size(UDP_BUFFER);
    }
    Ok(())
}

/// A listener. `SO_REUSEADDR` lets a restart pass over the connections of the process before.
fn listener(address: SocketAddr) -> io::Result<Bound> {
    let socket = socket(address, Type::STREAM, Protocol::TCP)?;
    socket.set_reuse_address(true)?;
    // Connections inherit it. The system's own choice grows to megabytes for a client that asks
    // without reading.
    socket.set_send_buffer_size(TCP_SEND_BUFFER)?;
    socket.bind(&SockAddr::from(address))?;
    socket.listen(BACKLOG)?;
    Ok(Bound { socket: TcpListener::from_std(socket.into())?, outlives_us: false })
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
