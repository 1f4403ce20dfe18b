//! `pointsman serve` with one zone, one secondary and three servers, of which the write name says one.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr, UdpSocket},
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

/// The zone that lists the others, if there is one.
pub(crate) const CATALOG: &str = "catalog.pointsman.";

/// The secret of the key.
pub(crate) const SECRET: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

/// Seconds after which a secondary gives the zone up.
pub(crate) const EXPIRE: u64 = 6;

/// The name of the primary, in its certificate as well.
const OUR_NAME: &str = "ns1.db.internal";

/// What a test wants of a primary.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Setup {
    /// Tells the tests apart: addresses are `127.38.{number}.x`.
    pub(crate) number: u8,
    /// Whether the secondary signs its requests.
    pub(crate) has_key: bool,
    /// Whether transfers go over TLS and nothing else.
    pub(crate) encrypted: bool,
    /// Whether the secondary is told again while nothing changes, as Knot DNS needs it.
    pub(crate) is_told_again: bool,
    /// Whether NOTIFY goes where nobody reads it.
    pub(crate) loses_notify: bool,
    /// Whether there is a catalog.
    pub(crate) has_catalog: bool,
    /// A server of somebody else's zone that the write name is pushed to.
    pub(crate) push_to: Option<SocketAddr>,
    /// Another server of the same zone.
    pub(crate) push_also_to: Option<SocketAddr>,
    /// Names in the zone beside the usual ones.
    pub(crate) names: usize,
}

/// Pointsman and the servers it watches. Dropped, all is killed.
pub(crate) struct Primary {
    setup: Setup,
    address: SocketAddr,
    /// Where it answers by TLS.
    encrypted: SocketAddr,
    secondary: SocketAddr,
    /// A socket that is never read.
    deaf: UdpSocket,
    number: u8,
    running: Option<ServerProcess>,
    servers: Listeners,
    directory: TempDir,
}

impl Primary {
    /// Configured, with a secondary on a free port of 127.0.0.1, which all servers there are send
    /// from.
    pub(crate) fn new(setup: Setup) -> Self {
        let number = setup.number;
        let at = |last| Ipv4Addr::new(127, 38, number, last);
        let primary = Self {
            setup,
            address: ports::free_for_dns_on(&[at(1)])[0],
            encrypted: ports::free_for_dns_on(&[at(2)])[0],
            secondary: ports::free_for_dns(),
            deaf: UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a local port"),
            number,
            running: None,
            servers: Listeners::start(&[at(101), at(102), at(103)]),
            directory: Account::current().directory("pointsman-primary-"),
        };
        primary.prepare();
        primary.configure(&[]);
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

    /// Reads a configuration with these zones beside the first, each with the same secondary.
    pub(crate) fn reload_with(&self, zones: &[&str]) {
        self.configure(zones);
        let socket = self.directory.path().join("admin.sock");
        let mut command = Account::current().command(env!("CARGO_BIN_EXE_pointsman"));
        let output = command.args(["reload", "--socket"]).arg(socket).output();
        let Output { status, stdout, stderr } = output.expect("the command runs");
        let told = [stdout, stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
        assert!(status.success(), "{told:?}");
    }

    /// The certificate that is to be trusted.
    pub(crate) fn certificate(&self) -> PathBuf {
        self.directory.path().join("cert.pem")
    }

    /// What `secondary-config` prints for a server.
    pub(crate) fn settings(&self, server: &str) -> String {
        self.settings_with(&[server])
    }

    /// The same with more arguments.
    pub(crate) fn settings_with(&self, arguments: &[&str]) -> String {
        let mut command = Account::current().command(env!("CARGO_BIN_EXE_pointsman"));
        command.arg("secondary-config").args(arguments).args(["--with-secrets", "--config"]);
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

    /// What stays: zone files, the key, the certificate.
    fn prepare(&self) {
        let folder = self.directory.path();
        fs::create_dir(folder.join("state")).expect("a directory can be made");
        let others: String = (0..self.setup.names)
            .map(|name| format!("host{name} 1h A 192.0.2.{}\n", name % 250 + 1))
            .collect();
        let zone = format!(
            "@ 1s SOA {OUR_NAME}. hostmaster ( 1 1h 10m 1d 1s )\n@ 1h NS {OUR_NAME}.\n\
             www 1h A 192.0.2.80\n{others}"
        );
        let first = format!("$ORIGIN {ZONE}\n{zone}ns1 1h A {}\n", self.address.ip());
        let key = format!("{SECRET}\n");
        for (file, text) in [("db.zone", &*first), ("more.zone", &*zone), ("xfr.key", &*key)] {
            fs::write(folder.join(file), text).expect("a file can be written");
        }
        if self.setup.encrypted {
            let mut command = Account::current().command("openssl");
            command.args("req -x509 -nodes -days 2 -newkey ec -pkeyopt".split(' '));
            command.args(["ec_paramgen_curve:P-256", "-subj", &format!("/CN={OUR_NAME}")]);
            command.args(["-addext", &format!("subjectAltName=DNS:{OUR_NAME}"), "-keyout"]);
            command.arg(folder.join("key.pem")).arg("-out").arg(self.certificate());
            crate::account::run(&mut command);
        }
    }

    /// The first zone and these, each with the secondary.
    fn zones(&self, zones: &[&str]) -> String {
        let Setup { has_key, encrypted, is_told_again, loses_notify, .. } = self.setup;
        let way = if has_key { "key = \"xfr.db.internal.\"" } else { "unsigned = true" };
        let transport = if encrypted { "transport = \"tls\"" } else { "" };
        let again = if is_told_again { "notify_every = \"800ms\"" } else { "" };
        let port = match loses_notify {
            true => self.deaf.local_addr().expect("it is bound").port(),
            false => self.secondary.port(),
        };
        let zone = |(origin, file): (&str, &str)| {
            format!(
                "[[zone]]\norigin = \"{origin}\"\nfile = \"{file}\"\nrefresh = \"1s\"\n\
                 expire = \"{EXPIRE}s\"\n\n[[zone.secondary]]\nname = \"ns3\"\n\
                 address = \"127.0.0.1\"\nport = {port}\n{way}\n{transport}\n{again}\n\n"
            )
        };
        let zones = zones.iter().map(|origin| (*origin, "more.zone"));
        std::iter::once((ZONE, "db.zone")).chain(zones).map(zone).collect()
    }

    /// Where the write name is pushed to, if that is asked for.
    fn publish(&self) -> String {
        let Setup { push_to, push_also_to, .. } = self.setup;
        match push_to {
            Some(first) => format!(
                "[[key]]\nname = \"upd.corp.example.\"\nsecret_file = \"xfr.key\"\n\n[[publish]]\n\
                 name = \"corp\"\nservers = [{servers}]\nzone = \"corp.example.\"\n\
                 key = \"upd.corp.example.\"\n\
                 records = [{{ from = \"{WRITE}\", to = \"db-write.corp.example.\" }}]\n",
                servers = [Some(first), push_also_to]
                    .iter()
                    .flatten()
                    .map(|server| format!("\"{server}\""))
                    .collect::<Vec<_>>()
                    .join(", ")
            ),
            None => String::new(),
        }
    }

    fn configure(&self, zones: &[&str]) {
        let Setup { encrypted, has_catalog, .. } = self.setup;
        let folder = self.directory.path();
        let zones = self.zones(zones);
        let tls = match encrypted {
            true => format!(
                "[dns.tls]\nlisten = [\"{}\"]\ncertificate_file = \"cert.pem\"\n\
                 key_file = \"key.pem\"\n",
                self.encrypted
            ),
            false => String::new(),
        };
        let catalog = match has_catalog {
            true => format!("[catalog]\norigin = \"{CATALOG}\"\nsecondaries = [\"ns3\"]\n"),
            false => String::new(),
        };
        let publish = self.publish();
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

{tls}
[admin]
socket = "{socket}"

[state]
directory = "state"

[[key]]
name = "xfr.db.internal."
secret_file = "xfr.key"

{zones}{catalog}{publish}
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
        );
        fs::write(self.config(), config).expect("a file can be written");
    }
}
