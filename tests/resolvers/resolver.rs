//! One resolver as a child process, with all of its files in a temporary directory.

use std::{
    ffi::OsStr,
    fs,
    net::{Ipv4Addr, SocketAddr},
    path::Path,
};

use tempfile::TempDir;

use crate::{account::Account, client::Client, ports, process::ServerProcess};

/// The trust anchors of the root, of Debian's package `dns-root-data`.
pub(crate) const ROOT_KEY: &str = "/usr/share/dns/root.key";

/// A resolver that is to be started.
#[derive(Debug)]
pub(crate) struct Plan {
    directory: TempDir,
    address: SocketAddr,
}

/// A running resolver. Dropped, it is killed, and its files are removed.
#[derive(Debug)]
pub(crate) struct Resolver {
    process: ServerProcess,
    address: SocketAddr,
    _directory: TempDir,
}

impl Plan {
    /// A directory, and a free port of `address`.
    pub(crate) fn at(address: Ipv4Addr) -> Self {
        let directory = Account::current().directory("pointsman-resolver-");
        Self { directory, address: ports::free_for_dns_on(&[address])[0] }
    }

    /// Where it is to listen.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where its files are.
    pub(crate) fn folder(&self) -> &Path {
        self.directory.path()
    }

    /// Writes a file into the directory.
    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.folder().join(name), text).expect("a file can be written");
    }

    /// Starts `program`.
    pub(crate) fn start(
        self,
        program: &str,
        arguments: impl IntoIterator<Item = impl AsRef<OsStr>>,
    ) -> Resolver {
        let mut command = Account::current().command(program);
        command.args(arguments);
        let process = ServerProcess::spawn(command, &self.folder().join("log"));
        Resolver { process, address: self.address, _directory: self.directory }
    }
}

impl Resolver {
    /// A client of it.
    pub(crate) fn client(&self) -> Client {
        Client::new(self.address)
    }

    /// Whether it has not ended.
    pub(crate) fn is_running(&mut self) -> bool {
        self.process.is_running()
    }

    /// The last lines of its log.
    pub(crate) fn log_tail(&self) -> String {
        self.process.log_tail()
    }
}
