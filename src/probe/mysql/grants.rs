//! The SQL that makes the probe's user, with the least rights that do.
//!
//! Variables, counters and GTIDs need no right in any version. Replication status does, and MariaDB
//! has moved it twice (manual, "GRANT": 10.5.0 split REPLICATION CLIENT, 10.5.9 split REPLICA
//! MONITOR off). Rights that would let the user past `read_only` or a full server (SUPER,
//! CONNECTION_ADMIN, READ_ONLY ADMIN) are left out on purpose.

use std::fmt::Write as _;

/// Versions that need the same statements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Release {
    /// MySQL 5.7 and newer, Percona Server, Percona XtraDB Cluster, Aurora.
    MySql,
    /// MariaDB before 10.5.
    MariaDb103,
    /// MariaDB 10.5.0 to 10.5.8.
    MariaDb105,
    /// MariaDB 10.5.9 and newer.
    MariaDb1059,
}

impl Release {
    /// All of them, oldest first within a family.
    pub const ALL: [Self; 4] = [Self::MySql, Self::MariaDb103, Self::MariaDb105, Self::MariaDb1059];

    /// Which statements a server needs that calls its version `version`: `8.4.3`, `10.11.6-MariaDB`. Numbers from 10
    /// to 19 without a name are MariaDB's; MySQL has never used them. `None` when it is no version.
    pub fn of(version: &str) -> Option<Self> {
        let mut numbers = version.split(|c: char| !c.is_ascii_digit()).map(str::parse::<u32>);
        let major = numbers.next()?.ok()?;
        let minor = numbers.next().and_then(Result::ok).unwrap_or(0);
        let patch = numbers.next().and_then(Result::ok).unwrap_or(u32::MAX);
        let named = version.to_ascii_lowercase().contains("mariadb");
        Some(match (major, minor, patch) {
            (major, ..) if !named && !(10..20).contains(&major) => Self::MySql,
            (..10, ..) | (10, ..5, _) => Self::MariaDb103,
            (10, 5, ..9) => Self::MariaDb105,
            _ => Self::MariaDb1059,
        })
    }

    /// The versions in words.
    pub fn title(self) -> &'static str {
        match self {
            Self::MySql => "MySQL 5.7, 8.0, 8.4, 9 and newer",
            Self::MariaDb103 => "MariaDB before 10.5",
            Self::MariaDb105 => "MariaDB 10.5.0 to 10.5.8",
            Self::MariaDb1059 => "MariaDB 10.5.9 and newer",
        }
    }

    fn rights(self) -> &'static str {
        match self {
            Self::MySql | Self::MariaDb103 => "REPLICATION CLIENT",
            Self::MariaDb105 => "REPLICATION SLAVE ADMIN",
            Self::MariaDb1059 => "REPLICA MONITOR",
        }
    }
}

/// The statements for a user that ends sessions on servers of `release`, all of them commented out.
///
/// It is not the probe's: who sees all sessions, reads all grants and gets past a full server can do
/// more harm than a probe should be able to. The password in it is a placeholder.
pub fn kick_sql(release: Release, user: &str) -> String {
    let account = account(user);
    let (right, note) = match release {
        Release::MySql => ("CONNECTION_ADMIN", " (5.7: SUPER instead of CONNECTION_ADMIN)"),
        Release::MariaDb103 => ("SUPER", ""),
        Release::MariaDb105 | Release::MariaDb1059 => ("CONNECTION ADMIN", ""),
    };
    format!(
        "-- Only with [cluster.kick]: a user of its own, who sees everybody's rights{note}.\n\
         -- CREATE USER {account} IDENTIFIED BY 'change me too';\n\
         -- GRANT PROCESS, {right} ON *.* TO {account};\n\
         -- GRANT SELECT ON mysql.* TO {account};\n"
    )
}

fn account(user: &str) -> String {
    format!("'{}'@'%'", user.replace('\\', "\\\\").replace('\'', "''"))
}

/// The statements for `release`, to be run once on the primary: the replicas get them by
/// replication.
///
/// The password in it is a placeholder. What only `heartbeat_write = true` needs is commented out.
pub fn sql(release: Release, user: &str) -> String {
    let account = account(user);
    let mut sql = format!(
        "-- {title}\n\
         -- MAX_USER_CONNECTIONS: four for each Pointsman that probes it, or leave it out.\n\
         CREATE USER {account} IDENTIFIED BY 'change me' WITH MAX_USER_CONNECTIONS 20;\n\
         GRANT {rights} ON *.* TO {account};\n",
        title = release.title(),
        rights = release.rights(),
    );
    if release == Release::MySql {
        sql.push_str("-- Only with Group Replication or InnoDB Cluster:\n");
        for table in ["replication_group_members", "replication_group_member_stats"] {
            // Writing to a String cannot fail.
            let _ = writeln!(sql, "GRANT SELECT ON performance_schema.{table} TO {account};");
        }
    }
    let _ = write!(
        sql,
        "-- Only with heartbeat_write = true: the one row that the probes update on the primary.\n\
         -- CREATE DATABASE IF NOT EXISTS pointsman;\n\
         -- CREATE TABLE IF NOT EXISTS pointsman.heartbeat (\n\
         --   id TINYINT UNSIGNED NOT NULL PRIMARY KEY,\n\
         --   beat BIGINT UNSIGNED NOT NULL\n\
         -- ) ENGINE = InnoDB;\n\
         -- INSERT IGNORE INTO pointsman.heartbeat VALUES (1, 0);\n\
         -- GRANT SELECT, UPDATE ON pointsman.heartbeat TO {account};\n"
    );
    sql
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_version_finds_its_statements() {
        use super::Release;
        for (version, release) in [
            ("5.7", Some(Release::MySql)),
            ("8.4.3", Some(Release::MySql)),
            ("26.7", Some(Release::MySql)),
            ("10.3.39", Some(Release::MariaDb103)),
            ("5.5.68-MariaDB", Some(Release::MariaDb103)),
            ("10.5.8", Some(Release::MariaDb105)),
            ("10.5.9-MariaDB-log", Some(Release::MariaDb1059)),
            ("10.5", Some(Release::MariaDb1059)),
            ("12", Some(Release::MariaDb1059)),
            ("newest", None),
            ("", None),
        ] {
            assert_eq!(Release::of(version), release, "{version}");
        }
    }

    use super::{Release, sql};

    #[test]
    fn each_release_gets_its_right_to_see_replication() {
        for (release, right) in [
            (Release::MySql, "GRANT REPLICATION CLIENT ON *.* TO 'probe'@'%';"),
            (Release::MariaDb103, "GRANT REPLICATION CLIENT ON *.* TO 'probe'@'%';"),
            (Release::MariaDb105, "REPLICATION SLAVE ADMIN"),
            (Release::MariaDb1059, "REPLICA MONITOR"),
        ] {
            let text = sql(release, "probe");
            assert!(text.contains(right), "{text}");
            let heartbeat = text.lines().filter(|line| line.contains("heartbeat"));
            assert!(heartbeat.clone().count() > 0, "{text}");
            assert!(heartbeat.clone().all(|line| line.starts_with("-- ")), "{text}");
        }
    }

    #[test]
    fn no_right_lets_the_user_past_read_only_or_a_full_server() {
        for release in Release::ALL {
            let text = sql(release, "probe").replace("-- GRANT", "GRANT");
            for right in ["SUPER", "CONNECTION", "READ_ONLY", "ALL", "*.* TO PUBLIC"] {
                let granted = text
                    .lines()
                    .filter(|line| line.starts_with("GRANT"))
                    .any(|line| line.contains(right));
                assert!(!granted, "{right} in {text}");
            }
        }
    }

    #[test]
    fn a_user_name_cannot_break_out_of_its_quotes() {
        let text = sql(Release::MySql, "o'\\x");
        assert!(text.contains(r"'o''\\x'@'%'"), "{text}");
    }
}
