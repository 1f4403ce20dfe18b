//! The judgement tables row by row, and the rules around them.
//!
//! Most tests play replies of whole rounds to one cluster, half a second apart, and look at the
//! verdicts.

mod cadence;
mod cold_start;
mod contest;
mod document;
mod group;
mod isolation;
mod ladders;
mod mysql;
mod mysql_fed;
mod mysql_heirs;
mod mysql_topology;
mod postgres;
mod postgres_takeover;
mod record;
mod strangers;
mod unanswered;
mod upstream;
mod witness;

use std::time::Duration;

use crate::engine::{
    BinlogState, Channel, ClusterId, ClusterKind, ClusterPolicy, Domains, Endpoint, Event, Facts,
    Failback, Failure, FailureKind, Flavour, GtidSet, GtidState, Heartbeat, IoThread, MayWrite,
    Moment, MySqlFacts, MySqlIdentity, Observation, OnNewerTimeline, OnNotWritable, OnSplitBrain,
    Outcome, Position, PostgresFacts, PostgresRole, ReadDecision, ReadPolicy, Receiver, ServerId,
    ServerIndex, ServerPolicy, ServerState, SourceId, StateReason, Thresholds, Writability,
    WritePolicy, WriteReason,
    cluster::Cluster,
    verdict::{ReadEligibility, Verdict, WriteEligibility},
};

const STEP: Duration = Duration::from_millis(500);

/// One cluster to which replies are played.
struct Bench {
    cluster: Cluster,
    now: Moment,
    events: Vec<Event>,
}

impl Bench {
    fn new(kind: ClusterKind, servers: usize) -> Self {
        Self::with(policy(kind, servers))
    }

    fn with(policy: ClusterPolicy) -> Self {
        Self {
            cluster: Cluster::new(ClusterId(0), policy, Moment::START),
            now: Moment::START,
            events: vec![],
        }
    }

    /// One round in which only some servers are heard.
    fn hear(&mut self, outcomes: impl IntoIterator<Item = (usize, Outcome)>) {
        for (index, outcome) in outcomes {
            let server = ServerId { cluster: ClusterId(0), server: ServerIndex::new(index) };
            self.cluster.observe(Observation { server, asked: self.now, outcome }, self.now);
        }
        self.cluster.decide(self.now, &mut self.events);
        self.now = self.now + STEP;
    }

    /// Some rounds in which every server says the same as before.
    fn rounds(&mut self, rounds: usize, outcomes: &[Outcome]) {
        for _ in 0..rounds {
            self.hear(outcomes.iter().cloned().enumerate());
        }
    }

    /// Rounds for so many seconds.
    fn seconds(&mut self, seconds: usize, outcomes: &[Outcome]) {
        self.rounds(2 * seconds, outcomes);
    }

    fn verdict(&self, server: usize) -> Verdict {
        self.cluster.conclusion(ServerIndex::new(server)).verdict
    }

    fn state(&self, server: usize) -> ServerState {
        self.verdict(server).state
    }

    fn reason(&self, server: usize) -> StateReason {
        self.verdict(server).reason
    }

    fn eligibility(&self, server: usize) -> (WriteEligibility, ReadEligibility) {
        (self.verdict(server).write, self.verdict(server).read)
    }

    fn writer(&self) -> Option<usize> {
        let write = self.cluster.decision().write.expect("the cluster has a write name");
        write.server.map(|server| server.place())
    }

    fn write_reason(&self) -> WriteReason {
        self.cluster.decision().write.expect("the cluster has a write name").reason
    }

    fn read(&self) -> ReadDecision {
        self.cluster.decision().reads[0].clone()
    }

    fn readers(&self) -> Vec<usize> {
        self.read().servers.iter().map(|server| server.server.place()).collect()
    }

    /// The servers that the write name has said, in order.
    fn writers_so_far(&self) -> Vec<Option<usize>> {
        let said = self.events.iter().filter_map(|event| match event {
            Event::Write { from, to, .. } if from != to => Some(to.map(|server| server.place())),
            _ => None,
        });
        said.collect()
    }

    /// The states that a server has been in, in order.
    fn states_so_far(&self, index: usize) -> Vec<ServerState> {
        let been = self.events.iter().filter_map(|event| match event {
            Event::State { server, to, .. } if server.server.place() == index => Some(*to),
            _ => None,
        });
        been.collect()
    }
}

fn policy(kind: ClusterKind, servers: usize) -> ClusterPolicy {
    ClusterPolicy {
        name: "orders".into(),
        kind,
        servers: (0..servers)
            .map(|index| ServerPolicy {
                name: format!("db{index}").into(),
                priority: 100,
                aliases: [host(index).into()].into(),
                addresses: [].into(),
                port: PORT,
                witnesses: vec![],
                may_write: MayWrite::Always,
            })
            .collect(),
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
        thresholds: thresholds(),
    }
}

fn thresholds() -> Thresholds {
    Thresholds {
        fall: 3,
        rise: 2,
        stale_after: Duration::from_secs(8),
        first_round: Duration::from_secs(2),
    }
}

const PORT: u16 = 5432;

fn host(index: usize) -> Box<str> {
    format!("127.0.1.{}", index + 1).into()
}

fn endpoint(index: usize) -> Endpoint {
    Endpoint { host: host(index), port: PORT }
}

fn fails(kind: FailureKind) -> Outcome {
    Outcome::Failed(Failure::new(kind, ""))
}

// PostgreSQL.

fn postgres(role: PostgresRole) -> PostgresFacts {
    let (sessions, heartbeat) = (None, Heartbeat::NotTried);
    PostgresFacts { system_identifier: 1, role, sessions, heartbeat }
}

/// A writable primary on `timeline`, which has come to `position`.
fn primary(timeline: u32, position: u64) -> Outcome {
    answers(postgres(PostgresRole::Primary {
        read_only: false,
        timeline,
        position: Position::lsn(position),
    }))
}

/// A standby that streams `timeline` from `of` and has replayed all of it up to `position`.
fn standby(timeline: u32, of: usize, position: u64) -> Outcome {
    edited_standby(timeline, of, position, |_| {})
}

/// The parts of a standby that tests change.
struct StandbyParts {
    receiver: Receiver,
    timeline: Option<u32>,
    heard: Option<u64>,
    replayed: Option<Position>,
    paused: bool,
    apply_delay: Duration,
}

fn edited_standby(
    timeline: u32,
    of: usize,
    position: u64,
    edit: impl Fn(&mut StandbyParts),
) -> Outcome {
    let mut parts = StandbyParts {
        receiver: Receiver::Streaming,
        timeline: Some(timeline),
        heard: None,
        replayed: Some(Position::lsn(position)),
        paused: false,
        apply_delay: Duration::ZERO,
    };
    edit(&mut parts);
    let StandbyParts { receiver, timeline, heard, replayed, paused, apply_delay } = parts;
    let sender = receiver.is_attached().then(|| endpoint(of));
    answers(postgres(PostgresRole::Standby {
        receiver,
        timeline: timeline.filter(|_| receiver != Receiver::Absent),
        recovery_timeline: timeline,
        received: Some(Position::lsn(position)),
        heard,
        replayed,
        replay_age: None,
        paused,
        apply_delay,
        sender,
    }))
}

fn detached_standby(timeline: u32, position: u64) -> Outcome {
    edited_standby(timeline, 0, position, |standby| standby.receiver = Receiver::Absent)
}

fn answers(facts: PostgresFacts) -> Outcome {
    Outcome::Answered(Facts::Postgres(facts))
}

/// The same reply from a server of another system.
fn foreign(outcome: Outcome) -> Outcome {
    match outcome {
        Outcome::Answered(Facts::Postgres(facts)) => {
            answers(PostgresFacts { system_identifier: 2, ..facts })
        }
        other => other,
    }
}

// MySQL and MariaDB.

/// The `at`th server, writable and following nobody, with `changes` transactions of its own.
fn writable(at: usize, gtid: GtidState) -> MySqlFacts {
    MySqlFacts {
        flavour: Flavour::MariaDb,
        identity: MySqlIdentity { uuid: None, server_id: server_id(at) },
        writability: Writability::Writable,
        channels: Some(vec![]),
        gtid,
        position: Some(Position { segment: 1, offset: 100 }),
        group: None,
        sessions: None,
        heartbeat: Heartbeat::NotTried,
    }
}

/// The `at`th server as a read-only replica of `of`, attached and caught up.
fn replica(at: usize, of: usize, gtid: GtidState) -> MySqlFacts {
    MySqlFacts {
        writability: Writability::ReadOnly,
        channels: Some(vec![channel(of)]),
        ..writable(at, gtid)
    }
}

fn channel(of: usize) -> Channel {
    let position = Some(Position { segment: 1, offset: 100 });
    Channel {
        name: "".into(),
        source: SourceId { uuid: None, server_id: server_id(of), endpoint: endpoint(of) },
        io: IoThread::Running,
        sql_running: true,
        sql_errno: 0,
        received: position,
        applied: position,
        seconds_behind: Some(0),
        delay: Duration::ZERO,
        heartbeats: None,
        domains: Domains::All,
    }
}

/// The same facts with the only channel changed.
fn with_channel(facts: MySqlFacts, edit: impl Fn(&mut Channel)) -> MySqlFacts {
    let mut facts = facts;
    facts.channels.iter_mut().flatten().for_each(edit);
    facts
}

/// The source is gone: the receiving thread tries to connect, and lag is unknown.
fn cut(channel: &mut Channel) {
    (channel.io, channel.seconds_behind) = (IoThread::Connecting, None);
}

/// Somebody said `STOP REPLICA`.
fn stopped(channel: &mut Channel) {
    channel.io = IoThread::Stopped;
    (channel.sql_running, channel.seconds_behind) = (false, None);
}

fn says(facts: MySqlFacts) -> Outcome {
    Outcome::Answered(Facts::MySql(facts))
}

fn server_id(index: usize) -> u32 {
    u32::try_from(index).expect("few servers") + 1
}

/// A MariaDB history: who wrote up to which number, oldest first; the last one is the position.
fn mariadb(history: &[(usize, u64)]) -> GtidState {
    let gtids: Vec<_> = history
        .iter()
        .map(|(server, sequence)| format!("0-{}-{sequence}", server_id(*server)))
        .collect();
    let last = gtids.last().cloned().unwrap_or_default();
    BinlogState::parse(&last, &gtids.join(","), "").expect("valid GTIDs").into()
}

/// A MySQL set of the transactions 1 to `last` of each server.
fn executed(sets: &[(usize, u64)]) -> GtidState {
    let sets: Vec<_> =
        sets.iter().map(|(server, last)| format!("{}:1-{last}", uuid(*server))).collect();
    GtidSet::parse(&sets.join(",")).expect("a valid set").into()
}

fn uuid(index: usize) -> String {
    format!("00000000-0000-0000-0000-{index:012}")
}
