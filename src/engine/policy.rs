//! What the operator asked for, in checked types. Built by `config`; the engine trusts it.

use std::{net::IpAddr, sync::Arc, time::Duration};

use super::{Check, Endpoint, ServerIndex};

/// One replication group and the rules for it.
#[derive(Clone, Debug, PartialEq)]
pub struct ClusterPolicy {
    /// The name in the configuration.
    pub name: Box<str>,
    /// What its servers speak.
    pub kind: ClusterKind,
    /// At least one, in config order.
    pub servers: Vec<ServerPolicy>,
    /// Rules of its write name; `None` when it has none.
    pub write: Option<WritePolicy>,
    /// Rules of its read names, in config order.
    pub reads: Vec<ReadPolicy>,
    /// When evidence turns into a judgement.
    pub thresholds: Thresholds,
}

impl ServerPolicy {
    /// Whether a replica that names `endpoint` gets its changes from this server.
    pub(super) fn is_at(&self, endpoint: &Endpoint) -> bool {
        endpoint.port == self.port && self.aliases.iter().any(|alias| **alias == *endpoint.host)
    }
}

impl ClusterPolicy {
    /// The longest lag that any read name allows: as far back the positions must reach.
    pub(super) fn reach(&self) -> Duration {
        self.reads.iter().map(|read| read.max_lag).max().unwrap_or_default()
    }

    /// The rules of one of its servers.
    pub(super) fn server(&self, server: ServerIndex) -> &ServerPolicy {
        &self.servers[server.place()]
    }

    /// Its servers.
    pub(super) fn indices(&self) -> impl Iterator<Item = ServerIndex> + use<> {
        (0..self.servers.len()).map(ServerIndex::new)
    }

    /// The first server in config order of which this holds.
    pub(super) fn position(&self, holds: impl FnMut(&ServerPolicy) -> bool) -> Option<ServerIndex> {
        self.servers.iter().position(holds).map(ServerIndex::new)
    }
}

/// What the servers of a cluster speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClusterKind {
    /// PostgreSQL.
    Postgres,
    /// MySQL or MariaDB, with asynchronous replication, Group Replication or Galera.
    MySql,
    /// Anything with a TCP port. There are no roles, so priority and order decide.
    Tcp,
}

impl ClusterKind {
    /// As the configuration, the API and the page call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::MySql => "mysql",
            Self::Tcp => "tcp",
        }
    }
}

/// One server and how others may refer to it.
#[derive(Clone, Debug, PartialEq)]
pub struct ServerPolicy {
    /// The name in the configuration, unique in the whole of it.
    pub name: Arc<str>,
    /// Lower is preferred, where the choice is free.
    pub priority: u32,
    /// Every host text and address under which a replica may name this server as its source.
    pub aliases: Box<[Arc<str>]>,
    /// The published addresses.
    pub addresses: Arc<[IpAddr]>,
    /// The database port.
    pub port: u16,
    /// Who is asked about it beside the server itself; each at most once.
    pub witnesses: Vec<Check>,
    /// Whether its own claim to be writable counts.
    pub may_write: MayWrite,
}

/// Whether the write name may ever say a server. An operator vouches for those of the configuration
/// file; nobody does for one that was found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MayWrite {
    /// Whenever the rules for every server say so.
    #[default]
    Always,
    /// Only once it has been seen following a member: a restored copy that was promoted has not. A
    /// group decides by its own view whom it counts in.
    SeenFollowing,
    /// Never.
    Never,
}

/// Rules of the write name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WritePolicy {
    /// What to publish when the last published server is known not to be writable and nobody else
    /// is.
    pub on_not_writable: OnNotWritable,
    /// What to publish when two servers are writable and nothing tells which is right.
    pub on_split_brain: OnSplitBrain,
    /// Where the choice is free: whether a healthy server is left for a more preferred one.
    pub failback: Failback,
    /// PostgreSQL: what a newer timeline is worth beside a published primary that lives.
    pub on_newer_timeline: OnNewerTimeline,
    /// The servers are started in turn on one shared volume, so that the same history on another
    /// host is a takeover and no copy.
    pub shared_storage: bool,
    /// How long the name does not return by its own choice to a server that it was moved away from.
    pub flap_block: Duration,
}

/// See [`WritePolicy::on_not_writable`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnNotWritable {
    /// No address: clients that reconnect early get an error instead of a demoted server.
    Empty,
    /// Keep the address, for clients whose resolvers cache negative answers for long.
    Hold,
}

/// See [`WritePolicy::on_split_brain`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnSplitBrain {
    /// The published server stays.
    Keep,
    /// No address until one of them gives way.
    Empty,
}

/// See [`WritePolicy::on_newer_timeline`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnNewerTimeline {
    /// Where the other members receive from decides. With nobody else to tell, the newer timeline
    /// is followed.
    #[default]
    Follow,
    /// The published primary stays for as long as it lives and is writable.
    Hold,
}

/// See [`WritePolicy::failback`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failback {
    /// The current server stays while it is healthy.
    Stay,
    /// Return to the most preferred one as soon as it is healthy.
    Preferred,
}

/// Rules of one read name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadPolicy {
    /// A replica behind by more is not fresh.
    pub max_lag: Duration,
    /// Fewer eligible replicas than this, and the ladder adds others. At least 1.
    pub min_servers: usize,
    /// The primary always belongs to the set.
    pub include_primary: bool,
    /// Decisions carry session counts, for a name that is balanced by them. Otherwise they are left
    /// out, so that a new count alone is no new decision.
    pub by_sessions: bool,
}

/// When evidence turns into a judgement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Thresholds {
    /// Soft failures in a row until Down. At least 1.
    pub fall: u32,
    /// Successes in a row until a replica that was away is back. At least 1.
    pub rise: u32,
    /// Silence of a probe task after which its server is Unknown. Longer than any honest probe
    /// takes.
    pub stale_after: Duration,
    /// How long after the start a cluster may wait for the first word of each of its servers.
    pub first_round: Duration,
}

impl Thresholds {
    /// Servers that fail within so long may have failed at once: each is asked at least that often.
    pub(super) fn at_once(&self) -> Duration {
        self.stale_after / 3
    }

    /// Hard failures in a row until Down: the failure itself and one fresh connect that confirms
    /// it.
    pub const HARD_FALL: u32 = 2;
    /// Replies in a row that must agree before a server counts as newly writable.
    pub const CONFIRM_WRITABLE: u32 = 2;
    /// Replies in a row over the lag limit until a replica leaves a read name. Bulk loads make
    /// short peaks.
    pub const LAG_FALL: u32 = 3;
    /// Replies in a row under [`Self::LAG_RETURN_PERCENT`] of the limit until it is back.
    pub const LAG_RISE: u32 = 2;
    /// Part of the lag limit below which a lagging replica returns, so that it does not flap around
    /// the limit.
    pub const LAG_RETURN_PERCENT: u32 = 80;
    /// How long a replica may be without a receiver before it counts as detached. A restart of the
    /// receiver is routine.
    pub const DETACHED_AFTER: Duration = Duration::from_secs(5);
    /// How long a detached replica stays in a read name while its lag is within the limit.
    pub const DETACHED_GRACE: Duration = Duration::from_secs(30);
    /// How long a standby may follow an older timeline than the primary's before it counts as
    /// broken.
    pub const DEAD_BRANCH_AFTER: Duration = Duration::from_secs(30);

    /// A replica that is gone no longer may be in the middle of a restart: a newer history takes nothing
    /// from one in office that lives before it is back, or has been gone for so long.
    pub const MAY_BE_BACK: Duration = Duration::from_secs(30);
    /// How long a saturated server keeps its last role without question.
    pub const SATURATED_GRACE: Duration = Duration::from_secs(30);
    /// How long a group may leave its writer out before another member takes over. A view change of Galera makes all
    /// members unready for about half a second.
    pub const GROUP_SETTLES: Duration = Duration::from_secs(2);
    /// How long the servers of a cluster without a writer are asked twice as fast. Failover managers
    /// and people who are awake promote within it.
    pub const URGENT_FOR: Duration = Duration::from_secs(300);
    /// How long, at the beginning of that, they are asked as fast as the budget over all clusters
    /// lets them. Most promotions come within it: Patroni's leader key lives for 30 s by default.
    pub const SPRINT_FOR: Duration = Duration::from_secs(45);
    /// How long nothing may be in doubt or change until a cluster counts as stable. Trouble seldom
    /// comes alone: a failover is followed by the return of the old primary, a restart by the next
    /// server's restart. Most of that is over within a minute, and the price of waiting for it is a
    /// minute of answers that live shorter.
    pub const STABLE_AFTER: Duration = Duration::from_secs(60);
    /// How long a server must have been Down until its probes slow down. Restarts and failovers are
    /// over by then, and it shares the minute with [`Self::STABLE_AFTER`]: what has been wrong for
    /// that long is known.
    pub const LONG_DEAD_AFTER: Duration = Self::STABLE_AFTER;
    /// Between two probes of a server that has been Down for long, unless the normal interval is
    /// longer: the most by which its return may be noticed late. It was away for a minute or more,
    /// so seconds do not count, and a dead host costs next to nothing.
    pub const SLOWEST: Duration = Duration::from_secs(5);
}
