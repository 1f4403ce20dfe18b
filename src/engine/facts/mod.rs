//! What a server said of itself in one probe: facts, not yet a judgement.

mod mysql;
mod postgres;

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

/// The outcome of the optional heartbeat write (`heartbeat_write = true`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Heartbeat {
    /// Heartbeats are off, or the server is no primary.
    #[default]
    NotTried,
    /// The row was updated within its deadline.
    Written,
    /// The server answered the question for its role but could not write in time.
    Failed,
}

/// Where a replica gets its changes from, as the replica names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Host name or address text.
    pub host: Box<str>,
    /// TCP port.
    pub port: u16,
}
