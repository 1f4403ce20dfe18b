//! What was found: servers that belong together, and what was left out.

use std::net::{IpAddr, SocketAddr};

use super::EngineKind;
use crate::{
    discovery::{FoundMember, Member, NameHint, Proof, Word},
    engine::{Facts, Group, GroupRole, IoThread, PostgresRole, ServerState, Writability},
};

/// One server that answered and belongs to the cluster.
#[derive(Clone, Debug)]
pub struct Server {
    /// Where it was asked, and where clients will be sent.
    pub at: SocketAddr,
    /// Host names by which it goes.
    pub hosts: Vec<Box<str>>,
    /// What others call it.
    pub hint: Option<NameHint>,
    /// What it said.
    pub word: Word,
    /// Its version, in its own words.
    pub version: Box<str>,
    /// Why it belongs.
    pub kinship: Kinship,
    /// How many links lie between it and a server that was named on the command line.
    pub depth: u8,
}

/// Why a server belongs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kinship {
    /// The operator named it.
    Named,
    /// It has shown so itself.
    Shown(Proof),
    /// This server, which belongs, follows it.
    Leads(Box<str>),
}

/// What a server does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It is written to.
    Primary,
    /// It is a member of a group whose members can all be written to.
    Member,
    /// It follows.
    Replica,
    /// It takes no writes and follows nobody.
    Idle,
}

/// A server that was named and does not join.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// Where it is, and who named it.
    pub what: String,
    /// Why it does not join.
    pub why: String,
}

/// All that was found.
#[derive(Clone, Debug)]
pub struct Found {
    /// What the servers are.
    pub engine: EngineKind,
    /// Who belongs, the first to be asked in front.
    pub servers: Vec<Server>,
    /// Who does not.
    pub left_out: Vec<LeftOut>,
    /// What else an operator should know.
    pub notes: Vec<String>,
}

impl Server {
    /// What it does, by its own word.
    pub fn role(&self) -> Role {
        match &self.word.facts {
            Facts::Postgres(facts) => match facts.role {
                PostgresRole::Primary { .. } => Role::Primary,
                PostgresRole::Standby { .. } => Role::Replica,
            },
            Facts::MySql(facts) => match &facts.group {
                Some(Group::Replication(member)) if member.role == GroupRole::Primary => {
                    Role::Primary
                }
                Some(Group::Replication(_)) => Role::Replica,
                Some(Group::Galera(_)) => Role::Member,
                None => {
                    let mut channels = facts.channels.iter().flatten();
                    let follows = channels.any(|channel| channel.io != IoThread::Stopped);
                    match (follows, facts.writability) {
                        (true, _) => Role::Replica,
                        (false, Writability::Writable) => Role::Primary,
                        (false, _) => Role::Idle,
                    }
                }
            },
            Facts::Tcp => Role::Idle,
        }
    }

    /// The same in words.
    pub fn role_in_words(&self) -> String {
        let upstream = match &self.word.facts {
            Facts::Postgres(facts) => match &facts.role {
                PostgresRole::Standby { sender, .. } => sender.as_ref(),
                PostgresRole::Primary { .. } => None,
            },
            Facts::MySql(facts) if facts.group.is_none() => {
                let mut channels = facts.channels.iter().flatten();
                channels.next().map(|channel| &channel.source.endpoint)
            }
            Facts::MySql(_) | Facts::Tcp => None,
        };
        match (self.role(), upstream) {
            (Role::Primary, _) => "primary".into(),
            (Role::Member, _) => "member of its group".into(),
            (Role::Replica, Some(from)) => format!("replica of {}:{}", from.host, from.port),
            (Role::Replica, None) => "replica".into(),
            (Role::Idle, _) => "takes no writes and follows nobody".into(),
        }
    }

    /// Why it belongs, in words.
    pub fn kinship_in_words(&self) -> String {
        match &self.kinship {
            Kinship::Named => "was asked".into(),
            Kinship::Shown(proof) => proof.to_string(),
            Kinship::Leads(follower) => format!("{follower} follows it"),
        }
    }

    /// What it may be called in a file of passwords: its host names, and its address.
    pub fn names(&self) -> Vec<String> {
        let hosts = self.hosts.iter().map(|host| host.to_string());
        hosts.chain([self.at.ip().to_string()]).collect()
    }

    /// What it is to those who judge kinship.
    pub fn member(&self) -> Member {
        Member {
            name: self.at.to_string().into(),
            addresses: vec![self.at.ip().to_canonical()],
            port: self.at.port(),
            aliases: self.hosts.clone(),
            found: (self.depth > 0)
                .then(|| FoundMember { depth: self.depth, ..FoundMember::default() }),
            state: match self.role() {
                Role::Primary | Role::Member => ServerState::Primary,
                Role::Replica => ServerState::Replica,
                Role::Idle => ServerState::ReadOnlyPrimary,
            },
            down_for: None,
            word: Some(self.word.clone().into()),
            replies: 1,
        }
    }

    /// Whether it is another address of the server that said `word`.
    pub fn is_twin_of(&self, word: &Word) -> bool {
        let own = &self.word.introduction.instance;
        own.is_some() && *own == word.introduction.instance
    }

    /// Moves a server that was reached over the loopback device to the address by which others know
    /// it.
    pub fn prefer(&mut self, address: IpAddr) {
        if self.at.ip().is_loopback() && !address.is_loopback() {
            self.at.set_ip(address);
        }
    }
}

impl Found {
    /// The server that takes writes: where users are made, for replication carries them on. `None`
    /// where there is none, or more than one and they are in no group.
    pub fn primary(&self) -> Option<&Server> {
        let with = |role| self.servers.iter().filter(move |server| server.role() == role);
        let is_writable = |server: &&Server| server.word.facts.claims_writable();
        let mut primaries = with(Role::Primary);
        match (primaries.next(), primaries.next()) {
            (Some(only), None) => Some(only),
            (Some(_), Some(_)) => None,
            (None, _) => with(Role::Member).find(is_writable).or_else(|| {
                // Two that follow each other, of which one is written to.
                let mut writable = self.servers.iter().filter(is_writable);
                let first = writable.next()?;
                writable.next().is_none().then_some(first)
            }),
        }
    }

    /// Puts the primary in front: what is written first prevails where all else is equal.
    pub fn sort(&mut self) {
        self.servers.sort_by_key(|server| match server.role() {
            Role::Primary => 0,
            Role::Member | Role::Replica => 1,
            Role::Idle => 2,
        });
    }
}
