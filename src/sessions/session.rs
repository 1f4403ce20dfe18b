//! One session of a server, and what a kick would do about it.
//!
//! Everything that is not known for sure to be a client's session of a user without special rights
//! is spared.

use std::fmt;

use crate::config::KickConfig;

/// What a server tells of one session, in the words that are the same for every engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// What ends it: a process id, or a connection id.
    pub(super) id: u64,
    /// When it began, as an exact number of the server's own; 0 where ids are never given again.
    pub(super) born: i64,
    pub(super) kind: SessionKind,
    pub(super) user: Box<str>,
    pub(super) database: Option<Box<str>>,
    pub(super) address: Option<Box<str>>,
    /// What it does.
    pub(super) state: Box<str>,
    /// Seconds.
    pub(super) age: Option<u64>,
    /// Whether its user has rights that no application has; also when that is not known.
    pub(super) is_privileged: bool,
    /// Whether we have the right to end it.
    pub(super) may_end: bool,
}

/// Whose session it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionKind {
    /// An application's, or a person's.
    Client,
    /// Of a replica, or of somebody else who receives changes.
    Replication,
    /// Of Pointsman's users.
    Own,
}

/// Why a session is spared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Spared {
    Replication,
    Own,
    Ending,
    OtherUser,
    OtherDatabase,
    Privileged,
}

impl Session {
    /// Whether a kick ends it, and why not.
    pub(super) fn fate(&self, kick: &KickConfig) -> Result<(), Spared> {
        match self.kind {
            SessionKind::Replication => return Err(Spared::Replication),
            SessionKind::Own => return Err(Spared::Own),
            SessionKind::Client => {}
        }
        match () {
            () if self.is_ending() => Err(Spared::Ending),
            () if !kick.means_user(&self.user) => Err(Spared::OtherUser),
            () if !kick.means_database(self.database.as_deref()) => Err(Spared::OtherDatabase),
            () if self.is_privileged => Err(Spared::Privileged),
            () => Ok(()),
        }
    }

    /// Whether somebody has ended it and it has not noticed (MySQL and MariaDB).
    fn is_ending(&self) -> bool {
        &*self.state == "Killed"
    }
}

impl fmt::Display for Spared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Replication => "replication",
            Self::Own => "of Pointsman",
            Self::Ending => "it ends already",
            Self::OtherUser => "not of `users`",
            Self::OtherDatabase => "not of `databases`",
            Self::Privileged => "the user has special rights",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::KickMode;

    fn session() -> Session {
        Session {
            id: 7,
            born: 1,
            kind: SessionKind::Client,
            user: "app".into(),
            database: Some("shop".into()),
            address: None,
            state: "idle".into(),
            age: Some(3),
            is_privileged: false,
            may_end: true,
        }
    }

    fn kick(users: &[&str], databases: &[&str]) -> KickConfig {
        let names = |list: &[&str]| list.iter().map(|name| (*name).into()).collect();
        let (users, databases) = (names(users), names(databases));
        KickConfig { mode: KickMode::On, users, databases, login: None }
    }

    #[test]
    fn only_clients_of_the_named_users_and_databases_are_ended() {
        let both = kick(&["app"], &["shop"]);
        assert_eq!(session().fate(&both), Ok(()));
        assert_eq!(session().fate(&kick(&[], &["shop"])), Ok(()));
        assert_eq!(session().fate(&kick(&["app"], &[])), Ok(()));
        let cases = [
            (Session { user: "ops".into(), ..session() }, Spared::OtherUser),
            (Session { database: Some("other".into()), ..session() }, Spared::OtherDatabase),
            (Session { database: None, ..session() }, Spared::OtherDatabase),
            (Session { is_privileged: true, ..session() }, Spared::Privileged),
            (Session { kind: SessionKind::Replication, ..session() }, Spared::Replication),
            (Session { kind: SessionKind::Own, ..session() }, Spared::Own),
            (Session { state: "Killed".into(), ..session() }, Spared::Ending),
        ];
        for (session, why) in cases {
            assert_eq!(session.fate(&both), Err(why), "{session:?}");
        }
    }

    #[test]
    fn replication_and_our_own_are_spared_whoever_is_named() {
        let all_of_them = kick(&[], &["shop"]);
        for (kind, why) in
            [(SessionKind::Replication, Spared::Replication), (SessionKind::Own, Spared::Own)]
        {
            assert_eq!(Session { kind, ..session() }.fate(&all_of_them), Err(why));
        }
    }
}
