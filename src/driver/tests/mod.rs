//! The driver in paused time, fed by hand: one PostgreSQL cluster, a primary and two standbys.
//!
//! The clock stands still while anything can run, so a pause of a millisecond is "when all has been
//! done that there is to do".

mod operators;
mod past;

use futures_util::FutureExt;
use hickory_proto::rr::{LowerName, Name, RecordType};
use tokio::{task::JoinHandle, time::sleep};

use super::*;
use crate::{
    answers::{
        Balance, ClusterListing, CompanionKind, Directory, Layout, NameRole, Note,
        Outcome as Found, PublishedServer, Serial, ServedName, Zone,
    },
    control::{Control, ControlEnds},
    engine::{
        ClusterKind, ClusterPolicy, Degradation, Facts, Failback, Failure, FailureKind, Heartbeat,
        MayWrite, OnNewerTimeline, OnNotWritable, OnSplitBrain, Outcome, Pace, Position,
        PostgresFacts, PostgresRole, ProbeAdvice, ReadPolicy, Receiver, ServerIndex, ServerPolicy,
        ServerState, Thresholds, WritePolicy,
    },
    probe::advice::{AdviceOver, AdviceReceiver, advice_channel},
};

const ZONE: &str = "\
$TTL 60
@  IN SOA ns hostmaster 1 60 30 3600 1
@  IN NS ns
ns IN A 127.0.0.1
";

const STALE_AFTER: Duration = Duration::from_secs(5);

/// A running driver and everything it is connected to.
struct Running {
    task: JoinHandle<()>,
    ends: Ends,
    control: Control,
    /// How each probe is told to go on.
    advice: Vec<AdviceReceiver>,
    events: mpsc::UnboundedReceiver<Event>,
}

impl Running {
    fn start() -> Self {
        let (observer, events) = mpsc::unbounded_channel();
        let (plan, advice) = plan(&[1, 2, 3], &[0, 1, 2]);
        let (control, ControlEnds { commands, .. }) = Control::new();
        let (driver, ends) = Driver::new(plan, commands, Past::default(), Some(observer));
        Self { task: tokio::spawn(driver.run()), ends, control, advice, events }
    }

    /// Started, with a primary and two fresh standbys.
    async fn healthy() -> Self {
        let mut running = Self::start();
        for _ in 0..3 {
            running.round().await;
        }
        assert_eq!(running.addresses("db-write"), ["127.27.1.1"]);
        assert_eq!(running.addresses("db-read"), ["127.27.1.2", "127.27.1.3"]);
        running.take_events();
        running
    }

    /// Every server answers as it should.
    async fn round(&self) {
        for server in 0..3 {
            self.tell(server, answer(server)).await;
        }
    }

    /// Reports `outcome` of `server` and waits until it has been judged.
    async fn tell(&self, server: usize, outcome: Outcome) {
        self.tell_late(server, outcome, Instant::now()).await;
    }

    /// The same of a server that was `asked` some time ago.
    async fn tell_late(&self, server: usize, outcome: Outcome, asked: Instant) {
        let probe = ProbeKey(u64::try_from(server).expect("a small number"));
        let sent = self.ends.findings.send(Finding { probe, asked, outcome }).await;
        sent.expect("the driver is alive");
        sleep(Duration::from_millis(1)).await;
    }

    /// What an A question for `name` is answered with, sorted.
    fn addresses(&self, name: &str) -> Vec<String> {
        let snapshot = self.ends.reader.snapshot();
        match snapshot.table.lookup(&dns_name(name), RecordType::A).outcome {
            Found::Served { addresses, .. } => {
                let mut texts: Vec<_> =
                    addresses.addresses().map(|address| address.to_string()).collect();
                texts.sort();
                texts
            }
            _ => Vec::new(),
        }
    }

    /// Why the answer about `name` is not the ideal one.
    fn note(&self, name: &str) -> Option<Note> {
        let snapshot = self.ends.reader.snapshot();
        match snapshot.table.lookup(&dns_name(name), RecordType::A).outcome {
            Found::Served { note, .. } | Found::NoData { note, .. } => note.cloned(),
            Found::NotReady { note } => Some(note.clone()),
            other => panic!("{other:?}"),
        }
    }

    fn generation(&self) -> u64 {
        self.ends.reader.load().table.generation()
    }

    fn serial(&self) -> Serial {
        self.ends.reader.load().table.serial()
    }

    /// What the texts at `name` say.
    fn told(&self, name: &str) -> Vec<String> {
        let snapshot = self.ends.reader.snapshot();
        match snapshot.table.lookup(&dns_name(name), RecordType::TXT).outcome {
            Found::Text(question) => {
                let records =
                    report::records(&question, &snapshot.table, &snapshot.reports, usize::MAX);
                records.iter().map(|record| record.data.to_string()).collect()
            }
            other => panic!("{other:?}"),
        }
    }

    fn take_events(&mut self) -> Vec<Event> {
        std::iter::from_fn(|| self.events.try_recv().ok()).collect()
    }
}

#[tokio::test(start_paused = true)]
async fn before_the_first_words_every_name_is_not_ready() {
    let running = Running::start();
    for name in ["db-write", "db-read"] {
        assert_eq!(running.addresses(name), [""; 0]);
        let note = running.note(name).expect("a reason");
        assert_eq!(note.degradation, Degradation::NotReady, "{note:?}");
    }
    assert_eq!(running.generation(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_decision_is_published_and_events_reach_the_observer() {
    let mut running = Running::start();
    for _ in 0..3 {
        running.round().await;
    }
    assert_eq!(running.addresses("db-write"), ["127.27.1.1"]);
    assert_eq!(running.note("db-write"), None);
    let events = running.take_events();
    let to = |events: &[Event], wanted: fn(&Event) -> bool| events.iter().any(wanted);
    assert!(to(
        &events,
        |event| matches!(event, Event::Write { to: Some(to), .. } if to.place() == 0)
    ));
    assert!(to(&events, |event| matches!(event, Event::Read { to, .. } if to.len() == 2)));
    let primary = |event: &Event| matches!(event, Event::State { to: ServerState::Primary, .. });
    assert!(to(&events, primary), "{events:?}");
}

#[tokio::test(start_paused = true)]
async fn what_says_nothing_new_is_not_published() {
    let mut running = Running::healthy().await;
    let before = (running.generation(), running.serial());
    running.round().await;
    assert_eq!((running.generation(), running.serial()), before);
    assert_eq!(running.take_events(), []);
}

/// A report that has waited for a busy driver, or for room in the queue, is as old as its question: the
/// primary may have written since then what the replica shows.
#[tokio::test(start_paused = true)]
async fn a_report_that_has_waited_is_no_younger() {
    let running = Running::healthy().await;
    let asked = Instant::now();
    sleep(Duration::from_millis(5)).await;
    running.tell(1, at(1, 0x300_0200)).await;
    running.tell_late(0, at(0, 0x300_0148), asked).await;
    assert_eq!(running.addresses("db-read"), ["127.27.1.2", "127.27.1.3"]);
    // Asked later, the primary would have it.
    running.tell(0, at(0, 0x300_0148)).await;
    assert_eq!(running.addresses("db-read"), ["127.27.1.3"]);
}

#[tokio::test(start_paused = true)]
async fn another_set_grows_the_serial_and_another_reason_does_not() {
    let running = Running::healthy().await;
    let (generation, serial) = (running.generation(), running.serial());
    for _ in 0..2 {
        running.tell(1, refused()).await;
    }
    assert_eq!(running.addresses("db-read"), ["127.27.1.3"]);
    assert!(running.serial() > serial, "{:?} after {serial:?}", running.serial());
    assert!(running.generation() > generation);

    let (generation, serial) = (running.generation(), running.serial());
    for _ in 0..2 {
        running.tell(0, refused()).await;
    }
    // The primary is gone and nobody has been promoted: the address stays, and the answer says why.
    assert_eq!(running.addresses("db-write"), ["127.27.1.1"]);
    let note = running.note("db-write").expect("a reason");
    assert_eq!(note.degradation, Degradation::Stale, "{note:?}");
    assert_eq!(running.serial(), serial);
    assert!(running.generation() > generation);
}

#[tokio::test(start_paused = true)]
async fn a_change_is_told_at_once_and_grows_nothing() {
    let running = Running::healthy().await;
    let status = running.told("_status.db-read");
    assert!(status[0].contains(" servers=db2,db3 "), "{status:?}");
    assert!(status[2].starts_with("server=db2 state=Replica lag=0.0s in=yes "), "{status:?}");
    let before = running.told("_events.orders").len();
    for _ in 0..2 {
        running.tell(1, refused()).await;
    }
    let status = running.told("_status.db-read");
    assert!(status[0].contains(" servers=db3 "), "{status:?}");
    assert!(status[2].starts_with("server=db2 state=Down in=no "), "{status:?}");
    let why = running.told("_why.db2");
    assert!(why[0].contains(" reason=\"connection refused\""), "{why:?}");
    let events = running.told("_events.orders");
    assert_eq!(events.len(), before + 2);
    assert!(events[0].contains(" name=db-read.internal. from=db2,db3 to=db3 "), "{events:?}");
    assert!(events[1].contains(" server=db2 from=Replica to=Down "), "{events:?}");
}

/// Lag changes with every probe: it is told within a second, and that is no new generation.
#[tokio::test(start_paused = true)]
async fn what_changes_with_every_probe_is_told_within_a_second() {
    let running = Running::healthy().await;
    sleep(Duration::from_secs(2)).await;
    let before = (running.generation(), running.serial());
    let told = || running.told("_status.db-read")[2].clone();
    assert!(told().contains(" lag=0.0s "), "{}", told());
    // The primary goes on, and the standby does not.
    running.tell(0, ahead()).await;
    sleep(Duration::from_millis(500)).await;
    running.tell(1, answer(1)).await;
    sleep(Duration::from_millis(100)).await;
    let first = told();
    assert!(first.contains(" lag=0.5s "), "{first}");
    sleep(Duration::from_millis(300)).await;
    running.tell(1, answer(1)).await;
    sleep(Duration::from_millis(200)).await;
    assert_eq!(told(), first, "not twice in a second");
    sleep(Duration::from_millis(600)).await;
    assert!(told().contains(" lag=0.9s "), "{}", told());
    assert_eq!((running.generation(), running.serial()), before);
}

#[tokio::test(start_paused = true)]
async fn silence_alone_changes_states_when_its_time_has_come() {
    let mut running = Running::healthy().await;
    sleep(STALE_AFTER - Duration::from_millis(100)).await;
    assert_eq!(running.take_events(), []);
    sleep(Duration::from_millis(200)).await;
    let mut silent: Vec<_> = running
        .take_events()
        .into_iter()
        .filter_map(|event| match event {
            Event::State { server, to: ServerState::Unknown, .. } => Some(server.server.place()),
            _ => None,
        })
        .collect();
    silent.sort_unstable();
    assert_eq!(silent, [0, 1, 2]);
    // Nobody spoke against it, so the address stays.
    assert_eq!(running.addresses("db-write"), ["127.27.1.1"]);
}

#[tokio::test(start_paused = true)]
async fn advice_reaches_the_probes_when_it_changes_and_only_then() {
    let mut running = Running::healthy().await;
    let told: Vec<_> = running.advice.iter_mut().map(AdviceReceiver::see_latest).collect();
    assert!(told.iter().all(|advice| advice.pace == Pace::Normal), "{told:?}");
    assert_eq!(
        told.iter().map(|advice| advice.heartbeat).collect::<Vec<_>>(),
        [true, false, false]
    );

    running.round().await;
    for advice in &mut running.advice {
        assert_eq!(advice.changed().now_or_never(), None);
    }

    running.tell(0, refused()).await;
    for advice in &mut running.advice {
        assert_eq!(advice.changed().now_or_never(), Some(Ok(())));
        assert_eq!(advice.latest().pace, Pace::Fast);
    }
}

#[tokio::test(start_paused = true)]
async fn an_observer_that_leaves_and_probes_that_end_are_no_trouble() {
    let mut running = Running::healthy().await;
    running.events.close();
    for _ in 0..2 {
        running.tell(1, refused()).await;
    }
    assert_eq!(running.addresses("db-read"), ["127.27.1.3"]);
    // The last sender of observations is gone: so is the driver.
    drop(running.ends);
    running.task.await.expect("it ends, and does not panic");
}

/// A plan for one cluster of these servers, each asked by the task with the key at its place; and
/// how each task is told to go on.
fn plan(servers: &[u8], keys: &[u64]) -> (Plan, Vec<AdviceReceiver>) {
    let published = servers.iter().map(|&number| PublishedServer {
        name: format!("db{number}").into(),
        addresses: [[127, 27, 1, number].into()].into(),
        port: 5432,
        weight: 1,
    });
    let published: Arc<[_]> = published.collect();
    let first = ProbeAdvice { pace: Pace::Fast, heartbeat: false };
    let channels = keys.iter().map(|&key| {
        let (sender, receiver) = advice_channel(first);
        ((ProbeKey(key), sender), receiver)
    });
    let (fresh, advice) = channels.unzip();
    let cluster = PlannedCluster {
        policy: policy(servers),
        published: Arc::clone(&published),
        probes: keys.iter().map(|&key| vec![ProbeKey(key)]).collect(),
    };
    let layout = layout(published);
    (Plan { clusters: vec![cluster], layout, fresh, added: Arc::default() }, advice)
}

fn policy(servers: &[u8]) -> ClusterPolicy {
    let servers = servers.iter().map(|&number| ServerPolicy {
        name: format!("db{number}").into(),
        priority: 100,
        aliases: [format!("127.27.1.{number}").into()].into(),
        addresses: [[127, 27, 1, number].into()].into(),
        port: 5432,
        witnesses: vec![],
        may_write: MayWrite::Always,
    });
    ClusterPolicy {
        name: "orders".into(),
        kind: ClusterKind::Postgres,
        servers: servers.collect(),
        write: Some(WritePolicy {
            on_not_writable: OnNotWritable::Empty,
            on_split_brain: OnSplitBrain::Keep,
            on_newer_timeline: OnNewerTimeline::Follow,
            shared_storage: false,
            failback: Failback::Stay,
            flap_block: Duration::from_secs(60),
        }),
        reads: vec![ReadPolicy {
            max_lag: Duration::from_secs(10),
            min_servers: 1,
            include_primary: false,
            by_sessions: false,
        }],
        thresholds: Thresholds {
            fall: 3,
            rise: 2,
            stale_after: STALE_AFTER,
            first_round: Duration::from_secs(2),
        },
    }
}

fn layout(servers: Arc<[PublishedServer]>) -> Layout {
    let zone = Zone::parse(ZONE, &Name::from_ascii("internal.").unwrap()).unwrap();
    let served = |name, role| ServedName {
        name: dns_name(name),
        cluster: ClusterId(0),
        role,
        ttl: 1,
        ttl_unstable: 1,
    };
    let read = NameRole::Read { index: 0, balance: Balance::Shuffle, max_answers: None };
    let names = vec![served("db-write", NameRole::Write), served("db-read", read)];
    let kinds = [CompanionKind::Status, CompanionKind::Why, CompanionKind::Events];
    let listing = ClusterListing { name: "orders".into(), kind: ClusterKind::Postgres, servers };
    let directory = Directory { clusters: vec![listing], placed: kinds.into() };
    Layout::with_companions(&[zone], names, directory).unwrap()
}

fn dns_name(label: &str) -> LowerName {
    LowerName::from(Name::from_ascii(format!("{label}.internal.")).unwrap())
}

/// What `server` says when all is well: the first one is the primary.
fn answer(server: usize) -> Outcome {
    at(server, 0x300_0148)
}

/// The same with this position.
fn at(server: usize, position: u64) -> Outcome {
    let position = Position::lsn(position);
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
    Outcome::Answered(Facts::Postgres(PostgresFacts {
        system_identifier: 7,
        role,
        sessions: None,
        heartbeat: Heartbeat::NotTried,
    }))
}

/// A primary that has written more than [`answer`] says.
fn ahead() -> Outcome {
    at(0, 0x300_0200)
}

fn refused() -> Outcome {
    Outcome::Failed(Failure::new(FailureKind::Refused, ""))
}

/// Four times what the watchdog wants, though nothing happens.
#[tokio::test(start_paused = true)]
async fn an_idle_driver_shows_that_it_moves() {
    let running = Running::healthy().await;
    let before = running.ends.pulse.beats();
    sleep(Duration::from_secs(10)).await;
    assert!(running.ends.pulse.beats() >= before + 20);
}

/// A driver that hangs in the middle of a step, here in the log, does not beat until it goes on.
#[test]
fn a_driver_that_is_stuck_does_not_beat() {
    /// Holds whoever logs until its channel ends.
    struct Stuck(std::sync::Mutex<std::sync::mpsc::Receiver<()>>);

    impl std::io::Write for &Stuck {
        fn write(&mut self, octets: &[u8]) -> std::io::Result<usize> {
            _ = self.0.lock().unwrap().recv();
            Ok(octets.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    // With one subscriber alone, a line that another test's thread came to first would be off for
    // good: its thread has none (tracing-core's cache of interest).
    let _second = tracing::Dispatch::new(tracing_subscriber::registry());
    let (hold, held) = std::sync::mpsc::channel();
    let (tell, told) = std::sync::mpsc::channel();
    let (finish, finished) = tokio::sync::oneshot::channel::<()>();
    let thread = thread::spawn(move || {
        let log = Arc::new(Stuck(std::sync::Mutex::new(held)));
        let subscriber = tracing_subscriber::fmt().with_writer(log).finish();
        let _guard = tracing::subscriber::set_default(subscriber);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let running = Running::start();
            tell.send(running.ends.pulse.clone()).unwrap();
            // This thread is the driver's, too, and is stuck with it.
            for server in 0..3 {
                running.tell(server, answer(server)).await;
            }
            _ = finished.await;
        });
    });
    let pulse = told.recv().unwrap();
    // Two seconds without a beat, four times what it promises. Before that it may beat.
    let mut since = (pulse.beats(), clock::unix_millis());
    let deadline = clock::unix_millis() + 20_000;
    while clock::unix_millis() < since.1 + 2_000 {
        assert!(clock::unix_millis() < deadline, "it is never stuck");
        if pulse.beats() != since.0 {
            since = (pulse.beats(), clock::unix_millis());
        }
        thread::sleep(Duration::from_millis(20));
    }
    drop(hold);
    while pulse.beats() < since.0 + 4 {
        assert!(clock::unix_millis() < deadline, "it does not go on");
        thread::sleep(Duration::from_millis(20));
    }
    drop(finish);
    thread.join().unwrap();
}
