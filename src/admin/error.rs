//! Why the admin API cannot be served.

use std::{
    io,
    net::SocketAddr,
    path::{Path, PathBuf},
};

/// Why a socket of `[admin]` cannot be listened on, and what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Another process answers on the Unix socket.
    #[error(
        "another process listens on `{}`, probably another Pointsman; stop it, or set another \
         `socket` in [admin]",
        path.display()
    )]
    Alive {
        /// The socket.
        path: PathBuf,
    },
    /// Something else has the name.
    #[error(
        "`{}` is there and is no socket; remove it, or set another `socket` in [admin]",
        path.display()
    )]
    NoSocket {
        /// The path.
        path: PathBuf,
    },
    /// The folder of the Unix socket is missing.
    #[error(
        "cannot listen on `{}`: its folder is missing; create it (in a systemd unit: \
         RuntimeDirectory=pointsman for /run/pointsman), or set another `socket` in [admin]",
        path.display()
    )]
    NoFolder {
        /// The socket.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The folder of the Unix socket cannot be written to.
    #[error(
        "may not listen on `{}`; let the service's user write to its folder (in a systemd unit: \
         RuntimeDirectory=pointsman for /run/pointsman), or set another `socket` in [admin]",
        path.display()
    )]
    Forbidden {
        /// The socket.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A longer path than a socket may have (unix(7)).
    #[error(
        "`{}` is too long for a socket, which may have 107 octets; set a shorter `socket` in \
         [admin]",
        path.display()
    )]
    TooLong {
        /// The path.
        path: PathBuf,
    },
    /// Anything else about the Unix socket.
    #[error("cannot listen on `{}`, the `socket` of [admin]", path.display())]
    Unix {
        /// The socket.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Somebody else listens on the TCP address.
    #[error(
        "{address}, the `http` of [admin], is in use; `ss -lntp 'sport = :{}'` shows by whom",
        address.port()
    )]
    InUse {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The machine does not have the TCP address.
    #[error(
        "{address}, the `http` of [admin], is no address of this machine; `ip address` lists them"
    )]
    NotLocal {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// Anything else about the TCP address.
    #[error(
        "cannot listen on {address}, the `http` of [admin]; a port from 1024 up needs no right"
    )]
    Http {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The system is out of threads or files.
    #[error("cannot start the thread of the admin API; raise TasksMax or LimitNOFILE")]
    Thread(#[source] io::Error),
}

impl BindError {
    /// Sorts out what the system said about the Unix socket at `path`.
    pub(super) fn unix(path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        match source.kind() {
            io::ErrorKind::AddrInUse => Self::Alive { path },
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => {
                Self::NoFolder { path, source }
            }
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                Self::Forbidden { path, source }
            }
            io::ErrorKind::InvalidInput => Self::TooLong { path },
            _ => Self::Unix { path, source },
        }
    }

    /// Sorts out what the system said about the TCP `address`.
    pub(super) fn http(address: SocketAddr, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::AddrInUse => Self::InUse { address, source },
            io::ErrorKind::AddrNotAvailable => Self::NotLocal { address, source },
            _ => Self::Http { address, source },
        }
    }
}
