//! The least-privilege SQL for the probe's user, as `pointsman grants` prints it.

mod postgres;

use super::mysql::{self, Release};

/// The name that the printed SQL gives to the user.
const USER: &str = "pointsman";

/// The user that ends sessions on MySQL and MariaDB.
const KICKER: &str = "pointsman_kick";

/// Why there is no SQL for a version: it is none, and this is how one is written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{given}` is no version of this server; write one such as {example}, or leave it out")]
pub struct UnknownVersion {
    /// What was given.
    pub given: Box<str>,
    /// What would have been fine.
    pub example: &'static str,
}

/// The SQL for PostgreSQL of `version`: `16`, `16.4`, or all that the server says of itself, as
/// `PostgreSQL 15.3 (Debian 15.3-0+deb12u1)`. For every supported one when it is `None`.
///
/// # Errors
/// When there is no number in `version`.
pub fn for_postgres(version: Option<&str>) -> Result<String, UnknownVersion> {
    let major = |text: &str| {
        let unknown = || UnknownVersion { given: text.into(), example: "16" };
        let number = numbers(text).ok_or_else(unknown)?;
        let digits = number.split(|c: char| !c.is_ascii_digit()).next().unwrap_or(number);
        digits.parse::<u32>().map_err(|_| unknown())
    };
    Ok(postgres::postgres(version.map(major).transpose()?))
}

/// The SQL for MySQL of `version`, or for MariaDB where `version` says so: `8.4`,
/// `8.0.36-0ubuntu0.22.04.1`, `10.11.6-MariaDB-0+deb12u1`. For every MySQL when it is `None`.
///
/// # Errors
/// When there is no number in `version`.
pub fn for_mysql(version: Option<&str>) -> Result<String, UnknownVersion> {
    match version {
        None => Ok(FOR_MYSQL.to_owned() + &block(Release::MySql)),
        Some(text) => {
            let unknown = || UnknownVersion { given: text.into(), example: "8.4 or 10.11-MariaDB" };
            Ok(block(release(text).ok_or_else(unknown)?))
        }
    }
}

/// The SQL for MariaDB of `version`; for those that are maintained when it is `None`.
///
/// # Errors
/// When there is no number in `version`.
pub fn for_mariadb(version: Option<&str>) -> Result<String, UnknownVersion> {
    match version {
        None => Ok(FOR_MARIADB.to_owned() + &block(Release::MariaDb1059)),
        Some(text) => {
            let unknown = || UnknownVersion { given: text.into(), example: "10.11" };
            let named = format!("{text}-MariaDB");
            Ok(block(release(&named).ok_or_else(unknown)?))
        }
    }
}

fn block(release: Release) -> String {
    mysql::grants(release, USER) + "\n" + &mysql::kick_grants(release, KICKER)
}

fn release(text: &str) -> Option<Release> {
    let is_mariadb = text.to_ascii_lowercase().contains("mariadb");
    let numbers = numbers(text)?;
    // MariaDB before 11 puts this in front for replicas of MySQL.
    let numbers = numbers.strip_prefix("5.5.5-").filter(|_| is_mariadb).unwrap_or(numbers);
    Release::of(&if is_mariadb { format!("{numbers}-MariaDB") } else { numbers.to_owned() })
}

/// The first word of `text` that begins with a digit. The programs of MariaDB tell their own version
/// before that of the server, which follows `Distrib`.
fn numbers(text: &str) -> Option<&str> {
    let text = text.split_once("Distrib ").map_or(text, |(_, server)| server);
    text.split_whitespace().find(|word| word.starts_with(|c: char| c.is_ascii_digit()))
}

const FOR_MYSQL: &str = "\
-- MySQL alone. For MariaDB: `pointsman grants mariadb`, whose rights have other names.

";

const FOR_MARIADB: &str = "\
-- MariaDB 10.5.9 and newer alone. For an older one name its version, as
-- `pointsman grants mariadb --server-version 10.3.39`: its rights have other names.

";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_taken_as_servers_say_it() {
        let postgres = |text| for_postgres(Some(text));
        for (said, number) in [
            ("PostgreSQL 15.3 (Debian 15.3-0+deb12u1)", "15"),
            ("PostgreSQL 16.2 on x86_64-pc-linux-gnu, compiled by gcc 12.2.0, 64-bit", "16.2"),
            ("psql (PostgreSQL) 17beta1", "17"),
            ("15.3 (Debian 15.3-0+deb12u1)", "15"),
        ] {
            assert_eq!(postgres(said), postgres(number), "{said}");
        }
        let mysql = |text| for_mysql(Some(text));
        for (said, number) in [
            ("8.0.36-0ubuntu0.22.04.1", "8.0"),
            ("mysql  Ver 8.0.36-0ubuntu0.22.04.1 for Linux on x86_64 ((Ubuntu))", "8.0"),
            ("10.11.6-MariaDB-0+deb12u1", "10.11-MariaDB"),
            ("5.5.5-10.3.39-MariaDB", "10.3-MariaDB"),
            ("mysql  Ver 15.1 Distrib 10.3.39-MariaDB, for debian-linux-gnu", "10.3-MariaDB"),
        ] {
            assert_eq!(mysql(said), mysql(number), "{said}");
            assert!(mysql(said).is_ok(), "{said}");
        }
        assert_eq!(for_mariadb(Some("10.4")), mysql("10.4-MariaDB"));
        assert!(postgres("newest").is_err() && mysql("").is_err());
        assert!(for_mariadb(Some("newest")).is_err());
    }

    /// A user is made once, and nothing runs that the other family does not know.
    #[test]
    fn without_a_version_all_of_it_runs_on_one_server() {
        let live = |sql: &str| {
            let lines = sql.lines().filter(|line| !line.starts_with("--") && !line.is_empty());
            lines.map(str::to_owned).collect::<Vec<_>>()
        };
        for (sql, only) in [
            (for_mysql(None), for_mysql(Some("8.4"))),
            (for_mariadb(None), for_mariadb(Some("10.11"))),
        ] {
            assert_eq!(live(&sql.unwrap()), live(&only.unwrap()));
        }
        let mariadb = live(&for_mariadb(None).unwrap()).join("\n");
        assert!(!mariadb.contains("performance_schema"), "{mariadb}");
        assert_eq!(mariadb.matches("CREATE USER").count(), 1, "{mariadb}");
    }
}
