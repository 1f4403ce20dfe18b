//! What an operator waits for: `cargo bench --bench console [-- ROUNDS]`.
//!
//! The real `serve`, optimised, seen from outside by a client on the same machine:
//!
//! - *warm start*: from starting the program, whose predecessor was killed, to its first answer,
//!   which must say what the predecessor said;
//! - *override*: from the first octet of a request for a drain to the first answer that shows it,
//!   and the same for its end; the reply waits until it has been saved;
//! - *reload*: from SIGHUP to the first answer by the new file.
//!
//! Each with one cluster and with a thousand, of three servers each. The servers are ports that
//! accept connections.

#![expect(clippy::disallowed_methods, reason = "a bench measures real time")]

use std::{
    fmt::Write as _,
    fs,
    io::{self, Read as _, Write as _},
    net::{IpAddr, Ipv4Addr, SocketAddr},
    os::unix::net::UnixStream,
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use hickory_proto::rr::{Name, RData, Record, RecordType};
use pointsman_testbed::dns_exchange::Exchange;
use rustix::process::{Pid, Signal, kill_process};
use tokio::net::TcpListener;

/// Rounds of each, unless the command line says otherwise.
const ROUNDS: usize = 11;

/// Clusters of the two services.
const SIZES: [usize; 2] = [1, 1_000];

const DNS: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(127, 71, 0, 1)), 5371);
const SERVERS: [Ipv4Addr; 3] =
    [Ipv4Addr::new(127, 71, 0, 2), Ipv4Addr::new(127, 71, 0, 3), Ipv4Addr::new(127, 71, 0, 4)];

/// That of the first cluster's servers; below those that the kernel gives out.
const FIRST_PORT: u16 = 20_000;

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(60);

fn main() {
    // Cargo adds a flag of its own.
    let wanted = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    let rounds = wanted.map_or(ROUNDS, |text| text.parse().expect("a number of rounds"));
    say(format_args!("{rounds} rounds, milliseconds      median  largest"));
    listen(SIZES[1]);
    for clusters in SIZES {
        measure(clusters, rounds);
    }
}

fn measure(clusters: usize, rounds: usize) {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let folder = folder.path();
    fs::create_dir(folder.join("state")).expect("a folder can be made");
    let texts = [1, 2].map(|ttl| configuration(clusters, ttl));
    fs::write(folder.join("internal.zone"), ZONE).expect("a file can be written");
    put(folder, &texts[0]);
    let mut service = Service::start(folder);
    until(|| {
        let ended = service.0.try_wait().expect("it is ours");
        let log = || fs::read_to_string(folder.join("log")).unwrap_or_default();
        assert!(ended.is_none(), "the service does not start: {}", log());
        shown().is_some_and(|shown| shown.readers == 2 && shown.is_sure)
    });
    until_saved(folder, clusters);
    let writer = shown().expect("an answer").writer;
    let mut starts = Vec::new();
    for _ in 0..rounds {
        drop(service);
        let began = Instant::now();
        service = Service::start(folder);
        until(|| shown().is_some_and(|shown| shown.readers == 2));
        starts.push(began.elapsed());
        assert_eq!(shown().expect("an answer").writer, writer, "what the predecessor said");
        until(|| shown().is_some_and(|shown| shown.is_sure));
        until_saved(folder, clusters);
    }
    tell(clusters, "warm start", starts);
    let (mut overrides, mut replies) = (Vec::new(), Vec::new());
    for round in 0..2 * rounds {
        let readers = 1 + round % 2;
        let began = Instant::now();
        let reply = change(folder, readers == 1);
        until(|| shown().is_some_and(|shown| shown.readers == readers));
        overrides.push(began.elapsed());
        let status = reply.join().expect("a reply").expect("a reply");
        assert!(status.starts_with("HTTP/1.1 200"), "{status}");
        replies.push(began.elapsed());
    }
    tell(clusters, "override in force", overrides);
    tell(clusters, "override saved", replies);
    let mut reloads = Vec::new();
    for round in 1..=rounds {
        put(folder, &texts[round % 2]);
        let ttl = if round % 2 == 1 { 2 } else { 1 };
        let began = Instant::now();
        service.signal(Signal::HUP);
        until(|| shown().is_some_and(|shown| shown.ttl == ttl));
        reloads.push(began.elapsed());
    }
    tell(clusters, "reload", reloads);
}

/// The servers of so many clusters. They accept connections as long as the program runs.
fn listen(clusters: usize) {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let runtime = Box::leak(Box::new(runtime.expect("a runtime")));
    for (address, port) in (0..clusters).flat_map(|cluster| SERVERS.map(|at| (at, port(cluster)))) {
        let listener = runtime.block_on(TcpListener::bind((address, port)));
        let listener = listener.expect("the port is free, and there are descriptors for all");
        runtime.spawn(async move {
            // Who has connected closes.
            while listener.accept().await.is_ok() {}
        });
    }
}

fn port(cluster: usize) -> u16 {
    FIRST_PORT + u16::try_from(cluster).expect("few clusters")
}

/// Waits until the state file has the writers of all clusters.
fn until_saved(folder: &Path, clusters: usize) {
    let file = folder.join("state/pointsman.state");
    until(|| {
        let text = fs::read_to_string(&file).unwrap_or_default();
        text.matches("\"write\":\"s").count() == clusters
    });
}

/// A running `serve`. Dropped, it is killed.
struct Service(Child);

impl Service {
    fn start(folder: &Path) -> Self {
        let log = fs::File::create(folder.join("log")).expect("a file can be made");
        let child = Command::new(env!("CARGO_BIN_EXE_pointsman"))
            .args(["serve", "--config"])
            .arg(folder.join("pointsman.toml"))
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a file has many handles"))
            .stderr(log)
            .spawn();
        Self(child.expect("the program can be started"))
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.0), signal).expect("it runs");
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// What the names of the last cluster say.
struct Shown {
    writer: Ipv4Addr,
    readers: usize,
    /// Of the write name, in seconds.
    ttl: u32,
    /// Whether an Extended DNS Error says that it has yet to be confirmed.
    is_sure: bool,
}

/// `None` while nobody answers, or without an address to write to.
fn shown() -> Option<Shown> {
    let (write, write_is_sure) = addresses("w.internal.")?;
    let (read, read_is_sure) = addresses("r.internal.")?;
    let [writer] = &write[..] else { return None };
    let RData::A(address) = &writer.data else { panic!("not asked for: {writer}") };
    let is_sure = write_is_sure && read_is_sure;
    Some(Shown { writer: address.0, readers: read.len(), ttl: writer.ttl, is_sure })
}

fn addresses(name: &str) -> Option<(Vec<Record>, bool)> {
    let mut exchange = Exchange::new(Ipv4Addr::LOCALHOST, DNS);
    let name = Name::from_ascii(name).expect("a name");
    let reply = exchange.ask(&name, RecordType::A, true, Duration::from_millis(5))?;
    let options = reply.edns.as_ref().map(|edns| edns.options().as_ref().len());
    Some((reply.answers, options.unwrap_or_default() == 0))
}

/// Asks for a drain of the second server, or for its end.
fn change(folder: &Path, drain: bool) -> thread::JoinHandle<io::Result<String>> {
    let (path, body) = match drain {
        true => ("/v1/drain", r#"{"server":"s-2","for":"10m","author":"bench","reason":"bench"}"#),
        false => ("/v1/undrain", r#"{"server":"s-2","author":"bench"}"#),
    };
    let socket = folder.join("admin.sock");
    thread::spawn(move || {
        let mut stream = UnixStream::connect(socket)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        write!(
            stream,
            "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
             Connection: close\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )?;
        let mut reply = String::new();
        stream.read_to_string(&mut reply)?;
        Ok(reply)
    })
}

fn put(folder: &Path, text: &str) {
    fs::write(folder.join("pointsman.toml"), text).expect("a file can be written");
}

/// Clusters that differ in their names; the last one's are short.
fn configuration(clusters: usize, ttl: usize) -> String {
    let mut text = format!(
        "[dns]\nlisten = [\"{DNS}\"]\n[[zone]]\norigin = \"internal.\"\nfile = \"internal.zone\"\n\
         [state]\ndirectory = \"state\"\n[admin]\nsocket = \"admin.sock\"\n"
    );
    for number in (0..clusters).rev() {
        let (own, server) = match number {
            0 => (String::new(), "s".to_owned()),
            _ => (format!("{number}"), format!("s{number}")),
        };
        _ = write!(
            text,
            "[[cluster]]\nname = \"c{number}\"\nengine = \"tcp\"\n\
             write = {{ name = \"w{own}.internal.\", ttl = \"{ttl}s\", \
             ttl_unstable = \"{ttl}s\" }}\n\
             read = [{{ name = \"r{own}.internal.\" }}]\n\
             probe = {{ interval = \"2s\", fast_interval = \"2s\" }}\n"
        );
        for (place, address) in (1..).zip(SERVERS) {
            _ = write!(
                text,
                "[[cluster.server]]\nname = \"{server}-{place}\"\naddress = \"{address}\"\n\
                 port = {}\n",
                port(number)
            );
        }
    }
    text
}

const ZONE: &str = "\
$ORIGIN internal.
@ 60 SOA ns1 hostmaster 1 3600 600 86400 1
@ 60 NS ns1
ns1 60 A 127.71.0.1
";

/// Looks again and again until `happened`.
fn until(mut happened: impl FnMut() -> bool) {
    let began = Instant::now();
    while !happened() {
        assert!(began.elapsed() < PATIENCE, "it does not happen");
        thread::sleep(Duration::from_micros(200));
    }
}

fn tell(clusters: usize, what: &str, mut took: Vec<Duration>) {
    took.sort_unstable();
    let ms = |index: usize| took[index].as_secs_f64() * 1_000.0;
    let (median, largest) = (ms(took.len() / 2), ms(took.len() - 1));
    say(format_args!("{clusters:>5} clusters, {what:<18} {median:>8.1} {largest:>8.1}"));
}

fn say(line: std::fmt::Arguments<'_>) {
    // Nobody who has left needs the rest.
    _ = writeln!(io::stdout(), "{line}");
}
