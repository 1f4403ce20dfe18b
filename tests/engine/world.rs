//! A model of one replication group: what its servers really are, so that a story can be told in
//! operations ("kill", "promote") and every probe's observation follows from the truth.
//!
//! Histories are lists of who wrote how much, so the same story can be told of PostgreSQL (a
//! promotion starts a timeline) and of MariaDB (a GTID names its server).

use std::{net::Ipv4Addr, time::Duration};

use pointsman::engine::{
    BinlogState, Channel, ClusterId, ClusterKind, Endpoint, Facts, Failure, FailureKind, Flavour,
    GtidState, Heartbeat, IoThread, Moment, MySqlFacts, MySqlIdentity, Observation, Outcome,
    Position, PostgresFacts, PostgresRole, Receiver, ServerId, ServerIndex, ServerPolicy, SourceId,
    Writability,
};

pub(crate) const PORT: u16 = 5432;

/// After so many ticks without a change a standby hears a sign of life: 30 s of the stories, as with
/// the defaults of PostgreSQL and MariaDB.
const KEEPALIVE: u32 = 60;

#[derive(Clone, Debug)]
pub(crate) struct World {
    pub kind: ClusterKind,
    pub hosts: Vec<Host>,
    /// Whether clients write. They write to every server that would take it.
    pub writes: bool,
    /// Whether probes write heartbeats, where they are told to.
    pub heartbeats: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct Host {
    pub process: Process,
    pub role: Role,
    pub system: u64,
    /// Who wrote how many changes, oldest first: the identity of a history.
    pub history: Vec<(Writer, u64)>,
    /// Changes of the history that a standby has replayed.
    pub replayed: u64,
    pub paused: bool,
    /// The receiver is cut off from its upstream, which lives.
    pub unplugged: bool,
    /// The applier of a replica has stopped with an error.
    pub broken: bool,
    pub read_only: bool,
    /// In a ring: the server that it replicates from also as a primary.
    pub ring_of: Option<usize>,
    /// It answers, and writes hang.
    pub stalled: bool,
    /// Its probe is told to write a heartbeat.
    pub beats: bool,
    /// Every probe fails like this, whatever the server is.
    pub refuses: Option<FailureKind>,
    /// The monitor cannot reach it; the other servers can.
    pub cut_off: bool,
    /// How often a standby has heard from its upstream: changes, or a sign of life of an idle one.
    pub heard: u64,
    /// Ticks since then.
    pub quiet: u32,
}

/// Who wrote: the server, and on which timeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Writer {
    server: usize,
    timeline: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Process {
    Running,
    /// Recovering after a start.
    Starting,
    Frozen,
    Stopped,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Primary,
    Standby { of: usize },
}

impl Host {
    fn length(&self) -> u64 {
        self.history.iter().map(|(_, changes)| changes).sum()
    }

    fn timeline(&self) -> u32 {
        self.history.last().map_or(1, |(writer, _)| writer.timeline)
    }

    fn runs(&self) -> bool {
        self.process == Process::Running
    }

    pub(crate) fn takes_writes(&self) -> bool {
        self.runs() && self.role == Role::Primary && !self.read_only && !self.stalled
    }
}

impl World {
    /// The first server is the primary of all others.
    pub(crate) fn new(kind: ClusterKind, servers: usize) -> Self {
        let founder = Writer { server: 0, timeline: 1 };
        let host = |index| Host {
            process: Process::Running,
            role: if index == 0 { Role::Primary } else { Role::Standby { of: 0 } },
            system: 1,
            history: vec![(founder, 100)],
            replayed: 100,
            paused: false,
            unplugged: false,
            broken: false,
            read_only: kind == ClusterKind::MySql && index > 0,
            ring_of: None,
            stalled: false,
            beats: false,
            refuses: None,
            cut_off: false,
            heard: 0,
            quiet: 0,
        };
        Self { kind, hosts: (0..servers).map(host).collect(), writes: true, heartbeats: false }
    }

    pub(crate) fn timeline(&self, index: usize) -> u32 {
        self.hosts[index].timeline()
    }

    /// Lets one probe interval pass: clients write, standbys receive and replay.
    pub(crate) fn tick(&mut self) {
        for host in &mut self.hosts {
            if host.process == Process::Starting {
                host.process = Process::Running;
            } else if self.writes
                && host.takes_writes()
                && let Some((_, changes)) = host.history.last_mut()
            {
                *changes += 10;
            }
        }
        for host in &mut self.hosts {
            host.quiet += 1;
        }
        // A cascade receives in the same tick, whatever the order of its members.
        for _ in 0..self.hosts.len() {
            for index in 0..self.hosts.len() {
                self.receive(index);
            }
        }
        for host in &mut self.hosts {
            if host.runs() && !host.paused && !host.broken {
                host.replayed = host.length();
            }
        }
    }

    fn receive(&mut self, index: usize) {
        if !self.is_attached(index) {
            return;
        }
        let Role::Standby { of } = self.hosts[index].role else {
            return;
        };
        let history = self.hosts[of].history.clone();
        let standby = &mut self.hosts[index];
        if standby.history != history || standby.quiet >= KEEPALIVE {
            (standby.heard, standby.quiet) = (standby.heard + 1, 0);
        }
        standby.history = history;
    }

    /// Whether a standby's receiver is connected and can follow.
    pub(crate) fn is_attached(&self, index: usize) -> bool {
        let standby = &self.hosts[index];
        let Role::Standby { of } = standby.role else {
            return false;
        };
        let upstream = &self.hosts[of];
        standby.runs()
            && !standby.unplugged
            && matches!(upstream.process, Process::Running)
            && upstream.system == standby.system
            && is_prefix(&standby.history, &upstream.history)
    }

    pub(crate) fn kill(&mut self, index: usize) {
        self.hosts[index].process = Process::Stopped;
    }

    /// Starts as what it was: a primary that crashed comes back writable (MySQL without `read_only`
    /// in its file, too).
    pub(crate) fn start(&mut self, index: usize) {
        let host = &mut self.hosts[index];
        if host.process == Process::Stopped {
            host.process = Process::Starting;
        }
    }

    pub(crate) fn freeze(&mut self, index: usize) {
        if self.hosts[index].runs() {
            self.hosts[index].process = Process::Frozen;
        }
    }

    pub(crate) fn thaw(&mut self, index: usize) {
        if self.hosts[index].process == Process::Frozen {
            self.hosts[index].process = Process::Running;
        }
    }

    pub(crate) fn promote(&mut self, index: usize) {
        let host = &mut self.hosts[index];
        if !host.runs() || host.role == Role::Primary {
            return;
        }
        host.role = Role::Primary;
        host.read_only = false;
        host.paused = false;
        host.broken = false;
        let timeline = host.timeline() + 1;
        host.history.push((Writer { server: index, timeline }, 1));
        host.replayed = host.length();
    }

    /// Rebuilt from `of` and started as its standby.
    pub(crate) fn rebuild(&mut self, index: usize, of: usize) {
        if index == of {
            return;
        }
        let source = self.hosts[of].clone();
        let host = &mut self.hosts[index];
        host.process = Process::Running;
        host.role = Role::Standby { of };
        host.system = source.system;
        host.replayed = source.length();
        host.history = source.history;
        host.read_only = self.kind == ClusterKind::MySql;
        (host.paused, host.unplugged, host.broken) = (false, false, false);
        host.ring_of = None;
    }

    /// Follows another server from now on, without losing what it has.
    pub(crate) fn follow(&mut self, index: usize, of: usize) {
        if matches!(self.hosts[index].role, Role::Standby { .. }) && index != of {
            self.hosts[index].role = Role::Standby { of };
        }
    }

    /// What one probe of a server finds.
    pub(crate) fn observe(&self, index: usize, now: Moment) -> Observation {
        let server = ServerId { cluster: ClusterId(0), server: ServerIndex(index) };
        Observation { server, asked: now, outcome: self.outcome(index) }
    }

    fn outcome(&self, index: usize) -> Outcome {
        let host = &self.hosts[index];
        let failed = |kind| Outcome::Failed(Failure::new(kind, ""));
        if host.cut_off {
            return failed(FailureKind::TimedOut);
        }
        match host.process {
            Process::Stopped => failed(FailureKind::Refused),
            Process::Frozen => failed(FailureKind::TimedOut),
            Process::Starting => failed(FailureKind::Starting),
            Process::Running => match host.refuses {
                Some(kind) => failed(kind),
                None => Outcome::Answered(self.facts(index)),
            },
        }
    }

    fn facts(&self, index: usize) -> Facts {
        match self.kind {
            ClusterKind::Postgres => Facts::Postgres(self.postgres_facts(index)),
            ClusterKind::MySql => Facts::MySql(self.mariadb_facts(index)),
            ClusterKind::Tcp => Facts::Tcp,
        }
    }

    fn postgres_facts(&self, index: usize) -> PostgresFacts {
        let host = &self.hosts[index];
        let role = match host.role {
            Role::Primary => PostgresRole::Primary {
                read_only: host.read_only,
                timeline: host.timeline(),
                position: Position::lsn(host.length()),
            },
            Role::Standby { of } => PostgresRole::Standby {
                receiver: match self.is_attached(index) {
                    true => Receiver::Streaming,
                    false => Receiver::Absent,
                },
                timeline: Some(host.timeline()).filter(|_| self.is_attached(index)),
                recovery_timeline: Some(host.timeline()),
                received: Some(Position::lsn(host.length())),
                heard: Some(host.heard),
                replayed: Some(Position::lsn(host.replayed)),
                replay_age: None,
                paused: host.paused,
                apply_delay: Duration::ZERO,
                sender: Some(Endpoint { host: address(of).to_string().into(), port: PORT }),
            },
        };
        let system_identifier = host.system;
        PostgresFacts { system_identifier, role, sessions: None, heartbeat: self.heartbeat(index) }
    }

    fn heartbeat(&self, index: usize) -> Heartbeat {
        let host = &self.hosts[index];
        match host.role {
            Role::Primary if self.heartbeats && host.beats && !host.read_only => {
                if host.stalled {
                    Heartbeat::Failed
                } else {
                    Heartbeat::Written
                }
            }
            _ => Heartbeat::NotTried,
        }
    }

    fn mariadb_facts(&self, index: usize) -> MySqlFacts {
        let host = &self.hosts[index];
        let attached = match host.role {
            Role::Primary => host.ring_of.is_some_and(|of| self.hosts[of].runs()),
            Role::Standby { .. } => self.is_attached(index),
        };
        let position = |changes| Some(Position { segment: 1, offset: changes });
        let channel = |of| Channel {
            name: "".into(),
            source: SourceId {
                uuid: None,
                server_id: server_id(of),
                endpoint: Endpoint { host: address(of).to_string().into(), port: PORT },
            },
            io: if attached { IoThread::Running } else { IoThread::Connecting },
            sql_running: !host.broken,
            sql_errno: if host.broken { 1062 } else { 0 },
            received: position(host.length()),
            applied: position(host.replayed),
            seconds_behind: (attached && !host.broken).then_some(0),
            delay: Duration::ZERO,
            heartbeats: Some(host.heard),
        };
        let source = match host.role {
            Role::Primary => host.ring_of,
            Role::Standby { of } => Some(of),
        };
        let channels = source.map(channel).into_iter().collect();
        MySqlFacts {
            flavour: Flavour::MariaDb,
            identity: MySqlIdentity { uuid: None, server_id: server_id(index) },
            writability: match host.read_only {
                true => Writability::ReadOnly,
                false => Writability::Writable,
            },
            channels: Some(channels),
            gtid: self.gtid(index),
            position: Some(Position { segment: 1, offset: host.length() }),
            group: None,
            sessions: None,
            heartbeat: self.heartbeat(index),
        }
    }

    fn gtid(&self, index: usize) -> GtidState {
        let (mut sequence, mut state) = (0, Vec::new());
        for (writer, changes) in &self.hosts[index].history {
            sequence += changes;
            state.push(format!("0-{}-{sequence}", server_id(writer.server)));
        }
        let last = state.last().cloned().unwrap_or_default();
        let parsed = BinlogState::parse(&last, &state.join(","), "");
        GtidState::MariaDb(parsed.expect("the model writes valid GTIDs"))
    }
}

fn is_prefix(ours: &[(Writer, u64)], theirs: &[(Writer, u64)]) -> bool {
    ours.len() <= theirs.len()
        && ours.iter().zip(theirs).enumerate().all(|(at, (one, other))| {
            let last_of_ours = at + 1 == ours.len();
            one.0 == other.0 && (one.1 == other.1 || last_of_ours && one.1 < other.1)
        })
}

fn server_id(index: usize) -> u32 {
    u32::try_from(index + 1).expect("few servers")
}

fn address(index: usize) -> Ipv4Addr {
    Ipv4Addr::new(127, 0, 1, u8::try_from(index + 1).expect("few servers"))
}

/// The policy of one server as the model presents it.
pub(crate) fn server_policy(name: &str, index: usize) -> ServerPolicy {
    ServerPolicy {
        name: name.into(),
        priority: 100,
        aliases: vec![address(index).to_string().into()],
        addresses: vec![address(index).into()],
        port: PORT,
        witnesses: vec![],
    }
}
