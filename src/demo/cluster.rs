//! Three PostgreSQL servers as a model: who is what, and how far it has come at a given moment.
//!
//! Pure. Nothing ticks: a position is a function of time, and every event of the story settles what
//! the time before it has come to. Only what a probe can see is modelled:
//!
//! - A primary in service writes WAL at a constant rate.
//! - A standby receives it at once while its source is a primary in service, and replays it at once
//!   unless something holds its replay back.
//! - A promotion starts a timeline that is higher than all others. A primary that returns knows
//!   nothing of it and goes on writing to its own.

use std::{net::SocketAddr, time::Duration};

use crate::engine::{
    Endpoint, Heartbeat, Moment, Position, PostgresFacts, PostgresRole, Receiver, ServerIndex,
    Servers,
};

/// How long a server says that it is starting up.
pub const STARTUP: Duration = Duration::from_millis(300);

/// The servers, in the order of their [`ServerIndex`].
#[derive(Clone, Debug)]
pub struct Cluster {
    members: Servers<Member>,
}

/// Whether a server's process runs, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// There is no process.
    Stopped,
    /// It accepts connections and says that it is starting up, until then.
    Starting(Moment),
    /// It is stopped by a signal: the kernel accepts connections and nobody serves them.
    Frozen,
    /// It is in service.
    Running,
}

#[derive(Clone, Debug)]
struct Member {
    address: SocketAddr,
    condition: Condition,
    password: Box<str>,
    role: Role,
}

#[derive(Clone, Debug)]
enum Role {
    Primary {
        timeline: u32,
        read_only: bool,
        wal: Wal,
    },
    Standby {
        /// The newest that it has followed.
        timeline: u32,
        source: ServerIndex,
        /// Octets of WAL, when anything last happened in the cluster.
        received: u64,
        replay: Replay,
    },
}

/// Where a primary writes.
#[derive(Clone, Copy, Debug)]
struct Wal {
    position: u64,
    /// Since when it has been writing from there on; `None` while it does not.
    since: Option<Moment>,
}

#[derive(Clone, Copy, Debug)]
enum Replay {
    Prompt,
    /// Replay stands at `position`.
    Standing {
        position: u64,
        since: Moment,
        paused: bool,
    },
}

impl Cluster {
    /// One server per address, in service since `now`. The first is the primary, on timeline 1.
    pub fn new(addresses: &[SocketAddr], password: &str, now: Moment) -> Self {
        let role = |index| match index {
            0 => Role::Primary {
                timeline: 1,
                read_only: false,
                wal: Wal { position: WAL_START, since: Some(now) },
            },
            _ => Role::Standby {
                timeline: 1,
                source: ServerIndex::new(0),
                received: WAL_START,
                replay: Replay::Prompt,
            },
        };
        let members = addresses.iter().enumerate().map(|(index, &address)| Member {
            address,
            condition: Condition::Running,
            password: password.into(),
            role: role(index),
        });
        Self { members: members.collect() }
    }

    /// The process comes up; for [`STARTUP`] it is starting.
    pub fn start(&mut self, server: ServerIndex, now: Moment) {
        self.set_condition(server, Condition::Starting(now + STARTUP), now);
    }

    /// The process is gone, by a crash or on purpose.
    pub fn stop(&mut self, server: ServerIndex, now: Moment) {
        self.set_condition(server, Condition::Stopped, now);
    }

    /// The process stands still: SIGSTOP, or a host that hangs.
    pub fn freeze(&mut self, server: ServerIndex, now: Moment) {
        self.set_condition(server, Condition::Frozen, now);
    }

    /// The frozen process goes on.
    pub fn thaw(&mut self, server: ServerIndex, now: Moment) {
        self.set_condition(server, Condition::Running, now);
    }

    /// The standby becomes a primary on a timeline of its own.
    pub fn promote(&mut self, server: ServerIndex, now: Moment) {
        self.settle(now);
        let newest = self.members.iter().map(|member| member.role.timeline()).max();
        let member = &mut self.members[server];
        if let Role::Standby { received, .. } = member.role {
            member.role = Role::Primary {
                timeline: newest.unwrap_or_default() + 1,
                read_only: false,
                wal: Wal { position: received, since: None },
            };
        }
        self.settle(now);
    }

    /// The server follows `source` from now on: a standby is told its new primary, a former primary
    /// is rewound.
    pub fn follow(&mut self, server: ServerIndex, source: ServerIndex, now: Moment) {
        self.settle(now);
        let received = self.members[source].role.position(now);
        let timeline = self.members[source].role.timeline();
        self.members[server].role =
            Role::Standby { timeline, source, received, replay: Replay::Prompt };
    }

    /// Replay of the standby stands still: by `pg_wal_replay_pause()`, or because a query holds it
    /// back.
    pub fn hold_replay(&mut self, server: ServerIndex, paused: bool, now: Moment) {
        self.settle(now);
        if let Role::Standby { received, replay, .. } = &mut self.members[server].role {
            *replay = Replay::Standing { position: *received, since: now, paused };
        }
    }

    /// Replay of the standby goes on, and catches up at once.
    pub fn release_replay(&mut self, server: ServerIndex) {
        if let Role::Standby { replay, .. } = &mut self.members[server].role {
            *replay = Replay::Prompt;
        }
    }

    /// Sets `default_transaction_read_only` of the primary.
    pub fn set_read_only(&mut self, server: ServerIndex, on: bool, now: Moment) {
        self.settle(now);
        if let Role::Primary { read_only, .. } = &mut self.members[server].role {
            *read_only = on;
        }
        self.settle(now);
    }

    /// Sets the password of every role on that server.
    pub fn set_password(&mut self, server: ServerIndex, password: &str) {
        self.members[server].password = password.into();
    }

    /// The password that the server asks for.
    pub fn password(&self, server: ServerIndex) -> &str {
        &self.members[server].password
    }

    /// How the server's process is at `now`.
    pub fn condition(&self, server: ServerIndex, now: Moment) -> Condition {
        match self.members[server].condition {
            Condition::Starting(until) if until <= now => Condition::Running,
            other => other,
        }
    }

    /// What the server says of itself at `now`, if it is asked and answers.
    pub fn facts(&self, server: ServerIndex, now: Moment) -> PostgresFacts {
        let (role, sessions) = match self.members[server].role {
            Role::Primary { timeline, read_only, wal } => {
                let position = Position::lsn(wal.position(now));
                (PostgresRole::Primary { read_only, timeline, position }, PRIMARY_SESSIONS)
            }
            Role::Standby { .. } => (self.standby(server, now), STANDBY_SESSIONS),
        };
        PostgresFacts {
            system_identifier: SYSTEM_IDENTIFIER,
            role,
            sessions: Some(sessions),
            heartbeat: Heartbeat::NotTried,
        }
    }

    fn standby(&self, server: ServerIndex, now: Moment) -> PostgresRole {
        let received = self.received(server, now);
        let sender = self.sender(server, now);
        let role = &self.members[server].role;
        let replay = match *role {
            Role::Standby { replay, .. } => replay,
            Role::Primary { .. } => Replay::Prompt,
        };
        let (replayed, age, paused) = match replay {
            Replay::Prompt => (received, Duration::ZERO, false),
            Replay::Standing { position, since, paused } => (position, now.since(since), paused),
        };
        PostgresRole::Standby {
            receiver: if sender.is_some() { Receiver::Streaming } else { Receiver::Absent },
            timeline: sender.map(|sender| sender.role.timeline()),
            recovery_timeline: Some(role.timeline()),
            received: Some(Position::lsn(received)),
            heard: None,
            replayed: Some(Position::lsn(replayed)),
            replay_age: Some(age),
            paused,
            apply_delay: Duration::ZERO,
            sender: sender.map(|sender| Endpoint {
                host: sender.address.ip().to_string().into(),
                port: sender.address.port(),
            }),
        }
    }

    /// The primary that the standby receives from at `now`. A frozen one is still connected.
    fn sender(&self, server: ServerIndex, now: Moment) -> Option<&Member> {
        let Role::Standby { source, timeline, received, .. } = self.members[server].role else {
            return None;
        };
        let sender = &self.members[source];
        let present = matches!(self.condition(source, now), Condition::Running | Condition::Frozen);
        let leads = matches!(sender.role, Role::Primary { .. })
            && sender.role.timeline() >= timeline
            && sender.role.position(now) >= received;
        (present && leads).then_some(sender)
    }

    /// Octets of WAL that the standby has at `now`.
    fn received(&self, server: ServerIndex, now: Moment) -> u64 {
        self.sender(server, now).map_or_else(
            || self.members[server].role.position(now),
            |sender| sender.role.position(now),
        )
    }

    fn set_condition(&mut self, server: ServerIndex, condition: Condition, now: Moment) {
        self.settle(now);
        self.members[server].condition = condition;
        self.settle(now);
    }

    /// Writes down what the time until `now` has come to, and who writes from now on.
    fn settle(&mut self, now: Moment) {
        for index in self.members.indices() {
            let reached = self.received(index, now);
            let newest = self.sender(index, now).map(|sender| sender.role.timeline());
            if let Role::Standby { received, timeline, .. } = &mut self.members[index].role {
                *received = reached;
                *timeline = newest.unwrap_or(*timeline);
            }
        }
        for member in &mut self.members {
            let starts_writing = match member.condition {
                Condition::Running => Some(now),
                Condition::Starting(until) => Some(until.max(now)),
                Condition::Stopped | Condition::Frozen => None,
            };
            if let Role::Primary { read_only, wal, .. } = &mut member.role {
                let position = wal.position(now);
                *wal = Wal { position, since: starts_writing.filter(|_| !*read_only) };
            }
        }
    }
}

impl Role {
    fn timeline(&self) -> u32 {
        match self {
            Self::Primary { timeline, .. } | Self::Standby { timeline, .. } => *timeline,
        }
    }

    /// Where a primary writes at `now`; how far a standby had come at the last event.
    fn position(&self, now: Moment) -> u64 {
        match self {
            Self::Primary { wal, .. } => wal.position(now),
            Self::Standby { received, .. } => *received,
        }
    }
}

impl Wal {
    fn position(&self, now: Moment) -> u64 {
        let written = self.since.map_or(Duration::ZERO, |since| now.since(since));
        let octets = written.as_micros() * u128::from(OCTETS_PER_SECOND) / 1_000_000;
        self.position + u64::try_from(octets).unwrap_or(u64::MAX)
    }
}

/// What all members have in common.
const SYSTEM_IDENTIFIER: u64 = 7_319_245_698_132_145_678;

/// Where the story begins.
const WAL_START: u64 = 0x16_B374_D848;

/// So much that two probes never see the same position.
const OCTETS_PER_SECOND: u64 = 1 << 20;

/// Client sessions of a primary.
const PRIMARY_SESSIONS: u32 = 12;

/// Client sessions of a standby.
const STANDBY_SESSIONS: u32 = 7;

#[cfg(test)]
mod tests {
    use super::*;

    const DB1: ServerIndex = ServerIndex::new(0);
    const DB2: ServerIndex = ServerIndex::new(1);
    const DB3: ServerIndex = ServerIndex::new(2);

    fn at(millis: u64) -> Moment {
        Moment::from_millis(millis)
    }

    /// Three servers in service since the start.
    fn running() -> Cluster {
        let address = |last: u8| SocketAddr::from(([127, 26, 0, last], 5432));
        Cluster::new(&[address(1), address(2), address(3)], "secret", at(0))
    }

    fn primary(cluster: &Cluster, server: ServerIndex, now: Moment) -> (u32, u64) {
        match cluster.facts(server, now).role {
            PostgresRole::Primary { timeline, position, .. } => (timeline, position.offset),
            other @ PostgresRole::Standby { .. } => panic!("{other:?}"),
        }
    }

    /// Receiver, timeline, received and replayed.
    fn standby(
        cluster: &Cluster,
        server: ServerIndex,
        now: Moment,
    ) -> (Receiver, Option<u32>, u64, u64) {
        match cluster.facts(server, now).role {
            PostgresRole::Standby { receiver, timeline, received, replayed, .. } => {
                let offset = |position: Option<Position>| position.expect("a position").offset;
                (receiver, timeline, offset(received), offset(replayed))
            }
            other @ PostgresRole::Primary { .. } => panic!("{other:?}"),
        }
    }

    #[test]
    fn standbys_keep_up_with_a_primary_that_writes() {
        let cluster = running();
        let (timeline, position) = primary(&cluster, DB1, at(1000));
        assert_eq!((timeline, position), (1, WAL_START + OCTETS_PER_SECOND));
        let streaming = (Receiver::Streaming, Some(1), position, position);
        assert_eq!(standby(&cluster, DB2, at(1000)), streaming);
        assert_eq!(standby(&cluster, DB3, at(1000)), streaming);
    }

    #[test]
    fn a_server_that_starts_is_in_service_a_moment_later() {
        let mut cluster = running();
        cluster.stop(DB1, at(1000));
        assert_eq!(cluster.condition(DB1, at(5000)), Condition::Stopped);
        cluster.start(DB1, at(5000));
        let up = at(5000) + STARTUP;
        assert_eq!(cluster.condition(DB1, at(5001)), Condition::Starting(up));
        assert_eq!(standby(&cluster, DB2, at(5001)).0, Receiver::Absent);
        assert_eq!(cluster.condition(DB1, up), Condition::Running);
        assert_eq!(standby(&cluster, DB2, up).0, Receiver::Streaming);
        assert_eq!(primary(&cluster, DB1, up).1, WAL_START + OCTETS_PER_SECOND);
    }

    #[test]
    fn replay_that_is_held_stands_while_reception_goes_on() {
        let mut cluster = running();
        cluster.hold_replay(DB3, false, at(1000));
        let (_, stands) = primary(&cluster, DB1, at(1000));
        let (receiver, _, received, replayed) = standby(&cluster, DB3, at(3000));
        assert_eq!((receiver, replayed), (Receiver::Streaming, stands));
        assert_eq!(received, primary(&cluster, DB1, at(3000)).1);
        cluster.release_replay(DB3);
        let (_, _, received, replayed) = standby(&cluster, DB3, at(3000));
        assert_eq!(received, replayed);
    }

    #[test]
    fn a_crash_cuts_the_stream_and_a_promotion_starts_a_timeline() {
        let mut cluster = running();
        cluster.stop(DB1, at(1000));
        let end = WAL_START + OCTETS_PER_SECOND;
        assert_eq!(standby(&cluster, DB2, at(9000)), (Receiver::Absent, None, end, end));
        cluster.promote(DB2, at(9000));
        assert_eq!(primary(&cluster, DB2, at(9000)), (2, end));
        assert_eq!(standby(&cluster, DB3, at(9500)).0, Receiver::Absent, "it has not been told");
        cluster.follow(DB3, DB2, at(9500));
        let (receiver, timeline, received, _) = standby(&cluster, DB3, at(10_000));
        assert_eq!((receiver, timeline), (Receiver::Streaming, Some(2)));
        assert_eq!(received, primary(&cluster, DB2, at(10_000)).1);
    }

    #[test]
    fn a_stale_primary_writes_on_its_own_timeline_until_it_is_rewound() {
        let mut cluster = running();
        cluster.stop(DB1, at(1300));
        cluster.promote(DB2, at(1300));
        cluster.start(DB1, at(2000));
        let (timeline, returned) = primary(&cluster, DB1, at(2300));
        assert_eq!(timeline, 1);
        assert!(primary(&cluster, DB1, at(3000)).1 > returned);
        cluster.follow(DB1, DB2, at(3000));
        let (receiver, timeline, received, _) = standby(&cluster, DB1, at(4000));
        assert_eq!((receiver, timeline), (Receiver::Streaming, Some(2)));
        assert_eq!(received, primary(&cluster, DB2, at(4000)).1);
    }

    #[test]
    fn a_primary_that_stands_still_writes_nothing() {
        let mut cluster = running();
        let stands = |cluster: &mut Cluster| {
            let (_, before) = primary(cluster, DB1, at(2000));
            assert_eq!(primary(cluster, DB1, at(5000)).1, before);
        };
        cluster.freeze(DB1, at(2000));
        stands(&mut cluster);
        assert_eq!(standby(&cluster, DB2, at(5000)).0, Receiver::Streaming, "TCP knows nothing");
        cluster.thaw(DB1, at(2000));
        cluster.set_read_only(DB1, true, at(2000));
        stands(&mut cluster);
        cluster.set_read_only(DB1, false, at(2000));
        assert!(primary(&cluster, DB1, at(5000)).1 > primary(&cluster, DB1, at(2000)).1);
    }
}
