//! What the probe of a MySQL or MariaDB server of the model finds.

use std::time::Duration;

use pointsman::engine::{
    Channel, Domains, Flavour, IoThread, MySqlFacts, MySqlIdentity, Position, SourceId, Writability,
};

use super::{Breed, World, address, endpoint, gtid::SIDE_DOMAIN, host::Role};

impl World {
    pub(super) fn mysql_facts(&self, index: usize) -> MySqlFacts {
        let host = &self.hosts[index];
        MySqlFacts {
            flavour: match self.breed {
                Breed::MySql | Breed::Group => Flavour::MySql,
                _ => Flavour::MariaDb,
            },
            identity: MySqlIdentity { uuid: self.uuid(index), server_id: host.server_id },
            writability: self.writability(index),
            channels: (!host.hidden).then(|| self.channels(index)),
            gtid: self.gtid(index),
            position: coordinate(host.history.length() - host.reset_at.min(host.history.length())),
            group: host.group.as_ref().map(|member| self.group_facts(index, member)),
            sessions: None,
            heartbeat: self.heartbeat(index),
        }
    }

    fn writability(&self, index: usize) -> Writability {
        let host = &self.hosts[index];
        let follows = host.group.as_ref().is_some_and(|member| !member.may_write());
        match (host.read_only, follows && self.breed == Breed::Group) {
            (_, true) => Writability::SuperReadOnly,
            (true, _) => Writability::ReadOnly,
            (false, _) => Writability::Writable,
        }
    }

    fn channels(&self, index: usize) -> Vec<Channel> {
        let host = &self.hosts[index];
        let attached = match host.role {
            _ if host.group.is_some() => false,
            Role::Primary => host.ring_of.is_some_and(|of| self.hosts[of].runs()),
            Role::Standby { .. } => self.is_attached(index),
        };
        let source = match host.role {
            _ if host.group.is_some() => None,
            Role::Primary => host.ring_of,
            Role::Standby { of } => Some(of),
        };
        let mut channels: Vec<_> = source.map(|of| self.channel(index, of)).into_iter().collect();
        for channel in &mut channels {
            channel.io = if attached { IoThread::Running } else { IoThread::Connecting };
            channel.seconds_behind = (attached && !host.broken).then(|| self.own_lag(index));
            if host.stopped {
                (channel.io, channel.sql_running) = (IoThread::Stopped, false);
            }
        }
        channels.extend(host.second.map(|of| {
            let io = if self.hosts[of].runs() { IoThread::Running } else { IoThread::Connecting };
            Channel {
                name: "second".into(),
                io,
                sql_running: true,
                sql_errno: 0,
                seconds_behind: self.hosts[of].runs().then(|| self.own_lag(index)),
                ..self.channel(index, of)
            }
        }));
        channels.extend(
            host.left_channel.map(|of| Channel { sql_running: false, ..self.channel(index, of) }),
        );
        channels.extend(host.outside.map(|outside| Channel {
            name: "mig".into(),
            source: SourceId {
                uuid: None,
                server_id: outside.server_id,
                endpoint: endpoint(super::OUTSIDE),
            },
            io: if outside.running { IoThread::Running } else { IoThread::Stopped },
            sql_running: outside.running,
            sql_errno: 0,
            received: coordinate(outside.received),
            applied: coordinate(outside.received),
            seconds_behind: outside.running.then_some(0),
            delay: Duration::ZERO,
            heartbeats: Some(outside.received),
            domains: Domains::All,
        }));
        channels
    }

    /// The channel from a member, stopped.
    fn channel(&self, index: usize, of: usize) -> Channel {
        let (host, source) = (&self.hosts[index], &self.hosts[of]);
        Channel {
            name: "".into(),
            source: SourceId {
                uuid: self.uuid(of),
                server_id: source.server_id,
                endpoint: endpoint(address(of)),
            },
            io: IoThread::Stopped,
            sql_running: !host.broken,
            sql_errno: if host.broken { 1062 } else { 0 },
            received: coordinate(host.history.length()),
            applied: coordinate(host.replayed),
            seconds_behind: None,
            delay: host.delay,
            heartbeats: Some(host.heard),
            domains: match host.side_ignored {
                true => Domains::AllBut([SIDE_DOMAIN].into()),
                false => Domains::All,
            },
        }
    }

    /// What it shows as its lag: the age of what it applies, by the direct source's clock.
    fn own_lag(&self, index: usize) -> u64 {
        let host = &self.hosts[index];
        host.says_behind.unwrap_or_else(|| {
            let missing = self.journal.written_after(&host.history, host.replayed);
            missing.map_or(0, |written| self.clock.since(written).as_secs())
        })
    }

    fn uuid(&self, index: usize) -> Option<Box<str>> {
        let of = self.hosts[index].uuid_of.unwrap_or(index);
        matches!(self.breed, Breed::MySql | Breed::Group)
            .then(|| uuid(of, self.hosts[of].incarnation).into())
    }
}

/// The uuid of a server as it was installed.
pub(super) fn uuid(server: usize, incarnation: u32) -> String {
    format!("{:08x}-0000-11ef-8000-{server:012x}", incarnation + 1)
}

fn coordinate(offset: u64) -> Option<Position> {
    Some(Position { segment: 1, offset })
}
