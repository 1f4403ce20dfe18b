//! The one statement, and the settings it runs with.
//!
//! It works on PostgreSQL 12 to 18, on primaries and standbys, for any role that may log in.
//! `pg_read_all_stats` makes the receiver's details and the session count visible; without it they
//! are NULL.

use std::time::Duration;

/// The columns that PostgreSQL servers are asked for, in order. A reply with any others is no reply.
///
/// | column | text | NULL |
/// | --- | --- | --- |
/// | `system_identifier` | signed decimal | never |
/// | `in_recovery` | `t`, `f` | never |
/// | `read_only` | `t`, `f` | in recovery |
/// | `timeline` | eight hexadecimal digits | in recovery |
/// | `wal_lsn` | `16/B374D848` | in recovery |
/// | `receiver` | `t`, `f`: there is a WAL receiver process | not in recovery |
/// | `receiver_status` | `streaming`, … | no receiver, or no right to see it |
/// | `received_timeline` | decimal | no receiver, or no right to see it |
/// | `recovery_timeline` | decimal, 0 before the first restart point | not in recovery |
/// | `receive_lsn` | `16/B374D848` | not in recovery, or WAL came only from an archive |
/// | `replay_lsn` | `16/B374D848` | not in recovery |
/// | `replay_age` | seconds with a fraction | not in recovery, or nothing replayed yet |
/// | `paused` | `t`, `f` | not in recovery |
/// | `apply_delay` | `0`, `5min` | not in recovery |
/// | `sender_host` | host, address or socket directory | no receiver, or no right to see it |
/// | `sender_port` | decimal | no receiver, or no right to see it |
/// | `heard` | microseconds since 1970, decimal | no receiver, or no right to see it |
/// | `sessions` | decimal | no right to count them |
pub const COLUMNS: [&str; 18] = [
    "system_identifier",
    "in_recovery",
    "read_only",
    "timeline",
    "wal_lsn",
    "receiver",
    "receiver_status",
    "received_timeline",
    "recovery_timeline",
    "receive_lsn",
    "replay_lsn",
    "replay_age",
    "paused",
    "apply_delay",
    "sender_host",
    "sender_port",
    "heard",
    "sessions",
];

/// Asks for everything in one round trip.
///
/// - The recovery state is read once (`OFFSET 0` keeps the planner from copying the call). A
///   promotion after that makes a function for standbys fail with 55000, and the statement is
///   repeated.
/// - The timeline comes from the WAL segment being written. `pg_control_checkpoint()` shows the old
///   one until the first checkpoint after a promotion has ended.
/// - `read_only` reads `default_transaction_read_only`, which decides for ordinary sessions.
///   `transaction_read_only` would also be on in a transaction that began just before a promotion.
///   One database does not stand for the server: a value that was set for the probe's own role or
///   its database (`ALTER ROLE … SET`, `ALTER DATABASE … SET`) says nothing about other sessions and
///   hides the server's, so it counts as off; one for the server or for all roles counts. So does
///   one that every database has, by the settings that everybody may read: templates, and
///   `postgres` beside others, are no applications' databases.
/// - `heard` is the only sign of life of an idle primary: nothing is written, no position moves, and
///   its standbys ask it for a keepalive after half a `wal_receiver_timeout`, 30 s by default.
///   `latest_end_time` stands still meanwhile.
/// - Monitors are left out of the session count by their `application_name`. A single session whose
///   type is hidden means that the role may not see others' sessions.
pub(crate) const FACTS: &str = "\
SELECT c.system_identifier,
  s.in_recovery,
  CASE WHEN s.in_recovery THEN NULL
    WHEN current_setting('default_transaction_read_only') = 'on'
      AND (SELECT g.source NOT IN ('database', 'user', 'database user') FROM pg_settings g
        WHERE g.name = 'default_transaction_read_only') THEN true
    ELSE (SELECT coalesce(bool_and(d.oid IN (
          SELECT o.setdatabase FROM pg_db_role_setting o, unnest(o.setconfig) c
          WHERE o.setrole = 0
            AND c ~* '^default_transaction_read_only=(on|1|t|tr|tru|true|y|ye|yes)$')), false)
      FROM (SELECT oid, bool_or(datname <> 'postgres') OVER () AND datname = 'postgres' AS spare
        FROM pg_database WHERE datallowconn AND NOT datistemplate) d
      WHERE NOT d.spare) END AS read_only,
  CASE WHEN NOT s.in_recovery
    THEN substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) END AS timeline,
  CASE WHEN NOT s.in_recovery THEN pg_current_wal_lsn() END AS wal_lsn,
  CASE WHEN s.in_recovery THEN r.pid IS NOT NULL END AS receiver,
  r.status AS receiver_status,
  r.received_tli AS received_timeline,
  CASE WHEN s.in_recovery
    THEN (SELECT p.min_recovery_end_timeline FROM pg_control_recovery() p) END
    AS recovery_timeline,
  CASE WHEN s.in_recovery THEN pg_last_wal_receive_lsn() END AS receive_lsn,
  CASE WHEN s.in_recovery THEN pg_last_wal_replay_lsn() END AS replay_lsn,
  CASE WHEN s.in_recovery
    THEN extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp()) END
    AS replay_age,
  CASE WHEN s.in_recovery THEN pg_is_wal_replay_paused() END AS paused,
  CASE WHEN s.in_recovery THEN current_setting('recovery_min_apply_delay') END AS apply_delay,
  r.sender_host,
  r.sender_port,
  (extract(epoch FROM r.last_msg_receipt_time) * 1000000)::bigint AS heard,
  (SELECT CASE WHEN bool_and(a.backend_type IS NOT NULL) THEN count(*)
      FILTER (WHERE a.backend_type = 'client backend' AND a.application_name <> 'pointsman') END
    FROM pg_stat_activity a) AS sessions
FROM (SELECT pg_is_in_recovery() AS in_recovery OFFSET 0) s
  CROSS JOIN pg_control_system() c
  LEFT JOIN pg_stat_wal_receiver r ON s.in_recovery";

/// Updates the one row of Pointsman's own table. `pointsman grants postgres` prints how to make it.
pub const HEARTBEAT: &str = "UPDATE pointsman.heartbeat SET beat = clock_timestamp()";

/// How Pointsman calls itself to the server, in `pg_stat_activity` and in its log.
pub const APPLICATION_NAME: &str = "pointsman";

/// Lets the server notice within a minute that we have vanished without a word: our goodbye is lost
/// when the network is, and a session that nobody ends counts against the role's connection limit
/// for two hours. Seconds.
const FAREWELL: &str = "-c tcp_keepalives_idle=5 -c tcp_keepalives_interval=5";

/// Startup options for the question: its own statement timeout, a little before the probe's, so
/// that a slow server tells us rather than leaving a session behind.
pub fn options(timeout: Duration) -> String {
    let patience = (timeout * 9 / 10).as_millis().max(1);
    format!("-c search_path=pg_catalog -c statement_timeout={patience} {FAREWELL}")
}

/// Startup options for heartbeats. Statements longer than the probe's `timeout` are given up by the
/// server; a role that is read-only by default may write all the same. A commit waits for the own
/// disk, which is what a heartbeat tests, and for no standby.
pub fn heartbeat_options(timeout: Duration) -> String {
    let patience = timeout.as_millis().max(1);
    format!(
        "-c search_path=pg_catalog -c statement_timeout={patience} \
         -c default_transaction_read_only=off -c synchronous_commit=local {FAREWELL}"
    )
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{COLUMNS, FACTS, options};

    #[test]
    fn every_column_is_asked_for() {
        for column in COLUMNS {
            let alias = format!("AS {column}");
            let plain = format!(".{column}");
            assert!(FACTS.contains(&alias) || FACTS.contains(&plain), "{column}");
        }
    }

    #[test]
    fn the_server_gives_up_before_the_probe() {
        assert_eq!(
            options(Duration::from_millis(1500)),
            "-c search_path=pg_catalog -c statement_timeout=1350 \
             -c tcp_keepalives_idle=5 -c tcp_keepalives_interval=5"
        );
        // Zero would mean no timeout at all.
        assert!(options(Duration::from_nanos(1)).contains("statement_timeout=1 "));
    }
}
