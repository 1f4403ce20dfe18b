//! Runs the `pointsman` binary with a configuration of its own.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fmt::Write as _,
    fs,
    io::{Read as _, Write as _},
    net::{Ipv4Addr, SocketAddr},
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    time::Duration,
};

use hickory_proto::rr::Name;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::{account::Account, binary, dns_client::DnsClient, log::Log, patience, ports};

/// The password of the probe user on every server of the tests. Must never be logged.
pub const PROBE_PASSWORD: &str = "s3cret-of-the-probe";

/// What the servers of a cluster speak, in the words of the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// PostgreSQL.
    Postgres,
    /// MySQL and MariaDB.
    MySql,
    /// Anything with a port.
    Tcp,
}

/// One `[[cluster]]` of the configuration.
#[derive(Clone, Debug)]
pub struct Cluster {
    /// Its name; the DNS names and the names of its servers begin with it.
    pub name: &'static str,
    /// What its servers speak.
    pub engine: Engine,
    /// Its servers, in config order.
    pub servers: Vec<Ipv4Addr>,
    /// Their port.
    pub port: u16,
    /// `failback` of the write name, where the test cares.
    pub failback: Option<&'static str>,
    /// `interval` of the probe, and `fast_interval` as well, where the test cares.
    pub interval: Option<&'static str>,
    /// `candidate_interval` of the probe, where it is not the default.
    pub candidate_interval: Option<&'static str>,
    /// `heartbeat_write` of the probe.
    pub heartbeats: bool,
    /// More `[[cluster.read]]` sections: the first label of the name and what else it says.
    pub more_reads: &'static [(&'static str, &'static str)],
    /// Whether the probe has a login; never for `tcp`.
    pub logs_in: bool,
    /// More lines for `[cluster.probe]`.
    pub more_probe: String,
    /// Where to probe a server, by its index, when that is not where it is published.
    pub probe_addresses: BTreeMap<usize, SocketAddr>,
}

impl Cluster {
    /// A cluster with the settings most tests want.
    pub fn new(
        name: &'static str,
        engine: Engine,
        servers: impl Into<Vec<Ipv4Addr>>,
        port: u16,
    ) -> Self {
        let servers = servers.into();
        Self {
            name,
            engine,
            servers,
            port,
            failback: None,
            interval: None,
            candidate_interval: None,
            heartbeats: false,
            more_reads: &[],
            logs_in: engine != Engine::Tcp,
            more_probe: String::new(),
            probe_addresses: BTreeMap::new(),
        }
    }

    /// The DNS name for writes.
    pub fn write_name(&self) -> Name {
        dns_name(&format!("{}-write.internal.", self.name))
    }

    /// The DNS name for reads.
    pub fn read_name(&self) -> Name {
        dns_name(&format!("{}-read.internal.", self.name))
    }

    /// The DNS name that tells how server `index` is judged.
    pub fn why_name(&self, index: usize) -> Name {
        dns_name(&format!("_why.{}.internal.", self.server_name(index)))
    }

    /// The name of server `index`: `db1` is the first of `db`.
    pub fn server_name(&self, index: usize) -> String {
        format!("{}{}", self.name, index + 1)
    }

    fn toml(&self) -> String {
        let engine = match self.engine {
            Engine::Postgres => "postgres",
            Engine::MySql => "mysql",
            Engine::Tcp => "tcp",
        };
        let login = match self.logs_in {
            true => "user = \"pointsman\"\npassword_file = \"probe.password\"\n",
            false => "",
        };
        let max_lag = if self.engine == Engine::Tcp { "" } else { "max_lag = \"2s\"\n" };
        let heartbeats = if self.heartbeats { "heartbeat_write = true\n" } else { "" };
        let (normal, fast) =
            self.interval.map_or(("200ms", "100ms"), |interval| (interval, interval));
        let candidate = self.candidate_interval.unwrap_or("15ms");
        let failback = self.failback.map_or_else(String::new, |rule| {
            format!("failback = \"{rule}\"\nflap_block = \"4s\"\n")
        });
        let mut toml = format!(
            r#"
[[cluster]]
name = "{name}"
engine = "{engine}"

[cluster.write]
name = "{write}"
ttl = "1s"
{failback}
[[cluster.read]]
name = "{read}"
ttl = "2s"
{max_lag}
[cluster.probe]
{login}{heartbeats}interval = "{normal}"
fast_interval = "{fast}"
candidate_interval = "{candidate}"
timeout = "1s"
fall = 3
rise = 2
{more_probe}"#,
            more_probe = self.more_probe,
            name = self.name,
            write = self.write_name(),
            read = self.read_name(),
        );
        for (label, settings) in self.more_reads {
            write!(toml, "\n[[cluster.read]]\nname = \"{label}.internal.\"\n{settings}\n")
                .expect("a string can be written to");
        }
        for (index, address) in self.servers.iter().enumerate() {
            write!(
                toml,
                r#"
[[cluster.server]]
name = "{server}"
address = "{address}"
port = {port}
priority = {place}
weight = {place}
{probe}"#,
                server = self.server_name(index),
                port = self.port,
                place = index + 1,
                probe = self
                    .probe_addresses
                    .get(&index)
                    .map_or_else(String::new, |at| { format!("probe_address = \"{at}\"\n") }),
            )
            .expect("a string can be written to");
        }
        toml
    }
}

/// A running `pointsman serve`. Dropped, it is killed.
pub struct Pointsman {
    child: Child,
    log: Log,
    dns: SocketAddr,
    folder: PathBuf,
    /// Unless it belongs to the test.
    _directory: Option<TempDir>,
}

impl Pointsman {
    /// Starts it for `clusters` and waits until it answers on its DNS port, with whatever.
    ///
    /// # Panics
    /// When it ends or stays silent; with its log.
    pub fn serve(clusters: &[&Cluster]) -> Self {
        Self::serve_at(ports::free_for_dns(), clusters)
    }

    /// The same at a given address, for clients that know no port but 53.
    ///
    /// # Panics
    /// When it ends or stays silent; with its log.
    pub fn serve_at(dns: SocketAddr, clusters: &[&Cluster]) -> Self {
        Self::serve_in(&[], dns, clusters)
    }

    /// The same with these variables in its environment.
    ///
    /// # Panics
    /// When it ends or stays silent; with its log.
    pub fn serve_in(
        environment: &[(OsString, OsString)],
        dns: SocketAddr,
        clusters: &[&Cluster],
    ) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory can be made");
        write_files(directory.path(), dns, clusters, "\n[admin]\nsocket = \"admin.sock\"\n");
        let mut pointsman = Self::start(environment, directory.path(), dns);
        pointsman._directory = Some(directory);
        pointsman.wait_for_answers(clusters[0]);
        pointsman
    }

    /// Starts it on files that [`write_files`] has written, and waits until it answers. They stay
    /// when it ends, so that it may be started again.
    ///
    /// # Panics
    /// When it ends or stays silent; with its log.
    pub fn serve_files(directory: &Path, dns: SocketAddr, cluster: &Cluster) -> Self {
        let mut pointsman = Self::start(&[], directory, dns);
        pointsman.wait_for_answers(cluster);
        pointsman
    }

    fn start(environment: &[(OsString, OsString)], directory: &Path, dns: SocketAddr) -> Self {
        let child = Account::monitor()
            .command_with(environment, binary())
            .args(["serve", "--log-format", "json", "--config"])
            .arg(directory.join("pointsman.toml"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary under test can be started");
        let folder = directory.to_owned();
        let mut pointsman = Self { child, log: Log::default(), dns, folder, _directory: None };
        pointsman.follow_output();
        pointsman
    }

    /// Where it answers DNS.
    pub fn dns(&self) -> SocketAddr {
        self.dns
    }

    /// The Unix socket where it is asked.
    pub fn socket(&self) -> PathBuf {
        self.folder.join("admin.sock")
    }

    /// Its process id.
    pub fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// What a command of the command line prints that talks to it, with its exit code. Standard error
    /// follows standard output.
    ///
    /// # Panics
    /// When the command cannot be started.
    pub fn command(&self, arguments: &[&str]) -> (Option<i32>, String) {
        let config = self.folder.join("pointsman.toml");
        let output = Command::new(binary()).args(arguments).arg("--config").arg(config).output();
        let Output { status, mut stdout, stderr } = output.expect("the binary can be started");
        stdout.extend(stderr);
        (status.code(), String::from_utf8_lossy(&stdout).into_owned())
    }

    /// What it counts, as Prometheus reads it.
    ///
    /// # Panics
    /// When it does not answer.
    pub fn metrics(&self) -> String {
        self.get("/metrics")
    }

    /// Its reply to a GET, with the head.
    ///
    /// # Panics
    /// When it does not answer.
    pub fn get(&self, path: &str) -> String {
        let mut stream = UnixStream::connect(self.socket()).expect("the admin socket is there");
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).expect("it takes requests");
        let mut text = String::new();
        stream.read_to_string(&mut text).expect("it replies");
        text
    }

    /// What it has logged.
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// A client of its DNS side.
    pub fn client(&self) -> DnsClient {
        DnsClient::new(self.dns)
    }

    /// Ends it as a service manager does.
    ///
    /// # Panics
    /// When it does not end by itself with code 0, or has logged the probe's password.
    pub fn stop(mut self) {
        signal(&self.child, Signal::TERM);
        let status =
            patience::poll(Duration::from_secs(5), || self.child.try_wait().ok().flatten());
        let log = self.log.clone();
        assert!(
            status.is_some_and(|status| status.success()),
            "SIGTERM led to {status:?}\n{}",
            log.tail(30)
        );
        assert!(!log.contains(PROBE_PASSWORD), "the log has the password");
        assert!(!log.contains("panicked"), "a task panicked:\n{}", log.text());
    }

    fn follow_output(&mut self) {
        let stdout = self.child.stdout.take().expect("stdout is piped");
        let stderr = self.child.stderr.take().expect("stderr is piped");
        self.log.follow(stdout);
        self.log.follow(stderr);
    }

    fn wait_for_answers(&mut self, cluster: &Cluster) {
        let mut client = self.client();
        let write = cluster.write_name();
        patience::until("pointsman answers", || {
            if let Ok(Some(status)) = self.child.try_wait() {
                panic!("pointsman ended with {status}:\n{}", self.log.text());
            }
            client.addresses(&write).is_some()
        });
    }
}

impl Drop for Pointsman {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Writes what Pointsman needs to serve `clusters` into `directory`; `more` comes before the
/// clusters.
///
/// # Panics
/// When it cannot be written.
pub fn write_files(directory: &Path, dns: SocketAddr, clusters: &[&Cluster], more: &str) {
    let mut config = format!(
        r#"[dns]
listen = ["{dns}"]

[[zone]]
origin = "internal."
file = "internal.zone"

[state]
directory = "state"
{more}"#
    );
    for cluster in clusters {
        config.push_str(&cluster.toml());
    }
    let zone = "$ORIGIN internal.\n$TTL 60\n\
        @ IN SOA ns hostmaster 1 60 30 3600 1\n\
        @ IN NS ns\n\
        ns IN A 127.0.0.1\n";
    fs::create_dir(directory.join("state")).expect("a directory can be made");
    for (name, text) in [
        ("pointsman.toml", config.as_str()),
        ("internal.zone", zone),
        ("probe.password", PROBE_PASSWORD),
    ] {
        fs::write(directory.join(name), text).expect("a file can be written");
    }
}

fn dns_name(text: &str) -> Name {
    Name::from_ascii(text).expect("the tests use valid names")
}

fn signal(child: &Child, signal: Signal) {
    kill_process(Pid::from_child(child), signal).expect("the process has not been waited for");
}
