//! The TCP connections of this host, as the kernel tells them, and their end: sock_diag(7),
//! `inet_diag` and `SOCK_DESTROY`.
//!
//! Looking needs no right. Destroying needs `CAP_NET_ADMIN`, and a kernel with
//! `CONFIG_INET_DIAG_DESTROY`, as those of the distributions are. The program that holds the socket
//! gets `ECONNABORTED` at once, whatever the other end does.

use std::io;

use netlink_packet_core::{
    NLM_F_ACK, NLM_F_DUMP, NLM_F_REQUEST, NetlinkHeader, NetlinkMessage, NetlinkPayload,
    NetlinkSerializable, Nla as _,
};
use netlink_packet_sock_diag::{
    SockDiagDestroy, SockDiagMessage,
    constants::{AF_INET, AF_INET6, IPPROTO_TCP},
    inet::{ExtensionFlags, InetRequest, InetResponse, SocketId, StateFlags, nlas::Nla},
};
use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_SOCK_DIAG};

use super::connection::{Connection, Owner, canonical};

/// A connection with what the kernel knows it by.
#[derive(Clone, Debug)]
pub struct KernelSocket {
    /// As it is judged.
    pub connection: Connection,
    /// The number by which its process is found.
    pub inode: u32,
    family: u8,
    id: SocketId,
}

/// All established TCP connections of this host. Blocks for as long as the kernel writes.
///
/// # Errors
/// When the kernel cannot be asked.
pub fn established() -> io::Result<Vec<KernelSocket>> {
    let mut sockets = Vec::new();
    for (family, any) in [(AF_INET, SocketId::new_v4()), (AF_INET6, SocketId::new_v6())] {
        let socket = kernel()?;
        let request = InetRequest {
            family,
            protocol: IPPROTO_TCP,
            extensions: ExtensionFlags::empty(),
            states: StateFlags::ESTABLISHED,
            socket_id: any,
        };
        let message = SockDiagMessage::InetRequest(request);
        send(&socket, NLM_F_REQUEST | NLM_F_DUMP, message.into())?;
        loop {
            let Packet { responses, is_last } = receive(&socket)?;
            sockets
                .extend(responses.into_iter().map(|response| KernelSocket::of(family, response)));
            if is_last {
                break;
            }
        }
    }
    Ok(sockets)
}

/// Destroys one connection. One that has ended by itself is no error.
///
/// # Errors
/// When it lives on.
pub fn destroy(target: &KernelSocket) -> io::Result<()> {
    let socket = kernel()?;
    let request = InetRequest {
        family: target.family,
        protocol: IPPROTO_TCP,
        extensions: ExtensionFlags::empty(),
        states: StateFlags::ESTABLISHED,
        // With the cookie: another connection of the same ends is another one.
        socket_id: target.id.clone(),
    };
    let message = SockDiagDestroy::new(SockDiagMessage::InetRequest(request));
    send(&socket, NLM_F_REQUEST | NLM_F_ACK, message.into())?;
    match receive(&socket) {
        Ok(_) => Ok(()),
        Err(error) if error.raw_os_error() == Some(nix::errno::Errno::ENOENT as i32) => Ok(()),
        Err(error) => Err(error),
    }
}

impl KernelSocket {
    fn of(family: u8, response: InetResponse) -> Self {
        let InetResponse { header, nlas } = response;
        let SocketId { source_address, source_port, destination_address, .. } = header.socket_id;
        let cgroup = nlas.iter().find_map(|nla| match nla {
            Nla::Other(other) if other.kind() == CGROUP_ID => {
                let mut number = [0; 8];
                (other.value_len() == number.len()).then(|| {
                    other.emit_value(&mut number);
                    u64::from_ne_bytes(number)
                })
            }
            _ => None,
        });
        let connection = Connection {
            cookie: u64::from_ne_bytes(header.socket_id.cookie),
            local: canonical(source_address, source_port),
            remote: canonical(destination_address, header.socket_id.destination_port),
            owner: Owner { uid: header.uid, cgroup, process: None },
        };
        Self { connection, inode: header.inode, family, id: header.socket_id }
    }
}

fn kernel() -> io::Result<Socket> {
    let mut socket = Socket::new(NETLINK_SOCK_DIAG)?;
    socket.bind_auto()?;
    socket.connect(&SocketAddr::new(0, 0))?;
    Ok(socket)
}

fn send<T: NetlinkSerializable>(
    socket: &Socket,
    flags: u16,
    payload: NetlinkPayload<T>,
) -> io::Result<()> {
    let mut header = NetlinkHeader::default();
    header.flags = flags;
    let mut message = NetlinkMessage::new(header, payload);
    message.finalize();
    let mut octets = vec![0; message.buffer_len()];
    message.serialize(&mut octets);
    socket.send(&octets, 0).map(|_| ())
}

/// What the kernel says at a time.
#[derive(Debug, Default)]
struct Packet {
    responses: Vec<InetResponse>,
    is_last: bool,
}

fn receive(socket: &Socket) -> io::Result<Packet> {
    let (octets, _) = socket.recv_from_full()?;
    let mut rest = &octets[..];
    let mut packet = Packet::default();
    while !rest.is_empty() {
        let message = NetlinkMessage::<SockDiagMessage>::deserialize(rest)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error.to_string()))?;
        match message.payload {
            NetlinkPayload::InnerMessage(SockDiagMessage::InetResponse(response)) => {
                packet.responses.push(*response);
            }
            NetlinkPayload::Done(_) => packet.is_last = true,
            // Without a code it is the acknowledgement.
            NetlinkPayload::Error(error) if error.code.is_none() => packet.is_last = true,
            NetlinkPayload::Error(error) => return Err(error.to_io()),
            _ => {}
        }
        // A message is followed by the next one at a multiple of four: netlink(7).
        let length = usize::try_from(message.header.length).unwrap_or(usize::MAX);
        rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    Ok(packet)
}

/// `INET_DIAG_CGROUP_ID` of linux/inet_diag.h.
const CGROUP_ID: u16 = 21;
