//! `pointsman serve` with one zone, one secondary and three servers, of which the write name says one.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    process::Output,
};

use tempfile::TempDir;

use crate::{
    account::Account, dns_client::DnsClient, listeners::Listeners, patience, ports,
    process::ServerProcess,
};

/// The zone.
pub(crate) const ZONE: &str = "db.internal.";
/// The name for writes: `db1` unless it is pinned elsewhere.
pub(crate) const WRITE: &str = "write.db.internal.";
/// The name for reads.
pub(crate) const READ: &str = "read.db.internal.";

/// The secret of the key.
pub(crate) const SECRET: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

/// Seconds after which a secondary gives the zone up.
pub(crate) const EXPIRE: u64 = 6;

/// Pointsman and the servers it watches. Dropped, all is killed.
pub(crate) struct Primary {
    address: SocketAddr,
    secondary: SocketAddr,
    number: u8,
    running: Option<ServerProcess>,
    servers: Listeners,
    directory: TempDir,
}

impl Primary {
    /// Configured, with a secondary on a free port of 127.0.0.1, which all servers there are send
    /// from. `number` tells the tests apart: addresses are `127.38.{number}.x`.
    pub(crate) fn new(number: u8, has_key: bool) -> Self {
        Self::large(number, has_key, 0)
    }

    /// The same with so many other names in the zone.
    pub(crate) fn large(number: u8, has_key: bool, names: usize) -> Self {
        let at = |last| Ipv4Addr::new(127, 38, number, last);
        let primary = Self {
            address: ports::free_for_dns_on(&[at(1)])[0],
            secondary: ports::free_for_dns(),
            number,
            running: None,
            servers: Listeners::start(&[at(101), at(102), at(103)]),
            directory: Account::current().directory("pointsman-primary-"),
        };
        primary.configure(has_key, names);
        primary
    }

    /// Where it answers.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where the secondary is to listen.
    pub(crate) fn secondary(&self) -> SocketAddr {
        self.secondary
    }

    /// The address of server `db{number}`, from 1.
    pub(crate) fn server(&self, number: u8) -> Ipv4Addr {
        Ipv4Addr::new(127, 38, self.number, 100 + number)
    }

    /// A client of it.
    pub(crate) fn client(&self) -> DnsClient {
        DnsClient::new(self.address)
    }

    /// Starts it and waits until the write name has an address.
    pub(crate) fn start(&mut self) {
        let mut command = Account::current().command(env!("CARGO_BIN_EXE_pointsman"));
        command.arg("serve").arg("--config").arg(self.config());
        let mut process = ServerProcess::spawn(command, &self.directory.path().join("log"));
        let mut client = self.client();
        let write = crate::story::name(WRITE);
        patience::until("the primary answers", || {
            assert!(process.is_running(), "pointsman has ended:\n{}", process.log_tail());
            client.addresses(&write).is_some_and(|answer| !answer.addresses.is_empty())
        });
        self.running = Some(process);
    }

    /// Kills it.
    pub(crate) fn kill(&mut self) {
        self.running = None;
    }

    /// Lets the write name say another server.
    pub(crate) fn pin(&self, number: u8) {
        let server = format!("db{number}");
        let socket = self.directory.path().join("admin.sock");
        let mut command = Account::current().command(env!("CARGO_BIN_EXE_pointsman"));
        command.args(["pin", "orders", &server, "--unsafe", "--for", "1h"]);
        command.args(["--reason", "test", "--yes"]).arg("--socket").arg(socket);
        let Output { status, stdout, stderr } = command.output().expect("the command runs");
        let told = [stdout, stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
        assert!(status.success(), "{told:?}");
    }

    /// What `secondary-config` prints for a server.
    pub(crate) fn settings(&self, server: &str) -> String {
        let mut command = Account::current().command(env!("CARGO_BIN_EXE_pointsman"));
        command.args(["secondary-config", server, "--with-secrets", "--config"]);
        let Output { status, stdout, stderr } =
            command.arg(self.config()).output().expect("the command runs");
        assert!(status.success(), "{}", String::from_utf8_lossy(&stderr));
        String::from_utf8(stdout).expect("settings are text")
    }

    /// What `status` prints.
    pub(crate) fn status(&self) -> String {
        let socket = self.directory.path().join("admin.sock");
        let mut command = Account::current().command(env!("CARGO_BIN_EXE_pointsman"));
        let output = command.arg("status").arg("--socket").arg(socket).output().expect("it runs");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// The last lines of its log.
    pub(crate) fn log_tail(&self) -> String {
        self.running.as_ref().map(ServerProcess::log_tail).unwrap_or_default()
    }

    fn config(&self) -> PathBuf {
        self.directory.path().join("pointsman.toml")
    }

    fn configure(&self, has_key: bool, names: usize) {
        let folder = self.directory.path();
        fs::create_dir(folder.join("state")).expect("a directory can be made");
        let way = if has_key { "key = \"xfr.db.internal.\"" } else { "unsigned = true" };
        let servers: String = (1..=3)
            .map(|number| {
                let (address, port) = (self.server(number), self.servers.port());
                format!(
                    "[[cluster.server]]\nname = \"db{number}\"\naddress = \"{address}\"\n\
                     port = {port}\npriority = {number}\n\n"
                )
            })
            .collect();
        let config = format!(
            r#"[dns]
listen = ["{listen}"]

[admin]
socket = "{socket}"

[state]
directory = "state"

[[key]]
name = "xfr.db.internal."
secret_file = "xfr.key"

[[zone]]
origin = "{ZONE}"
file = "db.zone"
refresh = "1s"
expire = "{EXPIRE}s"

[[zone.secondary]]
name = "ns3"
address = "127.0.0.1"
port = {port}
{way}

[[cluster]]
name = "orders"
engine = "tcp"

[cluster.write]
name = "{WRITE}"
ttl = "1s"

[[cluster.read]]
name = "{READ}"
ttl = "2s"

[cluster.probe]
interval = "200ms"
fast_interval = "100ms"
timeout = "1s"

{servers}"#,
            listen = self.address,
            socket = folder.join("admin.sock").display(),
            port = self.secondary.port(),
        );
        let others: String = (0..names)
            .map(|name| format!("host{name} 1h A 192.0.2.{}\n", name % 250 + 1))
            .collect();
        let zone = format!(
            "$ORIGIN {ZONE}\n@ 1s SOA ns1 hostmaster ( 1 1h 10m 1d 1s )\n@ 1h NS ns1\n\
             ns1 1h A {}\nwww 1h A 192.0.2.80\n{others}",
            self.address.ip()
        );
        let key = format!("{SECRET}\n");
        for (file, text) in [("pointsman.toml", &*config), ("db.zone", &*zone), ("xfr.key", &*key)]
        {
            fs::write(folder.join(file), text).expect("a file can be written");
        }
    }
}
