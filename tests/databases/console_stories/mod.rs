//! The operator's console on a real PostgreSQL primary with two streaming standbys: each command
//! with its text and its JSON, each change as DNS answers it, the metrics and the page.
//!
//! The configuration file knows the first two servers; the third one joins while the service runs.
//! Each story leaves the primary and both standbys as it found them, unless it says otherwise.

mod looks;
mod overrides;
mod page;
mod restarts;
mod waits;

use std::{
    fs,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::PathBuf,
    process::{Command, Output},
    thread,
    time::{Duration, Instant},
};

use hickory_proto::rr::Name;
use pointsman_testbed::{binary, dns_client::Answer};
use serde_json::Value;
use tempfile::TempDir;

use crate::{
    in_turn, is_chosen,
    patience::{self, PATIENCE},
    pointsman::{Cluster, Engine, PROBE_PASSWORD, Pointsman, write_files},
    ports,
    postgres_cluster::PgCluster,
    postgres_programs::Programs,
};

const SERVERS: [Ipv4Addr; 3] =
    [Ipv4Addr::new(127, 62, 10, 1), Ipv4Addr::new(127, 62, 10, 2), Ipv4Addr::new(127, 62, 10, 3)];

/// Where Pointsman answers.
const HOME: Ipv4Addr = Ipv4Addr::new(127, 62, 10, 9);

const TOKEN: &str = "0123456789abcdef0123456789abcdef";

#[test]
fn console() {
    in_turn(|| {
        let mut stage = Stage::start();
        let stories: [(&str, Story); 9] = [
            ("what is shown is what is", looks::what_is_shown_is_what_is),
            ("a probe shows what the server says", looks::a_probe_shows_what_the_server_says),
            ("a server joins and becomes ready", restarts::a_server_joins_and_becomes_ready),
            ("drain, pin and maintenance", overrides::drain_pin_and_maintenance),
            ("a drain waits for clients", waits::a_drain_waits_for_clients),
            ("the page shows what is", page::the_page_shows_what_is),
            ("a frozen name outlasts its primary", overrides::a_frozen_name_outlasts_its_primary),
            ("kill -9 forgets nothing", restarts::kill_9_forgets_nothing),
            ("the file takes over", restarts::the_file_takes_over_and_a_server_leaves),
        ];
        for (number, (title, story)) in (1..).zip(stories) {
            // Those that come later stand on the third one.
            if is_chosen(number) {
                println!("console story {number}: {title}");
                story(&mut stage);
            }
        }
        stage.stop();
    });
}

/// What happens on the stage.
type Story = fn(&mut Stage);

/// The real servers, the service and its addresses.
struct Stage {
    servers: PgCluster,
    cluster: Cluster,
    /// `None` while it does not run.
    pointsman: Option<Pointsman>,
    dns: SocketAddr,
    http: SocketAddr,
    folder: TempDir,
}

impl Stage {
    fn start() -> Self {
        let servers = PgCluster::start(Programs::installed(), &SERVERS);
        servers.sql(0, "GRANT pg_signal_backend TO pointsman");
        let mut cluster = Cluster::new("db", Engine::Postgres, &SERVERS[..2], servers.port());
        let kick = "\n[cluster.kick]\nmode = \"on\"\nusers = [\"application\"]\n";
        cluster.more_probe = kick.to_owned();
        let dns = ports::free_for_dns_on(&[HOME])[0];
        let http = SocketAddr::new(HOME.into(), ports::free_on(&[HOME]));
        let folder = tempfile::tempdir().expect("a temporary folder");
        let admin = format!(
            "[admin]\nsocket = \"admin.sock\"\nhttp = \"{http}\"\ntoken_file = \"token\"\n"
        );
        fs::write(folder.path().join("token"), TOKEN).expect("a file can be written");
        write_files(folder.path(), dns, &[&cluster], &admin);
        let mut stage = Self { servers, cluster, pointsman: None, dns, http, folder };
        stage.serve();
        stage.expect(&stage.cluster.write_name(), &[0]);
        stage.expect(&stage.cluster.read_name(), &[1]);
        stage
    }

    fn serve(&mut self) {
        let started = Pointsman::serve_files(self.folder.path(), self.dns, &self.cluster);
        self.pointsman = Some(started);
    }

    fn stop(mut self) {
        if let Some(pointsman) = self.pointsman.take() {
            pointsman.stop();
        }
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("pointsman.toml")
    }

    fn socket(&self) -> String {
        self.folder.path().join("admin.sock").display().to_string()
    }

    /// Runs a command of the line on the service.
    fn run(&self, line: &str) -> Output {
        let mut command = Command::new(binary());
        command.args(line.split(' ')).args(["--socket", &self.socket()]);
        let output = command.output().expect("the binary runs");
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(!said.contains(PROBE_PASSWORD), "{line}: {said}");
        output
    }

    /// What a command that must succeed prints.
    fn said(&self, line: &str) -> String {
        let Output { status, stdout, stderr } = self.run(line);
        let [stdout, stderr] = [stdout, stderr].map(|text| String::from_utf8(text).expect("UTF-8"));
        assert_eq!(status.code(), Some(0), "{line}: {stdout}{stderr}");
        // A change may warn of what it does to the names.
        assert!(stderr.lines().all(|told| told.starts_with("warning: ")), "{line}: {stderr}");
        stdout
    }

    /// The same with `--json`.
    fn json(&self, line: &str) -> Value {
        let text = self.said(&format!("{line} --json"));
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{line}: {error}: {text}"))
    }

    /// Why a command is not carried out.
    fn refused(&self, line: &str) -> String {
        let Output { status, stdout, stderr } = self.run(line);
        assert_eq!((status.code(), stdout.len()), (Some(1), 0), "{line}");
        String::from_utf8(stderr).expect("UTF-8")
    }

    /// Expects of a command that it says all of these.
    fn expect_words(&self, line: &str, words: &[&str]) {
        let said = self.said(line);
        for word in words {
            assert!(said.contains(word), "{line}: {word:?} is not in\n{said}");
        }
    }

    /// What is said of server `index` in the status.
    fn server(&self, index: usize) -> Value {
        let name = self.cluster.server_name(index);
        let status = self.json("status db");
        let mut servers = status["servers"].as_array().expect("servers").iter();
        servers.find(|server| server["name"] == *name).cloned().unwrap_or_default()
    }

    fn expect_state(&self, index: usize, state: &str) {
        patience::until(&format!("server {index} is {state}"), || {
            self.server(index)["state"] == state
        });
    }

    /// What a name says now.
    fn ask(&self, name: &Name) -> Answer {
        let mut client = pointsman_testbed::dns_client::DnsClient::new(self.dns);
        let reply = patience::poll(PATIENCE, || client.addresses(name));
        reply.unwrap_or_else(|| panic!("no answer for {name}"))
    }

    /// Waits until a name says these servers and no others.
    fn expect(&self, name: &Name, servers: &[usize]) -> Answer {
        let wanted = addresses(servers);
        let mut last = None;
        let answer = patience::poll(PATIENCE, || {
            let answer = self.ask(name);
            let is_it = answer.set() == wanted;
            last = Some(answer.clone());
            is_it.then_some(answer)
        });
        answer.unwrap_or_else(|| {
            let last = last.map(|answer| answer.to_string()).unwrap_or_default();
            panic!("{name} does not say {wanted:?} but {last}\n{}", self.said("status"))
        })
    }

    /// Runs a change that must succeed and tells how long it took from the start of the command to
    /// the first answer of `name` that says `servers`. Returns what the command prints.
    fn effective(&self, line: &str, name: &Name, servers: &[usize]) -> String {
        let wanted = addresses(servers);
        let began = Instant::now();
        thread::scope(|scope| {
            let command = scope.spawn(|| self.said(line));
            let mut client = pointsman_testbed::dns_client::DnsClient::new(self.dns);
            let mut is_seen = || {
                let answer = client.addresses(name);
                answer.is_some_and(|answer| answer.set() == wanted)
            };
            while !is_seen() {
                assert!(began.elapsed() < PATIENCE, "{line}: {name} does not say {wanted:?}");
                thread::sleep(Duration::from_millis(1));
            }
            let seen = began.elapsed();
            let said = command.join().expect("it succeeds");
            // Whoever reads that it is done may count on it.
            assert_eq!(self.ask(name).set(), wanted, "{line}");
            println!("    {line}: answered {:.1} ms after its start", seen.as_secs_f64() * 1e3);
            said
        })
    }
}

fn addresses(servers: &[usize]) -> Vec<IpAddr> {
    servers.iter().map(|&index| SERVERS[index].into()).collect()
}

/// What `program` prints, which must succeed, with `input` to read.
fn output_of(program: &mut Command, input: &str) -> String {
    use std::{io::Write as _, process::Stdio};
    let mut child = program
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("tests/run installs it");
    child.stdin.take().expect("a pipe").write_all(input.as_bytes()).expect("it reads");
    let Output { status, stdout, stderr } = child.wait_with_output().expect("it ends");
    let [stdout, stderr] = [stdout, stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
    assert!(status.success(), "{program:?}: {stdout}{stderr}");
    stdout
}
