//! What ten thousand clusters cost: `cargo bench --bench scale [-- [CLUSTERS] [state]]`.
//!
//! Each cluster has three PostgreSQL servers, a write name and a read name. The configuration and
//! its files are in memory. Prints how long each step of a start takes, how long the first round of
//! replies and a change take to be in the answers, and how much memory is resident after each step.
//! Nobody is probed and nothing is listened on. All is done by one thread, whose CPU time shows what
//! a step costs on a machine that has other things to do. With `state` it is saved in a folder, as
//! `[state]` asks for: in a temporary one.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fmt::Write as _,
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use pointsman::{
    answers::{Layout, Serial},
    chronicle::Chronicle,
    config::{Config, Sources},
    control::{Control, ControlEnds},
    driver::{Driver, Ends, Past, Plan, PlannedCluster},
    engine::{
        Facts, Failure, FailureKind, Heartbeat, Outcome, Pace, Position, PostgresFacts,
        PostgresRole, ProbeAdvice, ProbeKey, Receiver,
    },
    probe::{Finding, advice::advice_channel},
    state::{Folder, Image, Opened, Saver},
};
use tempfile::TempDir;
use tokio::{runtime, task::yield_now};

/// Clusters, unless the command line says otherwise.
const CLUSTERS: usize = 10_000;

/// Servers of each.
const SERVERS: usize = 3;

fn main() {
    // Cargo adds a flag of its own.
    let wanted: Vec<_> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let is_saved = wanted.iter().any(|word| word == "state");
    let number = wanted.iter().find(|word| *word != "state");
    let clusters = number.map_or(CLUSTERS, |text| text.parse().expect("a number of clusters"));
    let mut steps = Steps::default();
    let text = configuration(clusters);
    say(format_args!("{clusters} clusters, {} KiB of configuration", text.len() / 1024));
    steps.start();
    let config = Config::from_text(&text, Path::new("pointsman.toml"), &Memory::new())
        .expect("a configuration without fault");
    // What is read holds it from here on.
    drop(text);
    steps.done("read");
    let layout = layout(&config);
    steps.done("layout");
    let (_control, ControlEnds { commands, .. }) = Control::new();
    let saved = is_saved.then(Saved::new);
    let past = saved.as_ref().map_or_else(Past::default, Saved::past);
    let (driver, ends) = Driver::new(plan(&config, layout), commands, past, None);
    steps.done("engine and first table");
    steps.total();
    let runtime = runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        tokio::spawn(driver.run());
        rounds(clusters, &ends, &mut steps).await;
    });
    // What the probes would hold goes on to live.
    drop((config, saved));
}

/// A state folder that nobody keeps.
struct Saved {
    saver: Saver,
    _directory: TempDir,
}

impl Saved {
    fn new() -> Self {
        let directory = TempDir::new().expect("a folder");
        let Opened { folder, serial, .. } =
            Folder::open(directory.path()).expect("an empty folder");
        let serial = Serial::first(serial, 0);
        let saver = Saver::start(folder, Image::default(), serial, Chronicle::default());
        Self { saver: saver.expect("a thread"), _directory: directory }
    }

    fn past(&self) -> Past {
        Past { keeper: self.saver.keeper(), ..Past::default() }
    }
}

fn layout(config: &Config) -> Layout {
    let names = config.clusters.iter().flat_map(|cluster| cluster.names.clone()).collect();
    let layout = Layout::with_companions(&config.zones, names, config.directory());
    layout.expect("a place for every name")
}

/// Each server is asked by one task, with its number among all servers as its key.
fn plan(config: &Config, layout: Layout) -> Plan {
    let advice = ProbeAdvice { pace: Pace::Fast, heartbeat: false };
    let clusters = config.clusters.iter().zip(layout.clusters()).enumerate();
    let clusters = clusters.map(|(index, (cluster, listing))| PlannedCluster {
        policy: cluster.policy(),
        published: Arc::clone(&listing.servers),
        probes: (0..SERVERS).map(|server| vec![key(index, server)]).collect(),
    });
    let keys =
        (0..config.clusters.len()).flat_map(|index| (0..SERVERS).map(move |s| key(index, s)));
    Plan {
        clusters: clusters.collect(),
        fresh: keys.map(|key| (key, advice_channel(advice).0)).collect(),
        added: Arc::default(),
        layout,
    }
}

fn key(cluster: usize, server: usize) -> ProbeKey {
    ProbeKey(u64::try_from(cluster * SERVERS + server).expect("a small number"))
}

/// The first replies of all servers, then changes of single clusters.
async fn rounds(clusters: usize, ends: &Ends, steps: &mut Steps) {
    for _ in 0..2 {
        for cluster in 0..clusters {
            for server in 0..SERVERS {
                tell(ends, cluster, server, Outcome::Answered(answer(cluster, server))).await;
            }
        }
    }
    settled(ends).await;
    steps.done("every server has replied twice");
    let refused = || Outcome::Failed(Failure::new(FailureKind::Refused, ""));
    let mut slowest = Duration::ZERO;
    let changed = clusters.min(100);
    for cluster in 0..changed {
        let (start, before) = (now(), ends.reader.load().table.generation());
        // Refused, and again when asked once more.
        tell(ends, cluster, 1, refused()).await;
        tell(ends, cluster, 1, refused()).await;
        while ends.reader.load().table.generation() == before {
            yield_now().await;
        }
        slowest = slowest.max(start.elapsed());
    }
    steps.done(&format!("{changed} clusters have lost a replica, one after another"));
    say(format_args!("slowest of them: {:.2} ms", slowest.as_secs_f64() * 1000.0));
}

async fn tell(ends: &Ends, cluster: usize, server: usize, outcome: Outcome) {
    let probe = key(cluster, server);
    ends.findings
        .send(Finding { probe, asked: tokio::time::Instant::now(), outcome })
        .await
        .expect("the driver is alive");
}

/// Waits until the driver has taken everything in.
async fn settled(ends: &Ends) {
    while ends.findings.capacity() < ends.findings.max_capacity() {
        yield_now().await;
    }
    yield_now().await;
}

/// What a server says when all is well: the first one of each cluster is the primary.
fn answer(cluster: usize, server: usize) -> Facts {
    let position = Position::lsn(0x300_0148);
    let role = match server {
        0 => PostgresRole::Primary { read_only: false, timeline: 1, position },
        _ => PostgresRole::Standby {
            receiver: Receiver::Streaming,
            timeline: Some(1),
            recovery_timeline: Some(1),
            received: Some(position),
            heard: None,
            replayed: Some(position),
            replay_age: None,
            paused: false,
            apply_delay: Duration::ZERO,
            sender: None,
        },
    };
    let system_identifier = u64::try_from(cluster).expect("a small number");
    Facts::Postgres(PostgresFacts {
        system_identifier,
        role,
        sessions: None,
        heartbeat: Heartbeat::NotTried,
    })
}

fn configuration(clusters: usize) -> String {
    let mut text = String::from("[[zone]]\norigin = \"internal.\"\nfile = \"internal.zone\"\n");
    for cluster in 0..clusters {
        write!(
            text,
            r#"
[[cluster]]
name = "cluster-{cluster}"
engine = "postgres"

[cluster.write]
name = "cluster-{cluster}-write.internal."

[[cluster.read]]
name = "cluster-{cluster}-read.internal."
max_lag = "10s"

[cluster.probe]
user = "pointsman"
password_file = "probe.password"
tls = "verify-full"
ca_file = "ca.pem"
"#
        )
        .expect("a string");
        for server in 0..SERVERS {
            let [high, low] = u16::try_from(cluster).expect("few clusters").to_be_bytes();
            write!(
                text,
                r#"
[[cluster.server]]
name = "cluster-{cluster}-{server}"
address = ["10.{server}.{high}.{low}", "fd00:{server}::{cluster}"]
port = 5432
"#
            )
            .expect("a string");
        }
    }
    text
}

/// The files that the configuration names.
struct Memory(BTreeMap<PathBuf, Vec<u8>>);

impl Memory {
    fn new() -> Self {
        let zone = "@ 1 SOA ns1 hostmaster 1 3600 600 86400 1\n@ 60 NS ns1\nns1 60 A 10.0.0.53\n";
        let authority = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/config_faults/parts/good.pem");
        Self(BTreeMap::from([
            ("internal.zone".into(), zone.into()),
            ("probe.password".into(), "hunter2\n".into()),
            ("ca.pem".into(), fs::read(authority).expect("a certificate")),
        ]))
    }
}

impl Sources for Memory {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        self.0.get(path).cloned().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn variable(&self, _: &str) -> Option<OsString> {
        None
    }
}

/// Prints how long each step took, and the memory that is resident after it.
struct Steps {
    start: Times,
    last: Times,
}

/// A moment by the clock, and the CPU time of this thread until then.
#[derive(Clone, Copy)]
struct Times {
    clock: Instant,
    cpu: Duration,
}

impl Times {
    fn now() -> Self {
        Self { clock: now(), cpu: cpu_time() }
    }
}

impl Default for Steps {
    fn default() -> Self {
        let times = Times::now();
        Self { start: times, last: times }
    }
}

impl Steps {
    fn done(&mut self, step: &str) {
        let now = Times::now();
        line(self.last, now, resident_mib(), step);
        self.last = now;
    }

    /// What was before is not part of the start.
    fn start(&mut self) {
        say(format_args!("  clock ms    CPU ms  resident MiB"));
        self.start = Times::now();
        self.last = self.start;
    }

    /// The whole start so far.
    fn total(&self) {
        line(self.start, self.last, resident_mib(), "the whole start");
    }
}

fn line(from: Times, to: Times, resident: f64, step: &str) {
    let [clock, cpu] =
        [to.clock - from.clock, to.cpu - from.cpu].map(|time| time.as_secs_f64() * 1000.0);
    say(format_args!("{clock:10.1}{cpu:10.1}{resident:14.1}  {step}"));
}

/// CPU time of this thread (proc(5), `/proc/pid/schedstat`: nanoseconds first).
fn cpu_time() -> Duration {
    let text = fs::read_to_string("/proc/thread-self/schedstat").expect("Linux");
    let first = text.split(' ').next().and_then(|field| field.parse().ok());
    Duration::from_nanos(first.expect("nanoseconds"))
}

#[expect(clippy::disallowed_methods, reason = "a bench measures by the machine's clock")]
fn now() -> Instant {
    Instant::now()
}

/// Resident memory of this process (proc_pid_statm(5)).
fn resident_mib() -> f64 {
    let statm = fs::read_to_string("/proc/self/statm").expect("Linux");
    let pages: u32 =
        statm.split(' ').nth(1).and_then(|field| field.parse().ok()).expect("resident pages");
    f64::from(pages) * 4.0 / 1024.0
}

#[expect(clippy::print_stdout, reason = "a bench talks to the terminal")]
fn say(line: std::fmt::Arguments<'_>) {
    println!("{line}");
}
