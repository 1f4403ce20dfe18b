//! Which family and version answers behind an address.
//!
//! The greeting is not asked: MariaDB before 11 puts `5.5.5-` before its version there, and proxies
//! put anything. `@@version` and `@@version_comment` are the server's own words. It is asked anew
//! on every connection, because a server may be upgraded behind its address. Unusual major numbers
//! are fine (the manuals list 9.7 and 26.7).

use std::fmt;

use super::{error::garbled, reply::Reply};
use crate::engine::{Failure, Flavour};

/// Asks for both words at once.
pub const STATEMENT: &str = "SELECT @@version, @@version_comment";

/// Who answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Server {
    /// The family.
    pub(super) flavour: Flavour,
    /// Its version.
    pub(super) version: Version,
}

/// Major, minor and patch number; those that are no numbers (`5.7.mysql_aurora.2.11.2`) are 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(pub(super) u32, pub(super) u32, pub(super) u32);

impl Server {
    /// Reads the reply to [`STATEMENT`].
    ///
    /// # Errors
    /// A `Garbled` failure when there is no version in it.
    pub(super) fn detect(reply: &Reply) -> Result<Self, Failure> {
        let row = reply.first().ok_or_else(|| garbled("no row for @@version"))?;
        let version = row.at(0).unwrap_or_default();
        let comment = row.at(1).unwrap_or_default();
        let is_mariadb =
            [version, comment].iter().any(|text| text.to_ascii_lowercase().contains("mariadb"));
        let (flavour, digits) = if is_mariadb {
            let digits = version.strip_prefix("5.5.5-").unwrap_or(version);
            (Flavour::MariaDb, digits)
        } else {
            (Flavour::MySql, version)
        };
        let version =
            Version::parse(digits).ok_or_else(|| garbled(format!("@@version is {version:?}")))?;
        Ok(Self { flavour, version })
    }
}

/// `MariaDB 10.11.6`.
impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Version(major, minor, patch) = self.version;
        let family = match self.flavour {
            Flavour::MySql => "MySQL",
            Flavour::MariaDb => "MariaDB",
        };
        write!(f, "{family} {major}.{minor}.{patch}")
    }
}

impl Version {
    fn parse(text: &str) -> Option<Self> {
        let mut numbers = text.split('.').map(|part| {
            let end = part.find(|c: char| !c.is_ascii_digit()).unwrap_or(part.len());
            part[..end].parse().ok()
        });
        let major = numbers.next()??;
        let minor = numbers.next().flatten().unwrap_or(0);
        let patch = numbers.next().flatten().unwrap_or(0);
        Some(Self(major, minor, patch))
    }
}

#[cfg(test)]
mod tests {
    use super::{Reply, Server, Version};
    use crate::engine::{FailureKind, Flavour};

    fn reply(version: &str, comment: &str) -> Reply {
        let mut reply = Reply::new(vec!["@@version".into(), "@@version_comment".into()]);
        reply.push(vec![Some(version.into()), Some(comment.into())]);
        reply
    }

    #[test]
    fn families_and_versions_are_told_apart() {
        use Flavour::{MariaDb, MySql};
        for (version, comment, flavour, numbers) in [
            ("5.7.44-log", "MySQL Community Server (GPL)", MySql, Version(5, 7, 44)),
            ("8.0.22", "MySQL Community Server - GPL", MySql, Version(8, 0, 22)),
            ("8.0.36-28.1", "Percona XtraDB Cluster (GPL)", MySql, Version(8, 0, 36)),
            ("5.7.mysql_aurora.2.11.2", "MySQL Community Server", MySql, Version(5, 7, 0)),
            ("8.4.3", "MySQL Community Server - GPL", MySql, Version(8, 4, 3)),
            ("26.7.0", "MySQL Community Server - GPL", MySql, Version(26, 7, 0)),
            ("10.11.19-MariaDB-0+deb12u1-log", "Debian 12", MariaDb, Version(10, 11, 19)),
            ("5.5.5-10.3.39-MariaDB", "", MariaDb, Version(10, 3, 39)),
            ("12.0.2", "mariadb.org binary distribution", MariaDb, Version(12, 0, 2)),
        ] {
            let server = Server::detect(&reply(version, comment)).expect(version);
            assert_eq!((server.flavour, server.version), (flavour, numbers), "{version}");
        }
    }

    #[test]
    fn a_reply_without_a_version_is_garbled() {
        for odd in [reply("", "MySQL"), reply("banana", ""), Reply::default()] {
            let failure = Server::detect(&odd).expect_err("no version");
            assert_eq!(failure.kind, FailureKind::Garbled);
        }
        let mut null = Reply::new(vec![]);
        null.push(vec![None, None]);
        assert!(Server::detect(&null).is_err());
    }
}
