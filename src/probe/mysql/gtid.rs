//! What the server has, in global transaction identifiers.
//!
//! MySQL: `gtid_executed`, which counts all transactions only while `gtid_mode` is `ON` or
//! `ON_PERMISSIVE`. MariaDB: `gtid_binlog_pos`, `gtid_binlog_state` and `gtid_slave_pos`; without a
//! binary log only what a replica applied is known, and of a primary nothing.
//!
//! Text that cannot be read leaves the state unknown: the server's role is known all the same, and
//! the engine takes an unknown history for no proof of anything. A state that is too large to be judged
//! is another matter: it is readable, so nothing else that this server says is believed beside it.

use super::{
    error::garbled,
    reply::{Reply, Settings},
};
use crate::engine::{BinlogState, Failure, Flavour, GtidError, GtidSet, GtidState};

/// Reads the reply to the GTID part of [`super::statements::Statements::basics`].
///
/// # Errors
/// A `Garbled` failure for more intervals or origins than can be judged.
pub fn state(flavour: Flavour, reply: &Reply, variables: &Settings) -> Result<GtidState, Failure> {
    let Some(row) = reply.first() else {
        return Ok(GtidState::Unknown);
    };
    let text = |name| row.text(&[name]).unwrap_or_default();
    let state = match flavour {
        Flavour::MySql => {
            let counts_all = variables
                .get("gtid_mode")
                .is_some_and(|mode| matches!(mode, "ON" | "ON_PERMISSIVE"));
            match row.text(&["gtid_executed"]) {
                Some(set) if counts_all => GtidSet::parse(set).map(GtidState::from),
                _ => return Ok(GtidState::Unknown),
            }
        }
        Flavour::MariaDb => {
            let applied = text("gtid_slave_pos");
            if !variables.is_on("log_bin") && applied.is_empty() {
                return Ok(GtidState::Unknown);
            }
            BinlogState::parse(text("gtid_binlog_pos"), text("gtid_binlog_state"), applied)
                .map(GtidState::from)
        }
    };
    match state {
        Ok(state) => Ok(state),
        Err(GtidError::Odd(_)) => Ok(GtidState::Unknown),
        Err(beyond @ (GtidError::Intervals | GtidError::Origins)) => {
            Err(garbled(format!("{beyond}, which is more than can be judged")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{GtidSet, Reply, Settings, state};
    use crate::engine::{FailureKind, Flavour, GtidState, Relation};

    const UUID: &str = "3e11fa47-71ca-11e1-9e33-c80aa9429562";

    fn mysql(set: &str, mode: &str) -> GtidState {
        let reply = Reply::vertical(&format!("gtid_executed: {set}"));
        let variables = Settings::of(&[("gtid_mode", mode)]);
        state(Flavour::MySql, &reply, &variables).expect("not too large")
    }

    fn mariadb(binlog: &str, history: &str, slave: &str, log_bin: &str) -> GtidState {
        let reply = Reply::vertical(&format!(
            "gtid_binlog_pos: {binlog}\ngtid_binlog_state: {history}\ngtid_slave_pos: {slave}"
        ));
        let variables = Settings::of(&[("log_bin", log_bin)]);
        state(Flavour::MariaDb, &reply, &variables).expect("not too large")
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
        assert_eq!(nothing, Ok(GtidState::Unknown));
    }

    #[test]
    fn a_state_that_is_too_large_is_a_fault_of_its_server() {
        let numbers: String =
            (0..=GtidSet::INTERVALS_MAX).map(|at| format!(":{}", 2 * at + 1)).collect();
        let reply = Reply::vertical(&format!("gtid_executed: {UUID}{numbers}"));
        let variables = Settings::of(&[("gtid_mode", "ON")]);
        let failure = state(Flavour::MySql, &reply, &variables).expect_err("too many");
        assert_eq!(failure.kind, FailureKind::Garbled, "{failure}");
        assert!(failure.detail.contains("8192 intervals"), "{failure}");
        let servers: String = (0..=GtidState::ORIGINS_MAX).map(|at| format!("0-{at}-1,")).collect();
        let reply = Reply::vertical(&format!("gtid_binlog_state: {servers}"));
        let variables = Settings::of(&[("log_bin", "ON")]);
        let failure = state(Flavour::MariaDb, &reply, &variables).expect_err("too many");
        assert_eq!(failure.kind, FailureKind::Garbled, "{failure}");
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
