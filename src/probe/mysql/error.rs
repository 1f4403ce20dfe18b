//! What an error of a MySQL or MariaDB server, or of the connection to it, proves.
//!
//! Error numbers come from the servers' own lists (MySQL: "Server Error Message Reference",
//! MariaDB: "Error Codes"); they have kept their meaning through all versions, the message texts
//! have not. So numbers decide and texts are only shown, whole as they came: what shows them hides
//! the password first and shortens them then (`wording.rs`).
//!
//! Two numbers are no failure and are handled where they occur: 1227 on a status statement (a
//! missing right: the answer stays unknown) and 1064 on a status statement (the other spelling is
//! tried).

use crate::{
    engine::{Failure, FailureKind},
    probe::trouble::Trouble,
};

/// A statement is not in the server's grammar (`ER_PARSE_ERROR`).
pub const SYNTAX: u16 = 1064;
/// The statement needs a right that the probe's user lacks (`ER_SPECIFIC_ACCESS_DENIED_ERROR`).
pub const DENIED: u16 = 1227;

/// The server ended a session that was idle for long (`ER_CLIENT_INTERACTION_TIMEOUT`, MySQL 8.0.24
/// and newer); MariaDB closes it without a word.
const EXPIRED: u16 = 4031;

/// The server ends a new session (`ER_NEW_ABORTING_CONNECTION`).
const ABORTING: u16 = 1184;

/// Why a statement brought no rows.
#[derive(Debug)]
pub enum Fault {
    /// The server refused the statement; the connection is fine.
    Refused {
        /// The server's error number.
        code: u16,
        /// The server's words.
        message: Box<str>,
    },
    /// The connection is of no more use.
    Broken(Trouble),
}

impl From<Failure> for Fault {
    fn from(failure: Failure) -> Self {
        Self::Broken(failure.into())
    }
}

impl From<Fault> for Trouble {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Refused { code: EXPIRED, .. } => Self::Expired,
            Fault::Refused { code, message } => refusal(code, &message).into(),
            Fault::Broken(trouble) => trouble,
        }
    }
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        Trouble::from(fault).into_failure()
    }
}

/// What the failure of the first statement after the login proves.
///
/// 1184 is the server's word there that `init_connect` failed for this user: it lets us in and has
/// nothing for us, as with a missing right, and goes on serving others.
pub fn of_first_statement(fault: Fault) -> Failure {
    match fault {
        Fault::Refused { code: ABORTING, message } => {
            Failure::new(FailureKind::Misconfigured, format!("{ABORTING} {message}"))
        }
        fault => fault.into(),
    }
}

/// What the server's refusal proves, with its number and words.
pub fn refusal(code: u16, message: &str) -> Failure {
    Failure::new(kind(code), format!("{code} {message}"))
}

/// A reply that is not what the statement is documented to return.
pub fn garbled(detail: impl AsRef<str>) -> Failure {
    Failure::new(FailureKind::Garbled, detail.as_ref())
}

/// What an error number proves.
pub fn kind(code: u16) -> FailureKind {
    match code {
        // Too many connections.
        1040 => FailureKind::Saturated,
        // Access: database, password, host, blocked host, locked or expired account, plugin, TLS,
        // grants.
        1042 | 1044 | 1045 | 1049 | 1129 | 1130 | 1142 | 1143 | 1227 | 1251 | 1524 | 1698
        | 1820 | 1862 | 2061 | 3118 | 3159 | 3955 | 4151 => FailureKind::Misconfigured,
        // The probe user's own limits.
        1203 | 1226 => FailureKind::Misconfigured,
        // Shutdown in progress, normal shutdown, shutdown complete.
        1053 | 1077 | 1079 => FailureKind::ShuttingDown,
        // This session was ended: forced close, aborted, network, killed.
        1080 | 1152 | 1158..=1161 | ABORTING | 1317 | 1927 | 3169 => FailureKind::Closed,
        // offline_mode.
        3032 => FailureKind::Offline,
        // Galera: not prepared. Group Replication: a hook refused, not in a group, no majority.
        1047 | 3092 | 3100 | 3101 => FailureKind::GroupUnready,
        // Not a grammar, a handshake or variables of any server we know.
        1043 | SYNTAX | 1193 => FailureKind::Garbled,
        // Everything else came from a server that is alive enough to number its errors: out of
        // memory (1037, 1038, 1041), disk full (1021, 1114), statement timeouts (1969, 3024), lock
        // timeouts (1205), unknown ones.
        _ => FailureKind::Troubled,
    }
}

/// Whether the server refused a write because it is read-only: `--read-only`, read-only mode,
/// read-only transaction.
pub fn is_read_only(code: u16) -> bool {
    matches!(code, 1290 | 1792 | 1836)
}

#[cfg(test)]
mod tests {
    use super::{Fault, is_read_only, kind, of_first_statement, refusal};
    use crate::engine::{Evidence, Failure, FailureKind};

    #[test]
    fn each_row_of_the_error_table_has_its_verdict() {
        use FailureKind::{
            Closed, Garbled, GroupUnready, Misconfigured, Offline, Saturated, ShuttingDown,
            Troubled,
        };
        for (code, expected) in [
            (1040, Saturated),
            (1203, Misconfigured),
            (1226, Misconfigured),
            (1045, Misconfigured),
            (1044, Misconfigured),
            (1130, Misconfigured),
            (1251, Misconfigured),
            (2061, Misconfigured),
            (3159, Misconfigured),
            (3118, Misconfigured),
            (4151, Misconfigured),
            (1862, Misconfigured),
            (1820, Misconfigured),
            (1129, Misconfigured),
            (1049, Misconfigured),
            (1142, Misconfigured),
            (1227, Misconfigured),
            (1053, ShuttingDown),
            (1927, Closed),
            (3169, Closed),
            (1317, Closed),
            (3032, Offline),
            (1047, GroupUnready),
            (3100, GroupUnready),
            (1064, Garbled),
            (1969, Troubled),
            (3024, Troubled),
            (1021, Troubled),
            (1205, Troubled),
            (65000, Troubled),
        ] {
            assert_eq!(kind(code), expected, "{code}");
        }
        for code in [1290, 1792, 1836] {
            assert!(is_read_only(code), "{code}");
        }
    }

    #[test]
    fn the_document_of_probes_lists_every_number_in_its_row() {
        let document = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/PROBES.md"));
        let section = document.split("### Which error number").nth(1).expect("the table");
        for code in (1000..5000).filter(|&code| kind(code) != FailureKind::Troubled) {
            // The only range in the table.
            let shown = if (1159..=1160).contains(&code) { 1158 } else { code };
            let row = section.lines().find(|line| line.contains(&shown.to_string()));
            let row = row.unwrap_or_else(|| panic!("{code} is missing"));
            assert!(row.contains(&format!("`{:?}`", kind(code))), "{code}: {row}");
        }
    }

    #[test]
    fn a_full_or_refusing_server_is_alive_and_a_closing_one_is_not() {
        for code in [1040, 1045, 1129, 1130, 1203, 1226, 3032, 1047] {
            assert_eq!(kind(code).evidence(), Evidence::Alive, "{code}");
        }
        for code in [1053, 1927] {
            assert_eq!(kind(code).evidence(), Evidence::Hard, "{code}");
        }
    }

    #[test]
    fn a_failure_carries_number_and_words() {
        let failure = refusal(1045, "Access denied for user");
        assert_eq!(failure.to_string(), "does not let the probe in (1045 Access denied for user)");
    }

    #[test]
    fn a_session_that_is_aborted_as_it_begins_is_a_refusal() {
        let fault = |code| Fault::Refused { code, message: "init_connect command failed".into() };
        let failure = of_first_statement(fault(1184));
        assert_eq!(failure.kind, FailureKind::Misconfigured);
        assert_eq!(*failure.detail, *"1184 init_connect command failed");
        assert_eq!(Failure::from(fault(1184)).kind, FailureKind::Closed);
        assert_eq!(of_first_statement(fault(1053)).kind, FailureKind::ShuttingDown);
    }
}
