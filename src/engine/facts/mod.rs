//! What a server said of itself in one probe: facts, not yet a judgement.

mod endpoint;
mod heartbeat;
mod mysql;
mod postgres;

pub use endpoint::Endpoint;
pub use heartbeat::Heartbeat;
pub use mysql::{
    Channel, Domains, Flavour, Galera, Group, GroupMember, GroupRole, IoThread, MySqlFacts,
    MySqlIdentity, SourceId, Writability,
};
pub use postgres::{PostgresFacts, PostgresRole, Receiver};

/// Everything one successful probe found.
#[derive(Clone, Debug, PartialEq)]
pub enum Facts {
    /// A PostgreSQL server.
    Postgres(PostgresFacts),
    /// A MySQL or MariaDB server.
    MySql(MySqlFacts),
    /// Something that accepts TCP connections; nothing else is known of it.
    Tcp,
}

impl Facts {
    /// Client sessions that the server counted, the probe's own left out; `None` when it did not
    /// tell.
    pub fn sessions(&self) -> Option<u32> {
        match self {
            Self::Postgres(facts) => facts.sessions,
            Self::MySql(facts) => facts.sessions,
            Self::Tcp => None,
        }
    }

    /// Whether the server is a primary by its role, and in no group that would know it: an
    /// asynchronous replica with a channel that runs is none, though it may be writable.
    pub(in crate::engine) fn leads_alone(&self) -> bool {
        match self {
            Self::Postgres(facts) => matches!(facts.role, PostgresRole::Primary { .. }),
            Self::MySql(facts) => {
                let mut channels = facts.channels.iter().flatten();
                facts.writability == Writability::Writable
                    && facts.group.is_none()
                    && !channels.any(|channel| channel.io == IoThread::Running)
            }
            Self::Tcp => false,
        }
    }

    /// What a PostgreSQL server shows; `None` of others.
    pub(in crate::engine) fn postgres(&self) -> Option<&PostgresFacts> {
        match self {
            Self::Postgres(facts) => Some(facts),
            Self::MySql(_) | Self::Tcp => None,
        }
    }

    /// What a MySQL or MariaDB server shows; `None` of others.
    pub(in crate::engine) fn mysql(&self) -> Option<&MySqlFacts> {
        match self {
            Self::MySql(facts) => Some(facts),
            Self::Postgres(_) | Self::Tcp => None,
        }
    }

    /// PostgreSQL: the timeline that a primary writes on.
    pub(in crate::engine) fn primary_timeline(&self) -> Option<u32> {
        self.postgres()?.primary_timeline()
    }

    /// PostgreSQL: the timeline that a server shows, as a primary or a standby.
    pub(in crate::engine) fn shown_timeline(&self) -> Option<u32> {
        let facts = self.postgres()?;
        facts.primary_timeline().or_else(|| facts.standby_timeline())
    }

    /// What became of the probe's heartbeat write.
    pub fn heartbeat(&self) -> Heartbeat {
        match self {
            Self::Postgres(facts) => facts.heartbeat,
            Self::MySql(facts) => facts.heartbeat,
            Self::Tcp => Heartbeat::NotTried,
        }
    }

    /// Whether the server itself says that it accepts writes.
    ///
    /// This is what the server claims, before anybody asks whether its claim is stale.
    pub fn claims_writable(&self) -> bool {
        match self {
            Self::Postgres(facts) => {
                matches!(facts.role, PostgresRole::Primary { read_only: false, .. })
            }
            Self::MySql(facts) => facts.writability == Writability::Writable,
            Self::Tcp => true,
        }
    }
}
