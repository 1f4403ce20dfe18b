//! What the probe of a PostgreSQL server of the model finds.

use pointsman::engine::{Endpoint, Position, PostgresFacts, PostgresRole, Receiver};

use super::{World, address, endpoint, host::Role};

impl World {
    pub(super) fn postgres_facts(&self, index: usize) -> PostgresFacts {
        let host = &self.hosts[index];
        let role = match host.role {
            Role::Primary => PostgresRole::Primary {
                read_only: host.read_only,
                timeline: host.history.timeline(),
                position: Position::lsn(host.history.length()),
            },
            Role::Standby { of } => self.standby(index, of),
        };
        let system_identifier = host.system;
        PostgresFacts { system_identifier, role, sessions: None, heartbeat: self.heartbeat(index) }
    }

    fn standby(&self, index: usize, of: usize) -> PostgresRole {
        let host = &self.hosts[index];
        let attached = self.is_attached(index);
        let visible = attached && !host.hidden;
        let timeline = host.received_timeline.unwrap_or_else(|| host.history.timeline());
        PostgresRole::Standby {
            receiver: match (attached, host.hidden) {
                (true, false) => Receiver::Streaming,
                (true, true) => Receiver::Hidden,
                (false, _) => Receiver::Absent,
            },
            timeline: Some(timeline).filter(|_| visible),
            recovery_timeline: Some(
                host.control_timeline.unwrap_or_else(|| host.history.timeline()),
            ),
            received: Some(Position::lsn(host.history.length())).filter(|_| !host.archive),
            heard: Some(host.heard).filter(|_| !host.archive && !host.hidden),
            replayed: Some(Position::lsn(host.replayed)),
            replay_age: None,
            paused: host.paused,
            apply_delay: host.delay,
            sender: self.sender(index, of).filter(|_| !host.archive && !host.hidden),
        }
    }

    fn sender(&self, index: usize, of: usize) -> Option<Endpoint> {
        Some(match self.hosts[index].stray {
            Some(_) => endpoint(super::OUTSIDE),
            None => endpoint(address(of)),
        })
    }
}
