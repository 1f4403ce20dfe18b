//! Rights of the probe's role on PostgreSQL.

use std::fmt::Write as _;

/// SQL that makes the probe's role on PostgreSQL of major `version`, with comments on the rest; for
/// every supported version when it is `None`.
///
/// It runs on the primary as a superuser, in the database that `[cluster.probe]` names. The
/// password is a placeholder.
pub fn postgres(version: Option<u32>) -> String {
    let mut sql = String::from(ROLE);
    match version {
        Some(version) if version >= RESERVED_SINCE => sql.push_str(RESERVED),
        Some(_) => {}
        None => sql.push_str(RESERVED_WHERE_KNOWN),
    }
    if let Some(version) = version.filter(|version| *version < OLDEST) {
        write!(
            sql,
            "\n-- Pointsman is made for PostgreSQL {OLDEST} and newer, not for {version}.\n"
        )
        .expect("writing to a string succeeds");
    }
    sql.push_str(HEARTBEAT);
    sql.push_str(KICK);
    sql.push_str(HOSTS);
    sql
}

const ROLE: &str = "\
-- On the primary, as a superuser; replication carries it to the standbys.
-- A Pointsman has up to three sessions: one, another while it is renewed, one for heartbeats.
CREATE ROLE pointsman LOGIN PASSWORD 'change me' CONNECTION LIMIT 8;

-- Shows replication details and session counts of other users, and no data.
GRANT pg_read_all_stats TO pointsman;
";

const RESERVED: &str = "
-- A full server still lets the probes in. Needs reserved_connections > 0 in postgresql.conf.
GRANT pg_use_reserved_connections TO pointsman;
";

/// [`RESERVED`] for a server of any version: older ones do not know the role.
const RESERVED_WHERE_KNOWN: &str = "
-- PostgreSQL 16 and newer: a full server still lets the probes in. Needs reserved_connections > 0
-- in postgresql.conf.
DO $$ BEGIN
  IF current_setting('server_version_num')::int >= 160000 THEN
    GRANT pg_use_reserved_connections TO pointsman;
  END IF;
END $$;
";

const HEARTBEAT: &str = "
-- Only with heartbeat_write = true: the one row that the probes update on the primary.
-- CREATE SCHEMA pointsman;
-- CREATE TABLE pointsman.heartbeat (
--   only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
--   beat timestamptz NOT NULL DEFAULT now()
-- );
-- INSERT INTO pointsman.heartbeat DEFAULT VALUES;
-- GRANT USAGE ON SCHEMA pointsman TO pointsman;
-- GRANT UPDATE ON pointsman.heartbeat TO pointsman;
";

const KICK: &str = "
-- Only with [cluster.kick]: ends sessions of all but superusers.
-- GRANT pg_signal_backend TO pointsman;
";

const HOSTS: &str = "
-- In pg_hba.conf of every server one line, with the address of each Pointsman, before lines that
-- refuse it; then SELECT pg_reload_conf().
-- Without TLS (SHOW ssl says off, as after initdb), or when [cluster.probe] says tls = \"disable\":
--   host     postgres  pointsman  192.0.2.10/32  scram-sha-256
-- With TLS (SHOW ssl says on). It lets nobody in without:
--   hostssl  postgres  pointsman  192.0.2.10/32  scram-sha-256
";

/// The oldest major version the probe is made for.
const OLDEST: u32 = 12;

/// The first major version with `pg_use_reserved_connections`.
const RESERVED_SINCE: u32 = 16;

#[cfg(test)]
mod tests {
    use super::postgres;

    #[test]
    fn reserved_connections_come_with_16() {
        let grant = "\nGRANT pg_use_reserved_connections";
        assert!(!postgres(Some(15)).contains(grant));
        assert!(postgres(Some(16)).contains(grant));
        assert!(!postgres(None).contains(grant));
        assert!(postgres(None).contains("  GRANT pg_use_reserved_connections"));
        assert!(postgres(Some(11)).contains("not for 11"));
    }
}
