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

/// The SQL for PostgreSQL of `version` (`16`, `16.4`); for every supported one when it is `None`.
///
/// # Errors
/// When `version` does not begin with a number.
pub fn for_postgres(version: Option<&str>) -> Result<String, UnknownVersion> {
    let major = |text: &str| {
        let major = text.split('.').next().unwrap_or(text);
        let unknown = |_| UnknownVersion { given: text.into(), example: "16" };
        major.parse::<u32>().map_err(unknown)
    };
    Ok(postgres::postgres(version.map(major).transpose()?))
}

/// The SQL for MySQL or MariaDB of `version` (`8.4`, `10.11-MariaDB`); when it is `None`, one block
/// for each group of versions.
///
/// # Errors
/// When `version` does not begin with a number.
pub fn for_mysql(version: Option<&str>) -> Result<String, UnknownVersion> {
    let releases = match version {
        None => Release::ALL.to_vec(),
        Some(text) => {
            let unknown = || UnknownVersion { given: text.into(), example: "8.4 or 10.11-MariaDB" };
            vec![Release::of(text).ok_or_else(unknown)?]
        }
    };
    let block =
        |release| mysql::grants(release, USER) + "\n" + &mysql::kick_grants(release, KICKER);
    let blocks: Vec<_> = releases.into_iter().map(block).collect();
    Ok(blocks.join("\n"))
}
