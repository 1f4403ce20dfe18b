//! What a SQLSTATE proves about the server that sent it (PostgreSQL manual, appendix A).
//!
//! The code decides wherever it can. Two codes stand for opposites and need a second look: 53300 is
//! told by the routine that raised it, which is never translated, and 57P03 by its text, which is.
//! Servers speak the language of `lc_messages` until the login is done, so the known translations
//! are compared too; an unknown text of 57P03 means "starting", which takes a server out of
//! nothing.

use crate::engine::FailureKind;

/// What an error message of the server comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The session was idle for too long. No news about the server.
    Expired,
    /// A failure of this kind.
    Failed(FailureKind),
}

/// Judges an error by its SQLSTATE, and where that is not enough by its text and the routine that
/// raised it.
pub fn judge(code: &str, message: &str, routine: Option<&str>) -> Verdict {
    let kind = match code {
        "57P05" => return Verdict::Expired,
        // admin_shutdown, crash_shutdown: this session was ended; perhaps only this one.
        "57P01" | "57P02" => FailureKind::Closed,
        "57P03" if tells_shutdown(message) => FailureKind::ShuttingDown,
        "57P03" => FailureKind::Starting,
        "53300" if is_own_limit(message, routine) => FailureKind::Misconfigured,
        "53300" => FailureKind::Saturated,
        // database_dropped; object_not_in_prerequisite_state: the database accepts no connections.
        "57P04" | "55000" => FailureKind::Misconfigured,
        // protocol_violation, the word of poolers for whatever they cannot do (unsupported startup
        // parameter, server login failed): the database behind it may be well or gone.
        "08P01" => FailureKind::Troubled,
        _ => match code.get(..2) {
            // Invalid authorization, catalogue or schema name, syntax or access rule, feature not
            // supported: what is asked for is missing or forbidden, by a server that is well enough
            // to say so.
            Some("28" | "3D" | "3F" | "42" | "0A") => FailureKind::Misconfigured,
            // Everything else: insufficient resources (53), system (58) and internal (XX) errors,
            // query_canceled, conflicts with replay (40), and whatever is not known here.
            _ => FailureKind::Troubled,
        },
    };
    Verdict::Failed(kind)
}

/// Judges an error that came before the login was complete.
///
/// The server then does for the new session what the settings of its role, its database or the
/// server ask for: it loads libraries, runs triggers. What fails of that keeps us out, like a wrong
/// password, while others may be in. That leaves no statement of ours that could be at fault.
pub fn judge_login(code: &str, message: &str, routine: Option<&str>) -> Verdict {
    let verdict = judge(code, message, routine);
    let is_of_session = match code.get(..2) {
        // Insufficient resources, operator intervention, system and internal errors: the server's.
        // Conflicts with replay pass; what a pooler says is of any kind.
        Some("08" | "53" | "57" | "58" | "F0" | "XX" | "40") | None => {
            matches!(routine, Some("internal_load_library" | "expand_dynamic_library_name"))
        }
        Some(_) => true,
    };
    match verdict {
        Verdict::Failed(FailureKind::Troubled) if is_of_session => {
            Verdict::Failed(FailureKind::Misconfigured)
        }
        verdict => verdict,
    }
}

/// Whether a statement that failed so may succeed at once: a promotion came between two functions
/// (object_not_in_prerequisite_state), or replay needed the statement's snapshot
/// (serialization_failure, deadlock_detected).
pub fn is_passing(code: &str) -> bool {
    matches!(code, "55000" | "40001" | "40P01")
}

/// 53300 of the probe's own role or database, rather than of the whole server.
fn is_own_limit(message: &str, routine: Option<&str>) -> bool {
    match routine {
        Some("InitializeSessionUserId" | "CheckMyDatabase") => true,
        Some("InitProcess" | "InitPostgres" | "ProcessStartupPacket" | "BackendInitialize") => {
            false
        }
        _ => {
            message.contains("too many connections for role")
                || message.contains("too many connections for database")
        }
    }
}

fn tells_shutdown(message: &str) -> bool {
    let message = message.to_lowercase();
    SHUTDOWN_WORDS.iter().any(|words| message.contains(words))
}

/// "shutting down" as the message catalogues of PostgreSQL put it, in lower case.
const SHUTDOWN_WORDS: [&str; 16] = [
    "shutting down",
    "fährt herunter",   // de
    "apagándose",       // es
    "s'arrête",         // fr
    "en cours d'arrêt", // fr
    "si sta spegnendo", // it
    "シャットダウン",   // ja
    "ითიშება",          // ka
    "중지 중",          // ko
    "zamykany",         // pl
    "desligando",       // pt_BR
    "останавливается",  // ru
    "stänger ner",      // sv
    "завершує роботу",  // uk
    "停止中",           // zh_CN
    "关闭",             // zh_CN
];

#[cfg(test)]
mod tests {
    use super::{Verdict, judge, judge_login};
    use crate::engine::FailureKind::{
        self, Closed, Misconfigured, Saturated, ShuttingDown, Starting, Troubled,
    };

    /// Code, text, routine, verdict: the table of the judgement document, row by row.
    const TABLE: [(&str, &str, Option<&str>, FailureKind); 34] = [
        ("57P01", "terminating connection due to administrator command", None, Closed),
        (
            "57P02",
            "terminating connection because of crash of another server process",
            None,
            Closed,
        ),
        ("57P03", "the database system is starting up", Some("ProcessStartupPacket"), Starting),
        ("57P03", "the database system is in recovery mode", None, Starting),
        ("57P03", "the database system is not yet accepting connections", None, Starting),
        ("57P03", "the database system is not accepting connections", None, Starting),
        ("57P03", "das Datenbanksystem startet", None, Starting),
        ("57P03", "система баз данных запускается", None, Starting),
        ("57P03", "数据库系统启动中", None, Starting),
        ("57P03", "データベースシステムは起動処理中です", None, Starting),
        ("57P03", "", None, Starting),
        ("57P03", "the database system is shutting down", None, ShuttingDown),
        ("57P03", "das Datenbanksystem fährt herunter", None, ShuttingDown),
        ("57P03", "el sistema de base de datos está apagándose", None, ShuttingDown),
        ("57P03", "le système de base de données s'arrête", None, ShuttingDown),
        ("57P03", "データベースシステムはシャットダウンしています", None, ShuttingDown),
        ("57P03", "система баз данных останавливается", None, ShuttingDown),
        ("57P03", "数据库系统停止中", None, ShuttingDown),
        ("53300", "sorry, too many clients already", Some("InitProcess"), Saturated),
        ("53300", "tut mir leid, schon zu viele Verbindungen", None, Saturated),
        ("53300", "remaining connection slots are reserved for superusers", None, Saturated),
        ("53300", "too many connections for role \"pointsman\"", None, Misconfigured),
        (
            "53300",
            "zu viele Verbindungen von Rolle",
            Some("InitializeSessionUserId"),
            Misconfigured,
        ),
        ("53300", "zu viele Verbindungen für Datenbank", Some("CheckMyDatabase"), Misconfigured),
        ("28P01", "password authentication failed for user \"pointsman\"", None, Misconfigured),
        ("28000", "no pg_hba.conf entry for host \"127.0.0.1\"", None, Misconfigured),
        ("3D000", "database \"nope\" does not exist", None, Misconfigured),
        ("42501", "permission denied for function pg_current_wal_lsn", None, Misconfigured),
        (
            "55000",
            "database \"template0\" is not currently accepting connections",
            None,
            Misconfigured,
        ),
        ("53100", "could not extend file: No space left on device", None, Troubled),
        ("53200", "out of memory", None, Troubled),
        ("XX000", "cache lookup failed", None, Troubled),
        ("57014", "canceling statement due to statement timeout", None, Troubled),
        ("08P01", "unsupported startup parameter: options", None, Troubled),
    ];

    #[test]
    fn every_row_of_the_table() {
        for (code, message, routine, kind) in TABLE {
            let verdict = judge(code, message, routine);
            assert_eq!(verdict, Verdict::Failed(kind), "{code} {message}");
        }
    }

    #[test]
    fn the_document_of_probes_lists_every_code() {
        let document = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/PROBES.md"));
        for (code, ..) in TABLE {
            assert!(document.contains(code), "{code}");
        }
    }

    #[test]
    fn what_a_new_session_fails_with_keeps_us_out() {
        for (code, message, routine, kind) in [
            // session_preload_libraries; a login trigger that raises, or writes on a standby.
            (
                "58P01",
                "could not access file \"nope\": No such file or directory",
                Some("internal_load_library"),
                Misconfigured,
            ),
            ("P0001", "not now", Some("exec_stmt_raise"), Misconfigured),
            ("25006", "cannot execute INSERT in a read-only transaction", None, Misconfigured),
            ("22023", "invalid value for parameter", None, Misconfigured),
            ("58P01", "could not open file \"global/1262\"", Some("mdopenfork"), Troubled),
            ("08P01", "server login failed", None, Troubled),
            ("53200", "out of memory", None, Troubled),
            ("57014", "canceling statement due to statement timeout", None, Troubled),
            ("XX000", "cache lookup failed", None, Troubled),
            ("57P03", "the database system is shutting down", None, ShuttingDown),
            ("53300", "sorry, too many clients already", Some("InitProcess"), Saturated),
            ("57P01", "terminating connection due to administrator command", None, Closed),
        ] {
            let verdict = judge_login(code, message, routine);
            assert_eq!(verdict, Verdict::Failed(kind), "{code} {message}");
        }
        assert_eq!(judge("P0001", "not now", None), Verdict::Failed(Troubled));
    }

    #[test]
    fn an_expired_session_is_no_failure() {
        let text = "terminating connection due to idle-session timeout";
        assert_eq!(judge("57P05", text, None), Verdict::Expired);
    }

    #[test]
    fn the_unknown_is_soft() {
        for code in ["", "5", "ZZZZZ", "58030", "25006", "40001", "é€"] {
            assert_eq!(judge(code, "", None), Verdict::Failed(Troubled), "{code:?}");
        }
    }
}
