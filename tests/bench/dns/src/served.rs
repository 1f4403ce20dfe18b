//! Pointsman's answer path without databases: decisions that nobody probed for, published and
//! served by the library's own transports.

use std::{
    error::Error,
    net::{IpAddr, SocketAddr},
    process::Command,
    sync::Arc,
    thread,
    time::Duration,
};

use hickory_proto::rr::{LowerName, Name};
use pointsman::{
    answers::{
        AnswerTable, Balance, ClusterAnswers, Layout, NameRole, PublishedServer, Serial,
        ServedName, Zone, build,
    },
    config::DnsConfig,
    dns::bind,
    engine::{
        ClusterId, Decision, Moment, ReadDecision, ReadReason, ReadServer, ServerIndex, Stability,
        WriteDecision, WriteReason,
    },
    publish::{Publisher, Snapshot},
};

use crate::{clock, running::stat_field};

/// Answers on `address` until the process is ended, and publishes another decision `changes` times
/// a second.
pub(crate) fn serve(address: SocketAddr, changes: u32) -> Result<(), Box<dyn Error>> {
    let mut answers = Answers::new()?;
    let mut publisher = Publisher::new(Snapshot::from(answers.next_table()));
    let mut config = DnsConfig::on(vec![address], 1);
    config.rate_limit.responses_per_second = 0;
    config.tcp.max_connections_per_client = config.tcp.max_connections;
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let _inside = runtime.enter();
    let mut server = bind(&config, &publisher.reader())?;
    if changes > 0 {
        let pause = Duration::from_secs(1) / changes;
        thread::spawn(move || {
            come_before_the_workers();
            let mut due = clock::now();
            loop {
                due += pause;
                thread::sleep(due.saturating_duration_since(clock::now()));
                publisher.publish(Snapshot::from(answers.next_table()));
            }
        });
    }
    Err(runtime.block_on(server.failed()).into())
}

/// Gives this thread a higher real-time priority than the threads that answer, when they have one:
/// without, the scheduler's fairness lets a thread in that mostly sleeps, and real-time priority
/// knows no fairness.
fn come_before_the_workers() {
    let stat = std::fs::read_to_string("/proc/thread-self/stat").unwrap_or_default();
    if stat_field(&stat, POLICY) == SCHED_FIFO {
        let thread = nix::unistd::gettid().to_string();
        _ = Command::new("chrt").args(["--fifo", "--pid", "20", &thread]).status();
    }
}

/// Builds one answer table after the other. Each publishes another server for writes, and the same
/// three for reads.
struct Answers {
    layout: Arc<Layout>,
    servers: Vec<PublishedServer>,
    generation: u64,
    serial: Serial,
}

impl Answers {
    fn new() -> Result<Self, Box<dyn Error>> {
        let zone = Zone::parse(STATIC_RECORDS, &Name::from_ascii("internal.")?)
            .map_err(|faults| format!("the zone of the benchmark: {faults:?}"))?;
        let served = |name: &str, role, ttl| -> Result<ServedName, Box<dyn Error>> {
            let name = LowerName::from(Name::from_ascii(name)?);
            Ok(ServedName { name, cluster: ClusterId(0), role, ttl, ttl_unstable: 1 })
        };
        let read = NameRole::Read { index: 0, balance: Balance::Shuffle, max_answers: None };
        let served = vec![
            served("db-write.internal.", NameRole::Write, 1)?,
            served("db-read.internal.", read, 2)?,
        ];
        let servers = (1..=3).map(|number: u8| PublishedServer {
            name: format!("db{number}").into(),
            addresses: [IpAddr::from([127, 0, 1, number])].into(),
            port: 5432,
            weight: 1,
        });
        Ok(Self {
            layout: Arc::new(Layout::new(&[zone], served)?),
            servers: servers.collect(),
            generation: 0,
            serial: Serial::MIN,
        })
    }

    fn next_table(&mut self) -> AnswerTable {
        self.generation += 1;
        self.serial = self.serial.next(0);
        let writer = usize::from(self.generation.is_multiple_of(2));
        let member =
            |index| ReadServer { server: ServerIndex::new(index), percent: 100, sessions: None };
        let decision = Decision {
            stability: Stability::Stable,
            write: Some(WriteDecision {
                server: Some(ServerIndex::new(writer)),
                reason: WriteReason::Primary,
                since: Moment::START,
            }),
            reads: vec![ReadDecision {
                servers: (0..3).map(member).collect(),
                reason: ReadReason::Eligible,
                since: Moment::START,
            }],
        };
        let cluster = ClusterAnswers {
            name: "orders",
            servers: &self.servers,
            decision: &decision,
            overrides: &[],
        };
        build(&self.layout, &[cluster], self.generation, self.serial)
    }
}

/// The number of the field in proc_pid_stat(5).
const POLICY: usize = 41;

/// Its value for `SCHED_FIFO`.
const SCHED_FIFO: u64 = 1;

/// What every contestant has besides the two names.
pub(crate) const STATIC_RECORDS: &str = "\
$TTL 300
@          60 IN SOA ns1 hostmaster 7 3600 600 86400 1
@             IN NS  ns1
ns1           IN A   192.0.2.1
";
