//! The truth: PostgreSQL servers, who follows whom, and which of them belong.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use pointsman::{
    discovery::{Follower, Introduction, Login, Word},
    engine::{Endpoint, Facts, Heartbeat, Position, PostgresFacts, PostgresRole, Receiver},
};

pub(crate) const PORT: u16 = 5432;

/// Ours.
const SYSTEM: u64 = 7;

/// One server, wherever it is.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    pub(crate) address: IpAddr,
    system: u64,
    timeline: u32,
    position: u64,
    /// `None` for a primary.
    follows: Option<usize>,
    pub(crate) runs: bool,
    /// When it was started: nobody else has that.
    started: u64,
    /// It says that it is a standby of the primary, and lets in whoever comes.
    lies: bool,
    /// It belongs: it is of the cluster's line, and not a copy that went its own way.
    pub(crate) ours: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct World {
    pub(crate) servers: Vec<Server>,
    starts: u64,
    hosts: u8,
}

/// Where a server may be.
pub(crate) fn inside(number: u8) -> IpAddr {
    Ipv4Addr::new(10, 0, 0, number).into()
}

impl World {
    /// A primary and a standby.
    pub(crate) fn new() -> Self {
        let mut world = Self { servers: Vec::new(), starts: 0, hosts: 0 };
        world.add(None, true, SYSTEM, 1);
        world.add(Some(0), true, SYSTEM, 1);
        world
    }

    fn add(&mut self, follows: Option<usize>, ours: bool, system: u64, timeline: u32) -> usize {
        self.hosts += 1;
        self.starts += 1;
        let server = Server {
            address: inside(self.hosts),
            system,
            timeline,
            position: 100,
            follows,
            runs: true,
            started: self.starts,
            lies: false,
            ours,
        };
        self.servers.push(server);
        self.servers.len() - 1
    }

    /// Who is the primary of our line, and runs.
    pub(crate) fn primary(&self) -> Option<usize> {
        self.servers.iter().position(|one| one.ours && one.follows.is_none() && one.runs)
    }

    /// A standby of one of ours that runs.
    pub(crate) fn clone_of(&mut self, of: usize) -> usize {
        let Server { ours, system, timeline, .. } = self.servers[of];
        self.add(Some(of), ours, system, timeline)
    }

    /// A restored backup that somebody has promoted: our identifier, a higher timeline.
    pub(crate) fn restore(&mut self, ahead: u32) -> usize {
        let timeline = self.servers.iter().map(|one| one.timeline).max().unwrap_or(1);
        let restored = self.add(None, false, SYSTEM, timeline + ahead);
        self.servers[restored].position = 9_000;
        restored
    }

    /// A server that is none, and says whatever a standby of ours would.
    pub(crate) fn liar(&mut self) -> usize {
        let liar = self.add(None, false, SYSTEM, 1);
        self.servers[liar].lies = true;
        liar
    }

    /// Another cluster's primary.
    pub(crate) fn foreign(&mut self) -> usize {
        self.add(None, false, 8, 1)
    }

    /// The primary dies, and a standby of our line takes over; the others follow it.
    pub(crate) fn fail_over(&mut self, heir: usize) {
        if let Some(primary) = self.primary() {
            self.servers[primary].runs = false;
        }
        let timeline = self.servers[heir].timeline + 1;
        let former = (0..self.servers.len()).filter(|&one| self.servers[one].ours);
        for one in former.collect::<Vec<_>>() {
            let server = &mut self.servers[one];
            if one == heir {
                (server.follows, server.timeline) = (None, timeline);
                server.position += 10;
            } else if server.runs {
                (server.follows, server.timeline) = (Some(heir), timeline);
            }
        }
    }

    /// A former server of ours comes back as a standby of the primary.
    pub(crate) fn rejoin(&mut self, server: usize) {
        let Some(primary) = self.primary() else { return };
        self.starts += 1;
        let timeline = self.servers[primary].timeline;
        let one = &mut self.servers[server];
        (one.follows, one.timeline, one.runs) = (Some(primary), timeline, true);
        one.started = self.starts;
    }

    /// A server moves to another address.
    pub(crate) fn move_away(&mut self, server: usize) {
        self.hosts += 1;
        let address = inside(self.hosts);
        self.starts += 1;
        let one = &mut self.servers[server];
        (one.address, one.started) = (address, self.starts);
    }

    /// Who answers at an address.
    pub(crate) fn at(&self, at: SocketAddr) -> Option<usize> {
        let here = |one: &Server| one.runs && one.address == at.ip() && at.port() == PORT;
        self.servers.iter().position(here)
    }

    /// Something is written where it can be, and comes to those who follow.
    pub(crate) fn write(&mut self) {
        for one in 0..self.servers.len() {
            let root = self.root(one);
            if self.servers[root].runs && self.servers[root].follows.is_none() {
                let step = u64::from(root == one);
                self.servers[one].position += step;
                let end = self.servers[root].position;
                if root != one && self.streams(one) {
                    self.servers[one].position = end;
                }
            }
        }
    }

    fn root(&self, mut one: usize) -> usize {
        for _ in 0..self.servers.len() {
            match self.servers[one].follows {
                Some(of) => one = of,
                None => break,
            }
        }
        one
    }

    /// Whether a standby receives.
    pub(crate) fn streams(&self, one: usize) -> bool {
        let of = self.servers[one].follows.map(|of| &self.servers[of]);
        of.is_some_and(|of| {
            of.runs && of.timeline == self.servers[one].timeline && self.servers[one].runs
        })
    }

    /// What a liar pretends to be: a standby of this primary that has all of it.
    fn lie(&self, one: usize, of: usize) -> Server {
        let Server { timeline, position, .. } = self.servers[of];
        Server { timeline, position, follows: Some(of), ..self.servers[one].clone() }
    }

    /// What a server says of itself.
    pub(crate) fn word(&self, one: usize) -> Word {
        let lies = self.servers[one].lies;
        let lie = self.primary().filter(|_| lies).map(|of| self.lie(one, of));
        let server = lie.as_ref().unwrap_or(&self.servers[one]);
        let position = Position::lsn(server.position);
        let role = match server.follows {
            None => PostgresRole::Primary { read_only: false, timeline: server.timeline, position },
            Some(of) => {
                let streams = lies || self.streams(one);
                let host = self.servers[of].address.to_string().into();
                PostgresRole::Standby {
                    receiver: if streams { Receiver::Streaming } else { Receiver::Absent },
                    timeline: streams.then_some(server.timeline),
                    recovery_timeline: Some(server.timeline),
                    received: Some(position),
                    heard: None,
                    replayed: Some(position),
                    replay_age: None,
                    paused: false,
                    apply_delay: Duration::ZERO,
                    sender: streams.then_some(Endpoint { host, port: PORT }),
                }
            }
        };
        let follows =
            |other: &usize| self.servers[*other].follows == Some(one) && self.streams(*other);
        let followers = (0..self.servers.len()).filter(follows).map(|other| Follower {
            host: self.servers[other].address.to_string().into(),
            name: Some("walreceiver".into()),
        });
        Word {
            facts: Facts::Postgres(PostgresFacts {
                system_identifier: server.system,
                role,
                sessions: None,
                heartbeat: Heartbeat::NotTried,
            }),
            introduction: Introduction {
                name: None,
                instance: Some(format!("{}:{PORT}", server.started).into()),
                endpoint: Some(Endpoint { host: server.address.to_string().into(), port: PORT }),
                followers: followers.collect(),
                members: Vec::new(),
                login: if lies { Login::Open } else { Login::Proven },
            },
        }
    }
}
