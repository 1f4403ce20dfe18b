//! Whose connections may be cut.

use std::{collections::BTreeSet, fmt};

use ipnet::IpNet;

use super::connection::{Connection, Owner};

/// What may be cut. Lists that are empty limit nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections of these users alone.
    pub uids: BTreeSet<u32>,
    /// Never those of these users, as the accounts of database servers.
    pub never_uids: BTreeSet<u32>,
    /// Connections of processes with these names alone.
    pub processes: BTreeSet<Box<str>>,
    /// Connections of these control groups alone, by their numbers.
    pub cgroups: BTreeSet<u64>,
    /// Connections to these ports alone.
    pub ports: BTreeSet<u16>,
    /// Never those to or from these networks.
    pub never_networks: Vec<IpNet>,
    /// At most so many at a time.
    pub at_most: usize,
}

/// Why a connection lives on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Spared {
    /// It is of another user than those that are meant.
    OtherUser,
    /// It is of a user whose connections are never cut.
    NeverUser,
    /// It is of a database server, so it may be replication.
    DatabaseServer,
    /// It is within this host, and whose it is cannot be seen: it may be replication.
    MaybeReplication,
    /// It is of another process, or whose it is cannot be seen.
    OtherProcess,
    /// It is of another control group, or whose it is cannot be seen.
    OtherCgroup,
    /// It leads to another port.
    OtherPort,
    /// It is of a network whose connections are never cut.
    NeverNetwork,
    /// Another name says its server, and it may be that one's.
    OtherName,
    /// What was answered is too old or in doubt.
    Unsure,
    /// The rule for its reason says so.
    Rule,
    /// The grace has not passed.
    Grace,
    /// As many as may be are cut already; its turn comes.
    Later,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            uids: BTreeSet::new(),
            never_uids: BTreeSet::new(),
            processes: BTreeSet::new(),
            cgroups: BTreeSet::new(),
            ports: BTreeSet::new(),
            never_networks: Vec::new(),
            at_most: 1_000,
        }
    }
}

impl Limits {
    /// Whether the connection may be cut, as far as it matters whose it is.
    ///
    /// # Errors
    /// Why not.
    pub fn check(&self, connection: &Connection) -> Result<(), Spared> {
        let Connection { local, remote, owner: Owner { uid, cgroup, process }, .. } = connection;
        let is_of_server = process.as_deref().is_some_and(|name| DATABASE_SERVERS.contains(&name));
        let is_never = |net: &IpNet| net.contains(&remote.ip()) || net.contains(&local.ip());
        let is_named = |name: &str| self.processes.contains(name);
        match () {
            () if self.never_uids.contains(uid) => Err(Spared::NeverUser),
            () if !self.uids.is_empty() && !self.uids.contains(uid) => Err(Spared::OtherUser),
            () if is_of_server => Err(Spared::DatabaseServer),
            () if process.is_none() && connection.is_to_itself() => Err(Spared::MaybeReplication),
            () if !self.processes.is_empty() && !process.as_deref().is_some_and(is_named) => {
                Err(Spared::OtherProcess)
            }
            () if !self.cgroups.is_empty()
                && !cgroup.is_some_and(|cgroup| self.cgroups.contains(&cgroup)) =>
            {
                Err(Spared::OtherCgroup)
            }
            () if !self.ports.is_empty() && !self.ports.contains(&remote.port()) => {
                Err(Spared::OtherPort)
            }
            () if self.never_networks.iter().any(is_never) => Err(Spared::NeverNetwork),
            () => Ok(()),
        }
    }
}

impl fmt::Display for Spared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OtherUser => "of another user",
            Self::NeverUser => "of a user that is never cut",
            Self::DatabaseServer => "of a database server",
            Self::MaybeReplication => "within this host, and its process cannot be seen",
            Self::OtherProcess => "of another process",
            Self::OtherCgroup => "of another control group",
            Self::OtherPort => "to another port",
            Self::NeverNetwork => "of a network that is never cut",
            Self::OtherName => "another name says its server",
            Self::Unsure => "the answers are too old or in doubt",
            Self::Rule => "the rule for its reason",
            Self::Grace => "in its grace",
            Self::Later => "its turn comes",
        })
    }
}

/// The names of processes that replicate, as /proc/PID/comm has them.
const DATABASE_SERVERS: [&str; 9] = [
    "postgres",
    "postmaster",
    "pg_receivewal",
    "pg_recvlogical",
    "pg_basebackup",
    "mysqld",
    "mariadbd",
    "mariadb-backup",
    "pointsman",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn connection(uid: u32, process: Option<&str>) -> Connection {
        let owner = Owner { uid, cgroup: Some(9), process: process.map(Into::into) };
        let [local, remote] = ["10.0.0.9:40000", "10.0.0.1:5432"].map(|at| at.parse().unwrap());
        Connection { cookie: 1, local, remote, owner }
    }

    #[test]
    fn each_limit_spares() {
        let free = Limits::default();
        let app = connection(1_000, Some("app"));
        assert_eq!(free.check(&app), Ok(()));
        assert_eq!(free.check(&connection(1_000, None)), Ok(()));
        assert_eq!(free.check(&connection(0, Some("postgres"))), Err(Spared::DatabaseServer));
        let here = Connection { remote: "127.0.0.1:5432".parse().unwrap(), ..app.clone() };
        assert_eq!(free.check(&here), Ok(()));
        let unseen = Owner { process: None, ..app.owner };
        let unseen = Connection { owner: unseen, ..here };
        assert_eq!(free.check(&unseen), Err(Spared::MaybeReplication));
        let cases = [
            (Limits { uids: [7].into(), ..free.clone() }, Spared::OtherUser),
            (Limits { never_uids: [1_000].into(), ..free.clone() }, Spared::NeverUser),
            (Limits { processes: ["web".into()].into(), ..free.clone() }, Spared::OtherProcess),
            (Limits { cgroups: [8].into(), ..free.clone() }, Spared::OtherCgroup),
            (Limits { ports: [3306].into(), ..free.clone() }, Spared::OtherPort),
            (
                Limits { never_networks: vec!["10.0.0.0/24".parse().unwrap()], ..free.clone() },
                Spared::NeverNetwork,
            ),
        ];
        for (limits, why) in cases {
            assert_eq!(limits.check(&app), Err(why));
        }
        let all = Limits {
            uids: [1_000].into(),
            processes: ["app".into()].into(),
            cgroups: [9].into(),
            ports: [5432].into(),
            ..free
        };
        assert_eq!(all.check(&app), Ok(()));
        assert_eq!(all.check(&connection(1_000, None)), Err(Spared::OtherProcess));
    }
}
