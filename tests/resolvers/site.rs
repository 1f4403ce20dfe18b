//! Two `pointsman serve` and the three servers they watch, all on loopback addresses of one test.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr, UdpSocket},
    path::PathBuf,
    time::Duration,
};

use hickory_proto::rr::RecordType;
use tempfile::TempDir;

use crate::{
    account::Account, client::Client, listeners::Listeners, patience, ports, process::ServerProcess,
};

/// The zone that resolvers forward.
pub(crate) const ZONE: &str = "db.internal.";
/// The name for writes: `db1` at first, then `db2`.
pub(crate) const WRITE: &str = "write.db.internal.";
/// The name for reads: the servers that writes do not go to.
pub(crate) const READ: &str = "read.db.internal.";

/// Seconds that [`WRITE`] may be kept.
pub(crate) const WRITE_TTL: u32 = 1;
/// Seconds that [`READ`] may be kept.
pub(crate) const READ_TTL: u32 = 2;

/// One test's addresses, and what runs there. Dropped, all is killed.
pub(crate) struct Site {
    number: u8,
    instances: [SocketAddr; 2],
    running: [Option<ServerProcess>; 2],
    servers: Listeners,
    directory: TempDir,
    /// Nobody reads what the resolver asks there.
    _silence: Vec<UdpSocket>,
}

impl Site {
    /// The servers run, the two instances do not yet. `number` tells the tests apart: addresses
    /// are `127.37.{number}.x`.
    pub(crate) fn new(number: u8) -> Self {
        let at = |last| Ipv4Addr::new(127, 37, number, last);
        let instances = ports::free_for_dns_on(&[at(1), at(2)])[..]
            .try_into()
            .expect("there is one for each address");
        let site = Self {
            number,
            instances,
            running: [None, None],
            servers: Listeners::start(&[at(101), at(102), at(103)]),
            directory: Account::current().directory("pointsman-site-"),
            _silence: silence(at(9), instances[0].port()),
        };
        for index in 0..2 {
            site.configure(index);
        }
        site
    }

    /// Where the two instances answer DNS, on the same port of different addresses.
    pub(crate) fn instances(&self) -> [SocketAddr; 2] {
        self.instances
    }

    /// The address of server `db{number}`, from 1.
    pub(crate) fn server(&self, number: u8) -> Ipv4Addr {
        self.address(100 + number)
    }

    /// Where a resolver of this test may listen.
    pub(crate) fn resolver_address(&self) -> Ipv4Addr {
        self.address(10)
    }

    /// A file of root hints that name [`Self::silent_root`].
    pub(crate) fn root_hints(&self) -> PathBuf {
        self.directory.path().join("root.hints")
    }

    /// Starts an instance and waits until it gives addresses.
    ///
    /// # Panics
    /// When it ends, or gives none in time; with its log.
    pub(crate) fn start(&mut self, index: usize) {
        let folder = self.folder(index);
        let mut command = Account::current().command(env!("CARGO_BIN_EXE_pointsman"));
        command.arg("serve").arg("--config").arg(folder.join("pointsman.toml"));
        let mut process = ServerProcess::spawn(command, &folder.join("log"));
        let mut client = self.client(index);
        patience::until("an instance answers", || {
            assert!(process.is_running(), "pointsman has ended:\n{}", process.log_tail());
            let answer = client.ask(WRITE, RecordType::A, Duration::from_millis(200));
            answer.is_some_and(|answer| !answer.addresses.is_empty())
        });
        self.running[index] = Some(process);
    }

    /// Kills an instance: what is sent to it is refused.
    pub(crate) fn kill(&mut self, index: usize) {
        self.running[index] = None;
    }

    /// Stops an instance without closing its sockets: what is sent to it stays unanswered.
    pub(crate) fn freeze(&self, index: usize) {
        self.running[index].as_ref().expect("the instance runs").freeze();
    }

    /// Ends [`Self::freeze`].
    pub(crate) fn thaw(&self, index: usize) {
        self.running[index].as_ref().expect("the instance runs").thaw();
    }

    /// A client of an instance itself.
    pub(crate) fn client(&self, index: usize) -> Client {
        Client::new(self.instances[index])
    }

    /// Closes the port of server `db{number}`, from 1.
    pub(crate) fn stop_server(&mut self, number: u8) {
        self.servers.stop(usize::from(number - 1));
    }

    /// The port of the servers.
    pub(crate) fn port(&self) -> u16 {
        self.servers.port()
    }

    fn address(&self, last: u8) -> Ipv4Addr {
        Ipv4Addr::new(127, 37, self.number, last)
    }

    fn folder(&self, index: usize) -> PathBuf {
        self.directory.path().join(format!("instance-{index}"))
    }

    fn configure(&self, index: usize) {
        let folder = self.folder(index);
        fs::create_dir(&folder).expect("a directory can be made");
        fs::create_dir(folder.join("state")).expect("a directory can be made");
        let [first, second] = self.instances.map(|instance| instance.ip());
        let zone = format!(
            "$ORIGIN {ZONE}\n\
             @    1s  SOA  ns1 hostmaster ( 1 1h 10m 1d 1s )\n\
             @    1h  NS   ns1\n\
             @    1h  NS   ns2\n\
             ns1  1h  A    {first}\n\
             ns2  1h  A    {second}\n"
        );
        let hints = format!(". 1h NS silent.root.\nsilent.root. 1h A {}\n", self.address(9));
        for (file, text) in [
            (folder.join("pointsman.toml"), self.config(index)),
            (folder.join("db.zone"), zone),
            (self.root_hints(), hints),
        ] {
            fs::write(file, text).expect("a file can be written");
        }
    }

    fn config(&self, index: usize) -> String {
        let servers: String = (1..=3)
            .map(|number| {
                let (address, port) = (self.server(number), self.servers.port());
                format!(
                    "[[cluster.server]]\nname = \"db{number}\"\naddress = \"{address}\"\n\
                     port = {port}\npriority = {number}\n\n"
                )
            })
            .collect();
        format!(
            r#"[dns]
listen = ["{listen}"]

[[zone]]
origin = "{ZONE}"
file = "db.zone"

[state]
directory = "state"

[[cluster]]
name = "orders"
engine = "tcp"

[cluster.write]
name = "{WRITE}"
ttl = "{WRITE_TTL}s"

[[cluster.read]]
name = "{READ}"
ttl = "{READ_TTL}s"

[cluster.probe]
interval = "200ms"
fast_interval = "100ms"
timeout = "1s"

{servers}"#,
            listen = self.instances[index],
        )
    }
}

/// Sockets of `root` that take questions and say nothing: on the port of DNS where that may be
/// bound, and on `port`. Where it may not, the kernel refuses in the root's name.
fn silence(root: Ipv4Addr, port: u16) -> Vec<UdpSocket> {
    [53, port].into_iter().filter_map(|port| UdpSocket::bind((root, port)).ok()).collect()
}
