//! Whose sessions are ended on a server that has lost the write name (`[cluster.kick]`).

use std::fmt;

use super::Secret;

/// What is done about sessions that hold on to a former primary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KickConfig {
    /// Whether anything is done.
    pub mode: KickMode,
    /// The users whose sessions are meant; all if it is empty.
    pub users: Vec<Box<str>>,
    /// The databases whose sessions are meant; all if it is empty. One of the two is not.
    pub databases: Vec<Box<str>>,
    /// Who ends them, if not the probe's user.
    pub login: Option<KickLogin>,
}

/// What `mode` of `[cluster.kick]` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KickMode {
    /// Nothing is done.
    Off,
    /// Sessions are looked for and counted, and live on.
    DryRun,
    /// Sessions are ended.
    On,
}

/// A user of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KickLogin {
    /// The role or user.
    pub user: Box<str>,
    /// Its password; `None` for servers that trust the user.
    pub password: Option<Secret>,
}

impl KickConfig {
    /// Whether sessions of `user` are meant. Case counts, as it does to the servers.
    pub fn means_user(&self, user: &str) -> bool {
        self.users.is_empty() || self.users.iter().any(|known| **known == *user)
    }

    /// Whether sessions in `database` are meant; `None` for sessions without one.
    pub fn means_database(&self, database: Option<&str>) -> bool {
        let is_named = |name: &str| self.databases.iter().any(|known| **known == *name);
        self.databases.is_empty() || database.is_some_and(is_named)
    }
}

impl KickMode {
    /// The word of the file.
    pub fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::DryRun => "dry-run",
            Self::On => "on",
        }
    }
}

impl fmt::Display for KickMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_and_databases_count_if_they_are_given() {
        let kick = |users: &[&str], databases: &[&str]| KickConfig {
            mode: KickMode::On,
            users: users.iter().map(|name| (*name).into()).collect(),
            databases: databases.iter().map(|name| (*name).into()).collect(),
            login: None,
        };
        let app = kick(&["app"], &[]);
        assert!(app.means_user("app") && !app.means_user("App") && !app.means_user("apps"));
        assert!(app.means_database(None) && app.means_database(Some("any")));
        let shop = kick(&[], &["shop"]);
        assert!(shop.means_user("anybody") && shop.means_database(Some("shop")));
        assert!(!shop.means_database(Some("shop2")) && !shop.means_database(None));
    }
}
