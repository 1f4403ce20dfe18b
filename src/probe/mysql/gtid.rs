//! What the server has, in global transaction identifiers.
//!
//! MySQL: `gtid_executed`, which counts all transactions only while `gtid_mode` is `ON` or
//! `ON_PERMISSIVE`. MariaDB: `gtid_binlog_pos`, `gtid_binlog_state` and `gtid_slave_pos`; without a
//! binary log only what a replica applied is known, and of a primary nothing.
//!
//! Text that cannot be read leaves the state unknown: the server's role is known all the same, and
//! the engine takes an unknown history for no proof of anything.

use super::reply::{Reply, Settings};
use crate::engine::{BinlogState, Flavour, GtidSet, GtidState};

/// Reads the reply to the GTID part of [`super::statements::Statements::basics`].
pub fn state(flavour: Flavour, reply: &Reply, variables: &Settings) -> GtidState {
    let Some(row) = reply.first() else {
        return GtidState::Unknown;
    };
    let text = |name| row.text(&[name]).unwrap_or_default();
    match flavour {
        Flavour::MySql => {
            let counts_all = variables
                .get("gtid_mode")
                .is_some_and(|mode| matches!(mode, "ON" | "ON_PERMISSIVE"));
            let set = row.text(&["gtid_executed"]);
            match set.map(GtidSet::parse) {
                Some(Ok(set)) if counts_all => GtidState::MySql(set),
                _ => GtidState::Unknown,
            }
        }
        Flavour::MariaDb => {
            let applied = text("gtid_slave_pos");
            if !variables.is_on("log_bin") && applied.is_empty() {
                return GtidState::Unknown;
            }
            BinlogState::parse(text("gtid_binlog_pos"), text("gtid_binlog_state"), applied)
                .map_or(GtidState::Unknown, GtidState::MariaDb)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Reply, Settings, state};
    use crate::engine::{Flavour, GtidState, Relation};

    const UUID: &str = "3e11fa47-71ca-11e1-9e33-c80aa9429562";

    fn mysql(set: &str, mode: &str) -> GtidState {
        let reply = Reply::vertical(&format!("gtid_executed: {set}"));
        let variables = Settings::of(&[("gtid_mode", mode)]);
        state(Flavour::MySql, &reply, &variables)
    }

    fn mariadb(binlog: &str, history: &str, slave: &str, log_bin: &str) -> GtidState {
        let reply = Reply::vertical(&format!(
            "gtid_binlog_pos: {binlog}\ngtid_binlog_state: {history}\ngtid_slave_pos: {slave}"
        ));
        let variables = Settings::of(&[("log_bin", log_bin)]);
        state(Flavour::MariaDb, &reply, &variables)
    }

    #[test]
    fn mysql_counts_only_while_every_transaction_has_an_identifier() {
        for mode in ["ON", "ON_PERMISSIVE"] {
            assert!(matches!(mysql(&format!("{UUID}:1-7"), mode), GtidState::MySql(_)));
            assert!(matches!(mysql("", mode), GtidState::MySql(_)), "a new server");
        }
        for mode in ["OFF", "OFF_PERMISSIVE", ""] {
            assert_eq!(mysql(&format!("{UUID}:1-7"), mode), GtidState::Unknown);
        }
        assert_eq!(mysql("banana", "ON"), GtidState::Unknown);
        let nothing = state(Flavour::MySql, &Reply::default(), &Settings::default());
        assert_eq!(nothing, GtidState::Unknown);
    }

    #[test]
    fn mariadb_without_a_binary_log_knows_only_what_it_applied() {
        let primary = mariadb("0-1-17", "0-1-17", "", "ON");
        assert_eq!(mariadb("", "", "", "OFF"), GtidState::Unknown);
        let replica = mariadb("", "", "0-1-17", "OFF");
        assert_eq!(replica.relation(&primary), Relation::Equal);
        assert_eq!(mariadb("banana", "", "", "ON"), GtidState::Unknown);
    }

    #[test]
    fn mariadb_forks_are_seen() {
        let old = mariadb("0-1-17", "0-1-17", "", "ON");
        let promoted = mariadb("0-2-17", "0-1-16,0-2-17", "0-1-16", "ON");
        assert_eq!(old.relation(&promoted), Relation::Diverged);
    }
}
