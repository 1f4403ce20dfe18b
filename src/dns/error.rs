//! Why DNS cannot be served.

use std::{fmt, io, net::SocketAddr};

use super::tls::CertificateError;

/// Why an address cannot be listened on, and what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// The configuration names no address.
    #[error("no address to listen on; name one in dns.listen")]
    NoAddress,
    /// A port below 1024 without the right to it.
    #[error(
        "may not listen on {address} ({transport}); give the process CAP_NET_BIND_SERVICE \
         (in a systemd unit: AmbientCapabilities=CAP_NET_BIND_SERVICE; by hand: \
         setcap cap_net_bind_service=+ep on the program), or choose a port from 1024 up"
    )]
    Forbidden {
        /// The address.
        address: SocketAddr,
        /// UDP, TCP or TLS.
        transport: Transport,
        /// What the system said.
        source: io::Error,
    },
    /// Somebody else listens there.
    #[error(
        "{address} ({transport}) is in use; `ss -lunpt 'sport = :{}'` shows by whom{}",
        address.port(),
        usual_holder(address.port())
    )]
    InUse {
        /// The address.
        address: SocketAddr,
        /// UDP, TCP or TLS.
        transport: Transport,
        /// What the system said.
        source: io::Error,
    },
    /// The machine does not have the address.
    #[error(
        "{address} ({transport}) is no address of this machine; `ip address` lists them. \
         An address that comes later (VRRP, a slow interface) needs net.ipv4.ip_nonlocal_bind"
    )]
    NotLocal {
        /// The address.
        address: SocketAddr,
        /// UDP, TCP or TLS.
        transport: Transport,
        /// What the system said.
        source: io::Error,
    },
    /// Anything else.
    #[error("cannot listen on {address} ({transport})")]
    Other {
        /// The address.
        address: SocketAddr,
        /// UDP, TCP or TLS.
        transport: Transport,
        /// What the system said.
        source: io::Error,
    },
    /// DNS over TLS has no usable certificate.
    #[error("cannot serve DNS over TLS")]
    Certificate(#[from] CertificateError),
}

impl BindError {
    /// Sorts out what the system said about `address`.
    pub(super) fn new(address: SocketAddr, transport: Transport, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::PermissionDenied => Self::Forbidden { address, transport, source },
            io::ErrorKind::AddrInUse => Self::InUse { address, transport, source },
            io::ErrorKind::AddrNotAvailable => Self::NotLocal { address, transport, source },
            _ => Self::Other { address, transport, source },
        }
    }
}

/// Who has a port where it is in use, as far as it is known.
fn usual_holder(port: u16) -> &'static str {
    match port {
        53 => {
            ". systemd-resolved holds port 53 of 127.0.0.53 and 127.0.0.54, other resolvers often \
             that of every address"
        }
        // RFC 6762 section 3.
        5353 => {
            ". Port 5353 is that of mDNS: avahi and systemd-resolved hold it for every address; \
             take another one, such as 5300"
        }
        _ => "",
    }
}

/// How DNS messages travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// Datagrams.
    Udp,
    /// Streams (RFC 7766).
    Tcp,
    /// Encrypted streams (RFC 7858).
    Tls,
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Udp => "UDP",
            Self::Tcp => "TCP",
            Self::Tls => "TLS",
        })
    }
}

/// A socket stopped being served although nobody asked for it.
#[derive(Debug, thiserror::Error)]
#[error("no longer answering on {address} ({transport})")]
pub struct ServeError {
    /// The address.
    pub address: SocketAddr,
    /// UDP, TCP or TLS.
    pub transport: Transport,
    /// What the system said, where it said anything.
    pub source: Option<io::Error>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_fault_names_the_address_and_a_remedy() {
        let address: SocketAddr = "[::1]:53".parse().unwrap();
        let text = |kind: io::ErrorKind| {
            BindError::new(address, Transport::Udp, io::Error::from(kind)).to_string()
        };
        let forbidden = text(io::ErrorKind::PermissionDenied);
        assert!(
            forbidden.starts_with("may not listen on [::1]:53 (UDP); give the process CAP_NET")
        );
        let in_use = text(io::ErrorKind::AddrInUse);
        assert!(in_use.starts_with("[::1]:53 (UDP) is in use; `ss -lunpt 'sport = :53'` shows"));
        let in_use = |port: u16| {
            let address = SocketAddr::from(([127, 0, 0, 1], port));
            let error = io::Error::from(io::ErrorKind::AddrInUse);
            BindError::new(address, Transport::Tcp, error).to_string()
        };
        assert!(in_use(53).contains("systemd-resolved") && !in_use(53).contains("mDNS"));
        assert!(in_use(5353).contains("'sport = :5353'") && in_use(5353).contains("mDNS"));
        assert!(in_use(5300).ends_with("shows by whom"), "{}", in_use(5300));
        let foreign = text(io::ErrorKind::AddrNotAvailable);
        assert!(foreign.starts_with("[::1]:53 (UDP) is no address of this machine"));
        let other = text(io::ErrorKind::OutOfMemory);
        assert_eq!(other, "cannot listen on [::1]:53 (UDP)");
    }
}
