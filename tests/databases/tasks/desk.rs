//! Where an operator sits: the commands of the documents run there.
//!
//! Replaced are the program's path, and the addresses and ports of the documents' servers. The service
//! manager is the test: it holds the sockets of DNS, as `pointsman.socket` does.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket},
    os::fd::OwnedFd,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::patience;

/// A folder with the program, its configuration, and a service that runs or does not.
pub struct Desk {
    folder: TempDir,
    servers: Vec<Ipv4Addr>,
    database_port: u16,
    sockets: (UdpSocket, TcpListener),
    dns: SocketAddr,
    /// Dropped, it is killed.
    service: Option<Service>,
}

/// What a command has come to.
#[derive(Debug)]
pub struct Outcome {
    /// Its exit code.
    pub code: Option<i32>,
    /// All that it printed.
    pub text: String,
}

struct Service(Child);

impl Drop for Service {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

impl Desk {
    /// For databases at `servers`, all on one port.
    pub fn new(servers: &[Ipv4Addr], database_port: u16) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        fs::create_dir(folder.path().join("bin")).expect("a folder can be made");
        let (sockets, dns) = sockets();
        let desk =
            Self { folder, servers: servers.to_vec(), database_port, sockets, dns, service: None };
        desk.install();
        desk
    }

    /// Where DNS is answered.
    pub fn dns(&self) -> SocketAddr {
        self.dns
    }

    /// The folder of the configuration, as README has it made.
    pub fn config_folder(&self) -> PathBuf {
        self.folder.path().join("pointsman")
    }

    /// Writes README's configuration, for the first three servers and with an audit file.
    pub fn write_config(&self, readme: &str) {
        let dns = format!("\"{}\"", self.dns);
        let mut text = readme.replace("\"127.0.0.1:5300\"", &dns);
        let socket = "socket = \"admin.sock\"";
        assert!(text.contains(&dns) && text.contains(socket), "README has another file:\n{text}");
        text = text.replace(socket, &format!("{socket}\naudit_file = \"audit.log\"\n#"));
        text += "\n[[cluster.server]]\nname = \"db3\"\naddress = \"127.0.1.3\"\n";
        for (number, server) in self.servers.iter().enumerate().take(CONFIGURED) {
            let line = format!("address = \"127.0.1.{}\"", number + 1);
            assert!(text.contains(&line), "README has other servers:\n{text}");
            let here = format!("address = \"{server}\"\nport = {}", self.database_port);
            text = text.replace(&line, &here);
        }
        fs::write(self.config_file(), text).expect("a file can be written");
    }

    /// Starts the service, which gets its sockets from here.
    pub fn start(&mut self) {
        let moved =
            "exec 3<&0 4>&1 </dev/null >/dev/null; LISTEN_FDS=2 LISTEN_PID=$$ exec \"$0\" \"$@\"";
        let (udp, tcp) = &self.sockets;
        let handed: [OwnedFd; 2] = [
            udp.try_clone().expect("a descriptor").into(),
            tcp.try_clone().expect("a descriptor").into(),
        ];
        let log = fs::File::options().create(true).append(true).open(self.log_file());
        let [udp, tcp] = handed;
        let child = Command::new("setpriv")
            .args(["--pdeathsig=KILL", "sh", "-c", moved])
            .arg(self.program())
            .args(["serve", "--config"])
            .arg(self.config_file())
            .stdin(udp)
            .stdout(tcp)
            .stderr(log.expect("a log file can be opened"))
            .spawn();
        self.service = Some(Service(child.expect("the service can be started")));
    }

    /// What the package does: another file takes the program's place, and the service, if it runs, is
    /// started again.
    pub fn upgrade(&mut self) {
        self.install();
        if let Some(mut service) = self.service.take() {
            kill_process(Pid::from_child(&service.0), Signal::TERM).expect("it runs");
            service.0.wait().expect("it ends");
            self.start();
        }
    }

    /// Runs a command of the documents.
    pub fn run(&self, command: &str) -> Outcome {
        // README's reader sits above the folder that README has made.
        let is_above = command.contains("pointsman/") || command.starts_with("mkdir");
        let folder = if is_above { self.folder.path().to_owned() } else { self.config_folder() };
        let path = std::env::var("PATH").expect("there is a path");
        let output = Command::new("sh")
            .args(["-c", &self.adapted(command)])
            .current_dir(folder)
            .env("PATH", format!("{}:{path}", self.folder.path().join("bin").display()))
            .env("POINTSMAN_CONFIG", self.config_file())
            .env("PGPORT", self.database_port.to_string())
            .envs([("PGUSER", "postgres"), ("PGDATABASE", "postgres"), ("SUDO_USER", "ann")])
            .stdin(Stdio::null())
            .output()
            .expect("a shell can be started");
        let text = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text));
        Outcome { code: output.status.code(), text: text.concat() }
    }

    /// Runs one that must succeed; returns what it printed.
    pub fn said(&self, command: &str) -> String {
        let Outcome { code, text } = self.run(command);
        assert_eq!(code, Some(0), "{command}: {text}\n{}", self.log_tail());
        text
    }

    /// Waits until `command` prints exactly these lines, in any order.
    pub fn wait_for_lines(&self, command: &str, lines: &[String]) {
        let mut last = String::new();
        let found = patience::poll(patience::PATIENCE, || {
            last = self.run(command).text;
            let mut said: Vec<_> = last.lines().collect();
            said.sort_unstable();
            (said == lines).then_some(())
        });
        assert!(found.is_some(), "{command}: wanted {lines:?}, not {last}\n{}", self.log_tail());
    }

    /// Waits until `command` prints all of `words`; returns what it printed.
    pub fn wait_for_words(&self, command: &str, words: &[&str]) -> String {
        let mut last = String::new();
        let found = patience::poll(patience::PATIENCE, || {
            last = self.run(command).text;
            words.iter().all(|word| last.contains(word)).then_some(())
        });
        assert!(found.is_some(), "{command}: wanted {words:?}, not\n{last}\n{}", self.log_tail());
        last
    }

    fn adapted(&self, command: &str) -> String {
        let mut text = command
            .replace("target/release/pointsman", "pointsman")
            .replace("-p 5300", &format!("-p {}", self.dns.port()));
        for (number, server) in self.servers.iter().enumerate() {
            text = text
                .replace(&format!("-h db{} ", number + 1), &format!("-h {server} "))
                .replace(&format!("-h 127.0.1.{} ", number + 1), &format!("-h {server} "))
                .replace(
                    &format!("10.0.0.{}:5432", number + 1),
                    &format!("{server}:{}", self.database_port),
                );
        }
        text
    }

    /// A copy, put in place as a package does.
    fn install(&self) {
        let fresh = self.folder.path().join("bin/pointsman.new");
        fs::copy(env!("CARGO_BIN_EXE_pointsman"), &fresh).expect("the program can be copied");
        fs::rename(&fresh, self.program()).expect("a file can be renamed");
    }

    fn program(&self) -> PathBuf {
        self.folder.path().join("bin/pointsman")
    }

    fn config_file(&self) -> PathBuf {
        self.config_folder().join("pointsman.toml")
    }

    fn log_file(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    fn log_tail(&self) -> String {
        tail(&self.log_file())
    }
}

fn tail(file: &Path) -> String {
    let text = fs::read_to_string(file).unwrap_or_default();
    let lines: Vec<_> = text.lines().collect();
    lines[lines.len().saturating_sub(30)..].join("\n")
}

/// Sockets of both kinds on one free port.
fn sockets() -> ((UdpSocket, TcpListener), SocketAddr) {
    for _ in 0..100 {
        let udp = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let dns = udp.local_addr().expect("bound");
        if let Ok(tcp) = TcpListener::bind(dns) {
            return ((udp, tcp), dns);
        }
    }
    panic!("no port is free for both");
}

/// So many of the servers are in the configuration.
const CONFIGURED: usize = 3;
