//! What differs between IPv4 and IPv6 sockets: the client's address, and the packet information
//! that tells which of our addresses was asked (ip(7) `IP_PKTINFO`, RFC 3542 section 6).

use std::net::{Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

use nix::{
    cmsg_space,
    libc::{in_addr, in_pktinfo, in6_addr, in6_pktinfo},
    sys::socket::{ControlMessage, ControlMessageOwned, SockaddrIn, SockaddrIn6, SockaddrLike},
};

/// The addresses of one family, as the kernel writes them.
pub trait Family: SockaddrLike + Copy {
    /// From where a reply shall leave.
    type Source: Copy;

    /// Wherever the kernel finds best.
    const ANY: Self::Source;

    /// The client's address and port.
    fn client(self) -> SocketAddr;

    /// Room for the packet information of one message.
    fn room() -> Vec<u8>;

    /// Where the reply to a message with this packet information leaves from; `None` for what is
    /// no packet information.
    fn source(control: &ControlMessageOwned) -> Option<Self::Source>;

    /// Whether both are the same.
    fn is_same(one: &Self::Source, other: &Self::Source) -> bool;

    /// Tells the kernel.
    fn control(source: &Self::Source) -> ControlMessage<'_>;
}

impl Family for SockaddrIn {
    type Source = in_pktinfo;

    const ANY: in_pktinfo = in_pktinfo {
        ipi_ifindex: 0,
        ipi_spec_dst: in_addr { s_addr: 0 },
        ipi_addr: in_addr { s_addr: 0 },
    };

    fn client(self) -> SocketAddr {
        SocketAddr::V4(SocketAddrV4::from(self))
    }

    fn room() -> Vec<u8> {
        cmsg_space!(in_pktinfo)
    }

    /// The interface is left open, for the way back may be another. `ipi_spec_dst` is an address
    /// of ours even when a broadcast was asked.
    fn source(control: &ControlMessageOwned) -> Option<in_pktinfo> {
        match control {
            ControlMessageOwned::Ipv4PacketInfo(asked) => {
                Some(in_pktinfo { ipi_spec_dst: asked.ipi_spec_dst, ..Self::ANY })
            }
            _ => None,
        }
    }

    fn is_same(one: &in_pktinfo, other: &in_pktinfo) -> bool {
        one.ipi_spec_dst.s_addr == other.ipi_spec_dst.s_addr
    }

    fn control(source: &in_pktinfo) -> ControlMessage<'_> {
        ControlMessage::Ipv4PacketInfo(source)
    }
}

impl Family for SockaddrIn6 {
    type Source = in6_pktinfo;

    const ANY: in6_pktinfo =
        in6_pktinfo { ipi6_addr: in6_addr { s6_addr: [0; 16] }, ipi6_ifindex: 0 };

    fn client(self) -> SocketAddr {
        SocketAddr::V6(SocketAddrV6::from(self))
    }

    fn room() -> Vec<u8> {
        cmsg_space!(in6_pktinfo)
    }

    /// A link-local address means nothing without its interface; others leave it open. Nothing can
    /// be sent from a multicast address.
    fn source(control: &ControlMessageOwned) -> Option<in6_pktinfo> {
        let ControlMessageOwned::Ipv6PacketInfo(asked) = control else {
            return None;
        };
        let address = Ipv6Addr::from(asked.ipi6_addr.s6_addr);
        Some(if address.is_unicast_link_local() {
            *asked
        } else if address.is_multicast() {
            Self::ANY
        } else {
            in6_pktinfo { ipi6_addr: asked.ipi6_addr, ..Self::ANY }
        })
    }

    fn is_same(one: &in6_pktinfo, other: &in6_pktinfo) -> bool {
        one.ipi6_addr.s6_addr == other.ipi6_addr.s6_addr && one.ipi6_ifindex == other.ipi6_ifindex
    }

    fn control(source: &in6_pktinfo) -> ControlMessage<'_> {
        ControlMessage::Ipv6PacketInfo(source)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source6(address: &str) -> in6_pktinfo {
        let address: Ipv6Addr = address.parse().unwrap();
        let asked =
            in6_pktinfo { ipi6_addr: in6_addr { s6_addr: address.octets() }, ipi6_ifindex: 7 };
        SockaddrIn6::source(&ControlMessageOwned::Ipv6PacketInfo(asked)).unwrap()
    }

    #[test]
    fn only_a_link_local_address_keeps_its_interface() {
        for (address, source, interface) in [
            ("2001:db8::1", "2001:db8::1", 0),
            ("::1", "::1", 0),
            ("fe80::1", "fe80::1", 7),
            ("ff02::1", "::", 0),
        ] {
            let found = source6(address);
            assert_eq!(Ipv6Addr::from(found.ipi6_addr.s6_addr).to_string(), source);
            assert_eq!(found.ipi6_ifindex, interface, "{address}");
        }
        assert!(!SockaddrIn6::is_same(&source6("::1"), &source6("::2")));
        assert!(SockaddrIn6::is_same(&source6("::1"), &source6("::1")));
    }

    #[test]
    fn an_ipv4_reply_leaves_from_our_address_and_not_from_a_broadcast_one() {
        let ours = in_addr { s_addr: 1 };
        let asked =
            in_pktinfo { ipi_ifindex: 3, ipi_spec_dst: ours, ipi_addr: in_addr { s_addr: 2 } };
        let source = SockaddrIn::source(&ControlMessageOwned::Ipv4PacketInfo(asked)).unwrap();
        assert_eq!((source.ipi_spec_dst.s_addr, source.ipi_ifindex), (1, 0));
        assert!(SockaddrIn::source(&ControlMessageOwned::ScmRights(Vec::new())).is_none());
    }
}
