//! Sockets that a service manager has bound and hands over: socket activation (`sd_listen_fds(3)`,
//! `systemd.socket(5)`).
//!
//! The manager keeps them open while Pointsman is away. Queries that arrive meanwhile wait in the
//! kernel, and the next process answers them, so that a restart loses none.
//!
//! What is handed over is matched with the configuration by kind and address. A listen address for
//! which nothing comes is bound as ever; a socket that nothing in the configuration asks for is an
//! error, for its clients would wait in vain.

use std::{
    fmt, io,
    net::{SocketAddr, TcpListener, UdpSocket},
    os::unix::net::UnixListener,
    path::{Path, PathBuf},
};

use listenfd::ListenFd;
use socket2::SockRef;

/// The sockets that nobody has taken yet.
#[derive(Debug, Default)]
pub struct Inherited {
    sockets: Vec<Passed>,
}

/// Why sockets that were handed over cannot be used, and what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum InheritedError {
    /// The configuration does not ask for a socket.
    #[error(
        "the service manager hands over {socket}, which the configuration does not ask for; take \
         {} out of the socket unit, or put the address into {}",
        socket.setting(),
        socket.key()
    )]
    Unasked {
        /// The socket.
        socket: SocketName,
    },
    /// An IPv6 socket that takes IPv4 as well, whose clients' addresses would be disguised.
    #[error(
        "the service manager hands over {socket}, which takes IPv4 as well; set \
         BindIPv6Only=ipv6-only in the socket unit, and name 0.0.0.0 on a line of its own"
    )]
    DualStack {
        /// The socket.
        socket: SocketName,
    },
    /// A connection instead of what accepts connections.
    #[error("the service manager hands over a connection; set Accept=no in the socket unit")]
    Connection,
    /// Something that is no socket of a kind that is used here.
    #[error(
        "the service manager hands over descriptor {descriptor}, which is no UDP, TCP or Unix \
         stream socket; the socket unit may have ListenDatagram= and ListenStream= alone"
    )]
    Strange {
        /// Its number.
        descriptor: usize,
    },
    /// The system says nothing of a socket.
    #[error("a socket that the service manager hands over cannot be used")]
    Unusable(#[from] io::Error),
}

/// A socket in the words of a socket unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SocketName {
    /// UDP.
    Udp(SocketAddr),
    /// TCP.
    Tcp(SocketAddr),
    /// A Unix stream socket.
    Unix(PathBuf),
}

#[derive(Debug)]
enum Passed {
    Udp(UdpSocket, SocketAddr),
    Tcp(TcpListener, SocketAddr),
    Unix(UnixListener, PathBuf),
}

impl Inherited {
    /// Nothing is handed over.
    pub fn none() -> Self {
        Self::default()
    }

    /// What the environment tells of (`LISTEN_FDS`, `LISTEN_PID`). Takes both variables away, so
    /// that no child takes them for its own; to be called once, before any thread is started.
    ///
    /// # Errors
    /// [`InheritedError`], when a descriptor is not what a socket unit should hand over.
    pub fn from_environment() -> Result<Self, InheritedError> {
        let mut passed = ListenFd::from_env();
        let sockets = (0..passed.len()).map(|index| Passed::take(&mut passed, index));
        Ok(Self { sockets: sockets.collect::<Result<_, _>>()? })
    }

    /// How many nobody has taken yet.
    pub fn len(&self) -> usize {
        self.sockets.len()
    }

    /// Whether there is none that nobody has taken.
    pub fn is_empty(&self) -> bool {
        self.sockets.is_empty()
    }

    /// Every UDP socket of `address`; several share a port by `ReusePort=yes`.
    pub fn udp(&mut self, address: SocketAddr) -> Vec<UdpSocket> {
        let is_it = |socket: &mut Passed| matches!(socket, Passed::Udp(_, at) if *at == address);
        let taken = self.sockets.extract_if(.., is_it);
        taken
            .filter_map(|socket| if let Passed::Udp(udp, _) = socket { Some(udp) } else { None })
            .collect()
    }

    /// The TCP listener of `address`.
    pub fn tcp(&mut self, address: SocketAddr) -> Option<TcpListener> {
        let is_it = |socket: &Passed| matches!(socket, Passed::Tcp(_, at) if *at == address);
        match self.take(is_it)? {
            Passed::Tcp(listener, _) => Some(listener),
            Passed::Udp(..) | Passed::Unix(..) => None,
        }
    }

    /// The Unix stream listener at `path`.
    pub fn unix(&mut self, path: &Path) -> Option<UnixListener> {
        let is_it = |socket: &Passed| matches!(socket, Passed::Unix(_, at) if at == path);
        match self.take(is_it)? {
            Passed::Unix(listener, _) => Some(listener),
            Passed::Udp(..) | Passed::Tcp(..) => None,
        }
    }

    /// That nothing is left over.
    ///
    /// # Errors
    /// [`InheritedError::Unasked`] with the first socket that nobody has taken.
    pub fn expect_none_left(&self) -> Result<(), InheritedError> {
        match self.sockets.first() {
            Some(socket) => Err(InheritedError::Unasked { socket: socket.name() }),
            None => Ok(()),
        }
    }

    fn take(&mut self, is_it: impl Fn(&Passed) -> bool) -> Option<Passed> {
        let place = self.sockets.iter().position(is_it)?;
        Some(self.sockets.remove(place))
    }
}

impl Passed {
    /// The socket number `index`. It stays with this process: checks that are commands get none.
    fn take(passed: &mut ListenFd, index: usize) -> Result<Self, InheritedError> {
        if let Ok(Some(udp)) = passed.take_udp_socket(index) {
            SockRef::from(&udp).set_cloexec(true)?;
            let address = udp.local_addr()?;
            return Self::Udp(udp, address).of_one_family();
        }
        if let Ok(Some(tcp)) = passed.take_tcp_listener(index) {
            be_listener(&SockRef::from(&tcp))?;
            let address = tcp.local_addr()?;
            return Self::Tcp(tcp, address).of_one_family();
        }
        if let Ok(Some(unix)) = passed.take_unix_listener(index) {
            be_listener(&SockRef::from(&unix))?;
            let path = unix.local_addr()?.as_pathname().map(Path::to_owned).unwrap_or_default();
            return Ok(Self::Unix(unix, path));
        }
        Err(InheritedError::Strange { descriptor: FIRST + index })
    }

    /// A socket of every IPv6 address must leave IPv4 alone.
    fn of_one_family(self) -> Result<Self, InheritedError> {
        let (is_v6_only, address) = match &self {
            Self::Udp(udp, address) => (SockRef::from(udp).only_v6(), address),
            Self::Tcp(tcp, address) => (SockRef::from(tcp).only_v6(), address),
            Self::Unix(..) => return Ok(self),
        };
        if address.is_ipv6() && address.ip().is_unspecified() && !is_v6_only? {
            return Err(InheritedError::DualStack { socket: self.name() });
        }
        Ok(self)
    }

    fn name(&self) -> SocketName {
        match self {
            Self::Udp(_, address) => SocketName::Udp(*address),
            Self::Tcp(_, address) => SocketName::Tcp(*address),
            Self::Unix(_, path) => SocketName::Unix(path.clone()),
        }
    }
}

fn be_listener(socket: &SockRef<'_>) -> Result<(), InheritedError> {
    if !socket.is_listener()? {
        return Err(InheritedError::Connection);
    }
    socket.set_cloexec(true)?;
    Ok(())
}

impl SocketName {
    /// The line of a socket unit that makes it.
    fn setting(&self) -> String {
        match self {
            Self::Udp(address) => format!("ListenDatagram={address}"),
            Self::Tcp(address) => format!("ListenStream={address}"),
            Self::Unix(path) => format!("ListenStream={}", path.display()),
        }
    }

    /// The keys of the configuration that may ask for it.
    fn key(&self) -> &'static str {
        match self {
            Self::Udp(_) => "`listen` of [dns]",
            Self::Tcp(_) => "`listen` of [dns] or of [dns.tls], or `http` of [admin]",
            Self::Unix(_) => "`socket` of [admin]",
        }
    }
}

impl fmt::Display for SocketName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Udp(address) => write!(f, "{address} (UDP)"),
            Self::Tcp(address) => write!(f, "{address} (TCP)"),
            Self::Unix(path) => write!(f, "the Unix socket `{}`", path.display()),
        }
    }
}

/// The number of the first descriptor (`SD_LISTEN_FDS_START`).
const FIRST: usize = 3;

#[cfg(test)]
mod tests {
    use super::*;

    fn holding(sockets: Vec<Passed>) -> Inherited {
        Inherited { sockets }
    }

    fn udp(address: &str) -> Passed {
        let socket = UdpSocket::bind(address).unwrap();
        let address = socket.local_addr().unwrap();
        Passed::Udp(socket, address)
    }

    fn tcp(address: &str) -> Passed {
        let socket = TcpListener::bind(address).unwrap();
        let address = socket.local_addr().unwrap();
        Passed::Tcp(socket, address)
    }

    #[test]
    fn sockets_are_told_apart_by_kind_and_address() {
        let (first, second, stream) =
            (udp("127.56.2.1:0"), udp("127.56.2.2:0"), tcp("127.56.2.1:0"));
        let [SocketName::Udp(first_at), SocketName::Udp(second_at), SocketName::Tcp(stream_at)] =
            [&first, &second, &stream].map(Passed::name)
        else {
            panic!("their names are of their kinds")
        };
        let mut inherited = holding(vec![first, second, stream]);
        assert!(inherited.tcp(first_at).is_none(), "it is UDP");
        assert!(inherited.udp(stream_at).is_empty(), "it is TCP");
        assert_eq!(inherited.udp(second_at)[0].local_addr().unwrap(), second_at);
        assert!(inherited.udp(second_at).is_empty(), "it is taken");
        assert_eq!(inherited.tcp(stream_at).unwrap().local_addr().unwrap(), stream_at);
        let left = inherited.expect_none_left().unwrap_err().to_string();
        assert_eq!(
            left,
            format!(
                "the service manager hands over {first_at} (UDP), which the configuration does not \
                 ask for; take ListenDatagram={first_at} out of the socket unit, or put the \
                 address into `listen` of [dns]"
            )
        );
        assert_eq!(inherited.udp(first_at).len(), 1);
        inherited.expect_none_left().unwrap();
    }

    #[test]
    fn a_socket_of_both_families_is_refused() {
        let both = tcp("[::]:0").of_one_family().unwrap_err().to_string();
        assert!(both.contains("set BindIPv6Only=ipv6-only in the socket unit"), "{both}");
        assert!(tcp("[::1]:0").of_one_family().is_ok(), "nobody reaches it by IPv4");
        assert!(udp("0.0.0.0:0").of_one_family().is_ok());
    }
}
