//! What a MySQL or MariaDB server said of itself.

use std::time::Duration;

use super::{endpoint::Endpoint, heartbeat::Heartbeat};
use crate::engine::{GtidState, Position};

/// One probe of a MySQL (5.7 or newer) or MariaDB server.
#[derive(Clone, Debug, PartialEq)]
pub struct MySqlFacts {
    /// Which of the two families answered.
    pub flavour: Flavour,
    /// How replicas name this server.
    pub identity: MySqlIdentity,
    /// The `read_only` family of variables.
    pub writability: Writability,
    /// One per replication channel (MariaDB: connection). `None` when the probe's user may not see
    /// them.
    pub channels: Option<Vec<Channel>>,
    /// Every transaction this server has, as far as it tells.
    pub gtid: GtidState,
    /// Own binary log coordinate; `None` with the binary log off or without the right to see it.
    pub position: Option<Position>,
    /// Membership of a group that elects its own writer.
    pub group: Option<Group>,
    /// Connected clients (`Threads_connected`), the probe's own left out.
    pub sessions: Option<u32>,
    /// The heartbeat write, on a primary and when it is switched on.
    pub heartbeat: Heartbeat,
}

impl MySqlFacts {
    /// About how many octets it holds in lists and texts, which are as long as a server likes.
    pub fn octets(&self) -> usize {
        let text = |text: &Option<Box<str>>| text.as_ref().map_or(0, |text| text.len());
        let channels = self.channels.iter().flatten().map(|channel| {
            let Channel { name, source, domains, .. } = channel;
            let domains = match domains {
                Domains::All => &[][..],
                Domains::Only(domains) | Domains::AllBut(domains) => domains,
            };
            let texts = name.len() + text(&source.uuid) + source.endpoint.host.len();
            size_of::<Channel>() + texts + size_of_val(domains)
        });
        let group = self.group.as_ref().map_or(0, |group| {
            let (name, members) = match group {
                Group::Replication(member) => (text(&member.group_name), &member.members),
                Group::Galera(node) => (node.cluster_uuid.len(), &node.members),
            };
            name + members.iter().map(|member| size_of::<Box<str>>() + member.len()).sum::<usize>()
        });
        text(&self.identity.uuid) + channels.sum::<usize>() + group + self.gtid.octets()
    }
}

/// The two families: they differ in statements, columns and GTIDs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flavour {
    /// MySQL, Percona Server, Aurora MySQL.
    MySql,
    /// MariaDB.
    MariaDb,
}

/// What a server is called by those who replicate from it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MySqlIdentity {
    /// `server_uuid`; MariaDB has none.
    pub uuid: Option<Box<str>>,
    /// `server_id`; 0 when unknown.
    pub server_id: u32,
}

/// The strongest of the variables that forbid writes, strongest last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Writability {
    /// None of them is set.
    Writable,
    /// `read_only` (MariaDB 12: any value but `OFF`).
    ReadOnly,
    /// `super_read_only`.
    SuperReadOnly,
    /// `innodb_read_only`: also an Aurora reader.
    InnodbReadOnly,
    /// `offline_mode`: ordinary users are thrown out.
    OfflineMode,
}

/// One row of the replica status.
#[derive(Clone, Debug, PartialEq)]
pub struct Channel {
    /// Channel or connection name; empty for the default one.
    pub name: Box<str>,
    /// Whom this channel replicates from.
    pub source: SourceId,
    /// The receiving thread.
    pub io: IoThread,
    /// The applying thread runs.
    pub sql_running: bool,
    /// `Last_SQL_Errno`; 0 when there was no error.
    pub sql_errno: u32,
    /// Received so far, in the coordinates of the direct source.
    pub received: Option<Position>,
    /// Applied so far, in the coordinates of the direct source.
    pub applied: Option<Position>,
    /// `Seconds_Behind_Source`: relative to the direct source; `None` whenever a thread does not
    /// run.
    pub seconds_behind: Option<u64>,
    /// `SQL_Delay`: the replica is late on purpose.
    pub delay: Duration,
    /// Heartbeats received from the source since the channel started, where the server counts them.
    pub heartbeats: Option<u64>,
    /// MariaDB: the GTID domains that it takes changes of.
    pub domains: Domains,
}

/// Some GTID domains of MariaDB.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Domains {
    /// Each of them.
    #[default]
    All,
    /// `Replicate_Do_Domain_Ids`.
    Only(Box<[u32]>),
    /// `Replicate_Ignore_Domain_Ids`.
    AllBut(Box<[u32]>),
}

impl Domains {
    /// Whether `domain` is one of them.
    pub fn contain(&self, domain: u32) -> bool {
        match self {
            Self::All => true,
            Self::Only(these) => these.contains(&domain),
            Self::AllBut(others) => !others.contains(&domain),
        }
    }
}

/// How a replica names its source. Identity counts first, the address second.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceId {
    /// `Source_UUID`; empty until the first connect.
    pub uuid: Option<Box<str>>,
    /// `Source_Server_Id`; 0 until the first connect.
    pub server_id: u32,
    /// `Source_Host` and `Source_Port`.
    pub endpoint: Endpoint,
}

/// `Replica_IO_Running`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IoThread {
    /// `Yes`: connected and receiving.
    Running,
    /// `Connecting`: not connected, and trying.
    Connecting,
    /// `No`.
    Stopped,
}

/// A group that decides among its members who writes.
#[derive(Clone, Debug, PartialEq)]
pub enum Group {
    /// MySQL Group Replication.
    Replication(GroupMember),
    /// Galera: MariaDB or Percona XtraDB Cluster.
    Galera(Galera),
}

/// A member's own view of its replication group (`performance_schema.replication_group_members`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupMember {
    /// `MEMBER_STATE` is `ONLINE`.
    pub online: bool,
    /// `MEMBER_ROLE`.
    pub role: GroupRole,
    /// More than half of the members in its own view are `ONLINE`. A member that lost the majority
    /// still calls itself so.
    pub majority: bool,
    /// Transactions waiting to be applied.
    pub queue: u64,
    /// `group_replication_group_name`: names the group. `None` when it is not told.
    pub group_name: Option<Box<str>>,
    /// `MEMBER_ID` of every member in its own view, in order. Two views of one group that have no
    /// member in common are two groups.
    pub members: Vec<Box<str>>,
}

/// `MEMBER_ROLE`, which 5.7 does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupRole {
    /// Accepts writes.
    Primary,
    /// Follows.
    Secondary,
}

/// A Galera node's own view (`wsrep_*` status and variables).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Galera {
    /// `wsrep_cluster_state_uuid`: names the cluster.
    pub cluster_uuid: Box<str>,
    /// `wsrep_ready` is `ON`.
    pub ready: bool,
    /// `wsrep_cluster_status` is `Primary`: it belongs to the component with quorum.
    pub primary_component: bool,
    /// `wsrep_local_state`: 1 joining, 2 donor or desynced, 3 joined, 4 synced.
    pub local_state: u8,
    /// `wsrep_desync`, `wsrep_reject_queries`, `wsrep_sst_donor_rejects_queries` or
    /// `pxc_maint_mode` keeps clients away.
    pub refuses_clients: bool,
    /// `wsrep_local_recv_queue`: write sets waiting to be applied.
    pub receive_queue: u64,
    /// `wsrep_incoming_addresses` in order: the members of its component, as it sees it. Empty when
    /// it is not told. Two components of one cluster have no member in common.
    pub members: Vec<Box<str>>,
}
