//! Which of the three engines a cluster has.

use crate::engine::{ClusterKind, Facts, Flavour};

/// An engine that can be asked who its kin are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EngineKind {
    /// PostgreSQL.
    Postgres,
    /// MySQL, Percona Server, Percona XtraDB Cluster.
    MySql,
    /// MariaDB.
    MariaDb,
}

impl EngineKind {
    /// Whose facts they are; `None` when nothing but a port is known.
    pub fn of(facts: &Facts) -> Option<Self> {
        match facts {
            Facts::Postgres(_) => Some(Self::Postgres),
            Facts::MySql(facts) => Some(match facts.flavour {
                Flavour::MySql => Self::MySql,
                Flavour::MariaDb => Self::MariaDb,
            }),
            Facts::Tcp => None,
        }
    }

    /// How it is asked.
    pub fn kind(self) -> ClusterKind {
        match self {
            Self::Postgres => ClusterKind::Postgres,
            Self::MySql | Self::MariaDb => ClusterKind::MySql,
        }
    }

    /// Its word in the configuration, and the argument of `grants`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::MySql => "mysql",
            Self::MariaDb => "mariadb",
        }
    }

    /// Its name.
    pub fn title(self) -> &'static str {
        match self {
            Self::Postgres => "PostgreSQL",
            Self::MySql => "MySQL",
            Self::MariaDb => "MariaDB",
        }
    }

    /// The port on which it listens unless somebody says otherwise.
    pub fn port(self) -> u16 {
        match self {
            Self::Postgres => 5432,
            Self::MySql | Self::MariaDb => 3306,
        }
    }
}
