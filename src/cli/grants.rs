//! `grants`: what may be said; the SQL is the probes'.

use clap::{Args, ValueEnum};

/// Options of `grants`.
#[derive(Debug, Args)]
pub struct GrantsOptions {
    /// Whose SQL
    pub engine: GrantsEngine,
    /// Version of the server: 16, 8.4, 10.11-MariaDB, or what SELECT version() says [default: what
    /// every maintained version needs]
    #[arg(long, value_name = "VERSION")]
    pub server_version: Option<String>,
}

/// Whose SQL `grants` prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum GrantsEngine {
    /// PostgreSQL
    #[value(alias = "postgresql")]
    Postgres,
    /// MySQL, Percona Server, Percona XtraDB Cluster
    Mysql,
    /// MariaDB
    Mariadb,
}
