//! A model of one replication group: what its servers really are, so that a story can be told in
//! operations ("kill", "promote") and every probe's observation follows from the truth.
//!
//! Histories are lists of who wrote how much, so the same story can be told of PostgreSQL (a
//! promotion starts a timeline), of MariaDB (a GTID names its server) and of MySQL (a GTID names the
//! uuid of its server).

mod errant;
mod group;
mod gtid;
mod history;
mod host;
mod mysql;
mod operations;
mod postgres;

use std::{net::Ipv4Addr, time::Duration};

use pointsman::engine::{
    ClusterId, ClusterKind, Endpoint, Facts, Failure, FailureKind, Heartbeat, MayWrite, Moment,
    Observation, Outcome, ServerId, ServerIndex, ServerPolicy,
};

use history::{Journal, Writer};

pub(crate) use history::History;
pub(crate) use host::{Host, Outside, Process, Role};

pub(crate) const PORT: u16 = 5432;

/// Where servers live that are no members.
const OUTSIDE: Ipv4Addr = Ipv4Addr::new(127, 0, 9, 9);

/// After so many ticks without a change a standby hears a sign of life: 30 s of the stories, as with
/// the defaults of PostgreSQL and MariaDB.
const KEEPALIVE: u32 = 60;

/// What kind of servers a world has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Breed {
    Postgres,
    MariaDb,
    MySql,
    Galera,
    /// MySQL Group Replication.
    Group,
    Tcp,
}

impl Breed {
    pub(crate) fn kind(self) -> ClusterKind {
        match self {
            Self::Postgres => ClusterKind::Postgres,
            Self::Tcp => ClusterKind::Tcp,
            Self::MariaDb | Self::MySql | Self::Galera | Self::Group => ClusterKind::MySql,
        }
    }

    pub(crate) fn is_group(self) -> bool {
        matches!(self, Self::Galera | Self::Group)
    }
}

impl From<ClusterKind> for Breed {
    fn from(kind: ClusterKind) -> Self {
        match kind {
            ClusterKind::Postgres => Self::Postgres,
            ClusterKind::MySql => Self::MariaDb,
            ClusterKind::Tcp => Self::Tcp,
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct World {
    pub kind: ClusterKind,
    pub breed: Breed,
    pub hosts: Vec<Host>,
    /// Whether clients write. They write to every server that would take it.
    pub writes: bool,
    /// Whether probes write heartbeats, where they are told to.
    pub heartbeats: bool,
    /// MySQL and MariaDB: whether GTIDs are on.
    pub gtids: bool,
    /// MariaDB: changes come in a second GTID domain, too.
    pub side_domain: bool,
    /// MariaDB: whoever is promoted writes in a domain of its own, called as its `server_id`.
    pub own_domains: bool,
    /// Group Replication: all members may write.
    pub multi_primary: bool,
    /// The moment of the last tick.
    pub clock: Moment,
    journal: Journal,
}

impl World {
    /// The first server is the primary of all others, or all are members of one group.
    pub(crate) fn new(breed: impl Into<Breed>, servers: usize) -> Self {
        let breed = breed.into();
        let mut journal = Journal::default();
        let founder = Writer {
            server: 0,
            incarnation: 0,
            timeline: 1,
            branch: journal.branch(),
            from: 0,
            domain: 0,
        };
        journal.note(founder.branch, Moment::START, 100);
        let history = History(vec![(founder, 100)]);
        let host = |index| Host::new(index, founder, history.clone());
        let mut world = Self {
            kind: breed.kind(),
            breed,
            hosts: (0..servers).map(host).collect(),
            writes: true,
            heartbeats: false,
            gtids: true,
            side_domain: false,
            own_domains: false,
            multi_primary: false,
            clock: Moment::START,
            journal,
        };
        if breed.kind() == ClusterKind::MySql {
            world.hosts.iter_mut().skip(1).for_each(|host| host.read_only = true);
        }
        if breed.is_group() {
            world.join_all();
        }
        world
    }

    pub(crate) fn timeline(&self, index: usize) -> u32 {
        self.hosts[index].history.timeline()
    }

    /// Lets one probe interval of the short stories pass.
    pub(crate) fn tick(&mut self) {
        self.tick_at(self.clock + Duration::from_millis(500));
    }

    /// Lets time pass: clients write, standbys receive and replay.
    pub(crate) fn tick_at(&mut self, now: Moment) {
        self.clock = now;
        for index in 0..self.hosts.len() {
            let host = &mut self.hosts[index];
            host.quiet += 1;
            if host.process == Process::Starting {
                host.process = Process::Running;
            } else if self.writes && host.takes_writes() && host.group.is_none() {
                self.write(index, 10);
                self.hosts[index].side += 1;
            }
            self.go_astray(index);
            if let Some(outside) = self.hosts[index].outside.as_mut().filter(|it| it.running) {
                outside.received += 10;
            }
        }
        if self.breed.is_group() {
            self.tick_groups();
        }
        // A cascade receives in the same tick, whatever the order of its members.
        for _ in 1..self.hosts.len() {
            for index in 0..self.hosts.len() {
                self.receive(index);
            }
        }
        for index in 0..self.hosts.len() {
            self.receive_in_ring(index);
            self.replay(index);
        }
        for host in &mut self.hosts {
            host.errants_before.clone_from(&host.errants);
        }
    }

    /// A primary writes so many changes.
    fn write(&mut self, index: usize, changes: u64) {
        let host = &mut self.hosts[index];
        let Some(writer) = host.writes_as else { return };
        host.history.add(writer, changes);
        host.replayed = host.history.length();
        self.journal.note(writer.branch, self.clock, host.replayed);
    }

    fn group_writer(&mut self, server: usize, timeline: u32) -> Writer {
        let incarnation = self.hosts[server].incarnation;
        let branch = self.journal.branch();
        Writer { server, incarnation, timeline, branch, from: 0, domain: 0 }
    }

    fn go_astray(&mut self, index: usize) {
        let host = &mut self.hosts[index];
        if let Some(writer) = host.stray.filter(|_| host.runs() && !host.unplugged) {
            host.history.add(writer, 7);
            host.heard += 1;
            let length = host.history.length();
            self.journal.note(writer.branch, self.clock, length);
        }
    }

    fn receive(&mut self, index: usize) {
        let Role::Standby { mut of } = self.hosts[index].role else { return };
        let host = &self.hosts[index];
        let second = host.second.filter(|it| host.runs() && self.hosts[*it].runs());
        let second = second.filter(|it| !self.is_attached(index) && self.can_follow(index, *it));
        of = second.unwrap_or(of);
        let by_archive = host.archive && host.runs() && self.can_follow(index, of);
        if host.stray.is_some()
            || host.group.is_some()
            || !by_archive && second.is_none() && !self.is_attached(index)
        {
            return;
        }
        let upstream = std::mem::take(&mut self.hosts[of].history);
        let side = self.hosts[of].side;
        let errants = self.hosts[of].errants.clone();
        let standby = &mut self.hosts[index];
        standby.errants.join(&errants);
        if standby.history != upstream || standby.quiet >= KEEPALIVE {
            (standby.heard, standby.quiet) = (standby.heard + 1, 0);
            standby.history.clone_from(&upstream);
        }
        if !standby.side_blocked && !standby.side_ignored && !standby.broken && !standby.paused {
            standby.side = side;
        }
        self.hosts[of].history = upstream;
    }

    fn replay(&mut self, index: usize) {
        let host = &self.hosts[index];
        if !host.runs() || host.paused || host.broken {
            return;
        }
        let length = host.history.length();
        let late = host.lag.max(host.delay);
        let replayed = match late {
            Duration::ZERO => length,
            late => {
                let old = self.journal.length_at(&host.history, self.clock.before(late));
                old.max(host.replayed.min(length))
            }
        };
        self.hosts[index].errant_last &= self.hosts[index].replayed == replayed;
        self.hosts[index].replayed = replayed;
    }

    /// Whether a standby's receiver is connected and can follow.
    pub(crate) fn is_attached(&self, index: usize) -> bool {
        let standby = &self.hosts[index];
        let Role::Standby { of } = standby.role else { return false };
        let cut = standby.unplugged || standby.stopped;
        if standby.group.is_some() || standby.archive || !standby.runs() || cut {
            return false;
        }
        standby.stray.is_some() || self.hosts[of].runs() && self.can_follow(index, of)
    }

    fn can_follow(&self, index: usize, of: usize) -> bool {
        let (standby, upstream) = (&self.hosts[index], &self.hosts[of]);
        let related = upstream.system == standby.system || self.kind == ClusterKind::MySql;
        related && standby.history.begins(&upstream.history)
    }

    /// What one probe of a server finds.
    pub(crate) fn observe(&self, index: usize, now: Moment) -> Observation {
        let server = ServerId { cluster: ClusterId(0), server: ServerIndex::new(index) };
        Observation { server, asked: now, outcome: self.outcome(index) }
    }

    pub(crate) fn outcome(&self, index: usize) -> Outcome {
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
            ClusterKind::MySql => Facts::MySql(self.mysql_facts(index)),
            ClusterKind::Tcp => Facts::Tcp,
        }
    }

    fn heartbeat(&self, index: usize) -> Heartbeat {
        let host = &self.hosts[index];
        let may = match &host.group {
            Some(member) => member.may_write(),
            None => host.role == Role::Primary,
        };
        match may && self.heartbeats && host.beats && !host.read_only {
            true if host.stalled => Heartbeat::Failed,
            true => Heartbeat::Written,
            false => Heartbeat::NotTried,
        }
    }
}

fn address(index: usize) -> Ipv4Addr {
    Ipv4Addr::new(127, 0, 1, u8::try_from(index + 1).expect("few servers"))
}

fn endpoint(address: Ipv4Addr) -> Endpoint {
    Endpoint { host: address.to_string().into(), port: PORT }
}

/// The policy of one server as the model presents it.
pub(crate) fn server_policy(name: &str, index: usize) -> ServerPolicy {
    ServerPolicy {
        name: name.into(),
        priority: 100,
        aliases: [address(index).to_string().into()].into(),
        addresses: [address(index).into()].into(),
        port: PORT,
        witnesses: vec![],
        may_write: MayWrite::Always,
    }
}
