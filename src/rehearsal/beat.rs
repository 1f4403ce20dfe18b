//! What is done over and over on a server, and in which words: a write where there is a table for it,
//! else as much of one as leaves nothing behind.

use std::fmt;

use crate::{engine::ClusterKind, probe::Row};

/// What is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BeatKind {
    /// A row is inserted into a table of the rehearsal's own.
    Insert(Table),
    /// PostgreSQL: a transaction gets a number and is committed. It is in the log of changes and in no
    /// table.
    Commit,
    /// MySQL and MariaDB: the server is asked whether it takes writes. Nothing is written.
    Role,
}

/// A table of the rehearsal's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    schema: Box<str>,
    name: Box<str>,
}

/// Why a text names no table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TableError {
    /// It has other characters than those.
    #[error(
        "a name has letters, digits and _, and at most 63 of them: write it as in shop.rehearsal"
    )]
    Name,
    /// MySQL and MariaDB have no database that a table is in by itself.
    #[error("say in which database it is to be, as in shop.rehearsal")]
    NoDatabase,
}

impl Table {
    /// `SCHEMA.NAME`, or `NAME` alone in PostgreSQL's `public`.
    ///
    /// # Errors
    /// [`TableError`].
    pub fn parse(text: &str, kind: ClusterKind) -> Result<Self, TableError> {
        let (schema, name) = match (text.split_once('.'), kind) {
            (Some(parts), _) => parts,
            (None, ClusterKind::MySql) => return Err(TableError::NoDatabase),
            (None, ClusterKind::Postgres | ClusterKind::Tcp) => ("public", text),
        };
        let is_name = |name: &str| {
            let mut letters = name.chars();
            !name.is_empty()
                && name.len() <= NAME_MAX
                && letters.all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
        };
        match is_name(schema) && is_name(name) {
            true => Ok(Self { schema: schema.into(), name: name.into() }),
            false => Err(TableError::Name),
        }
    }

    /// As SQL has it.
    fn quoted(&self, kind: ClusterKind) -> String {
        let quote = if kind == ClusterKind::MySql { '`' } else { '"' };
        let Self { schema, name } = self;
        format!("{quote}{schema}{quote}.{quote}{name}{quote}")
    }

    /// Makes it; a table of that name is somebody's and stays untouched.
    pub fn create(&self, kind: ClusterKind) -> String {
        format!("CREATE TABLE {} (n bigint PRIMARY KEY)", self.quoted(kind))
    }

    /// Every number that is in it.
    pub fn numbers(&self, kind: ClusterKind) -> String {
        format!("SELECT n FROM {}", self.quoted(kind))
    }

    /// Removes it.
    pub fn remove(&self, kind: ClusterKind) -> String {
        format!("DROP TABLE {}", self.quoted(kind))
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.schema, self.name)
    }
}

impl BeatKind {
    /// What is done where there is no table.
    pub fn without_table(kind: ClusterKind) -> Self {
        match kind {
            ClusterKind::Postgres => Self::Commit,
            ClusterKind::MySql | ClusterKind::Tcp => Self::Role,
        }
    }

    /// Whether anything is written.
    pub fn writes(&self) -> bool {
        match self {
            Self::Insert(_) | Self::Commit => true,
            Self::Role => false,
        }
    }

    /// What one is called.
    pub fn noun(&self) -> &'static str {
        match self {
            Self::Insert(_) => "write",
            Self::Commit => "commit",
            Self::Role => "check of the role",
        }
    }

    /// The word in the JSON report.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Insert(_) => "insert",
            Self::Commit => "commit",
            Self::Role => "role",
        }
    }

    /// What it proves, for the report.
    pub fn meaning(&self) -> String {
        match self {
            Self::Insert(table) => format!(
                "Each write inserted a row into the table `{table}`, which was made for that and \
                 removed at the end."
            ),
            Self::Commit => "Each write was an empty transaction with a number of its own, \
                             committed and replicated. No table was touched: rights and triggers \
                             of tables are not part of it. `--table` writes rows."
                .to_owned(),
            Self::Role => "**Nothing was written**: in a session that was held, the server was \
                           asked whether it takes writes (`@@global.read_only`). `--table` \
                           writes rows."
                .to_owned(),
        }
    }

    /// The statement of the beat with this number.
    pub fn statement(&self, kind: ClusterKind, number: u64) -> String {
        match self {
            Self::Insert(table) => {
                format!("INSERT INTO {} (n) VALUES ({number})", table.quoted(kind))
            }
            Self::Commit => COMMIT.to_owned(),
            Self::Role => role(kind).to_owned(),
        }
    }

    /// Why the reply to that statement is no good one, if so.
    pub fn fault(&self, rows: &[Row]) -> Option<&'static str> {
        match self {
            Self::Insert(_) => None,
            Self::Commit | Self::Role => role_fault(rows),
        }
    }
}

/// The question of whether a server takes writes, which writes nothing.
pub fn role(kind: ClusterKind) -> &'static str {
    match kind {
        ClusterKind::Postgres | ClusterKind::Tcp => {
            "SELECT pg_is_in_recovery() OR current_setting('transaction_read_only')::boolean"
        }
        // A word in some versions of MariaDB, a number in others.
        ClusterKind::MySql => "SELECT @@global.read_only NOT IN ('0', 'OFF')",
    }
}

/// Why the reply to [`role`] is not that of a server that takes writes, if so.
pub fn role_fault(rows: &[Row]) -> Option<&'static str> {
    let first = rows.first().and_then(|row| row.first());
    match first.and_then(|cell| cell.as_deref()) {
        Some("f" | "0") => None,
        Some(_) => Some("it takes no writes"),
        None => Some("its reply is not understood"),
    }
}

/// A transaction that asks for its number gets one, and its commit is written.
const COMMIT: &str = "SELECT CASE WHEN pg_is_in_recovery() \
                      OR current_setting('transaction_read_only')::boolean THEN true \
                      ELSE txid_current() < 0 END";

/// Octets of a name at most.
const NAME_MAX: usize = 63;

#[cfg(test)]
mod tests {
    use super::*;

    const POSTGRES: ClusterKind = ClusterKind::Postgres;
    const MYSQL: ClusterKind = ClusterKind::MySql;

    #[test]
    fn tables_are_named_with_their_schema() {
        let table = Table::parse("rehearsal", POSTGRES).unwrap();
        assert_eq!(table.to_string(), "public.rehearsal");
        assert_eq!(table.remove(POSTGRES), "DROP TABLE \"public\".\"rehearsal\"");
        let table = Table::parse("shop.rehearsal", MYSQL).unwrap();
        assert_eq!(
            BeatKind::Insert(table).statement(MYSQL, 7),
            "INSERT INTO `shop`.`rehearsal` (n) VALUES (7)"
        );
        assert_eq!(Table::parse("rehearsal", MYSQL), Err(TableError::NoDatabase));
    }

    #[test]
    fn what_could_be_more_than_a_name_is_none() {
        let long = "x".repeat(64);
        for text in ["", ".", "a.", ".b", "a.b.c", "a b", "a\"b", "a;b", "a`b", "ä", &long] {
            assert_eq!(Table::parse(text, POSTGRES), Err(TableError::Name), "{text:?}");
        }
    }

    #[test]
    fn only_a_server_that_takes_writes_is_good() {
        let reply = |cell: Option<&str>| vec![vec![cell.map(Box::from)]];
        for good in ["f", "0"] {
            assert_eq!(role_fault(&reply(Some(good))), None);
        }
        for bad in [Some("t"), Some("1"), Some(""), None] {
            assert!(BeatKind::Role.fault(&reply(bad)).is_some(), "{bad:?}");
            assert!(BeatKind::Commit.fault(&reply(bad)).is_some(), "{bad:?}");
        }
        assert!(role_fault(&[]).is_some());
    }
}
