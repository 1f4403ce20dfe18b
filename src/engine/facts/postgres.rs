//! What a PostgreSQL server said of itself.

use std::time::Duration;

use super::{endpoint::Endpoint, heartbeat::Heartbeat};
use crate::engine::Position;

/// One probe of a PostgreSQL server, 12 or newer.
#[derive(Clone, Debug, PartialEq)]
pub struct PostgresFacts {
    /// `pg_control_system().system_identifier`: equal on all members of a cluster, also on a forked
    /// one.
    pub system_identifier: u64,
    /// Primary or standby, with what belongs to each.
    pub role: PostgresRole,
    /// Client backends, the probe's own left out; `None` without the right to count them.
    pub sessions: Option<u32>,
    /// The heartbeat write, on a primary and when it is switched on.
    pub heartbeat: Heartbeat,
}

impl PostgresFacts {
    /// The timeline that a primary writes on.
    pub(in crate::engine) fn primary_timeline(&self) -> Option<u32> {
        match self.role {
            PostgresRole::Primary { timeline, .. } => Some(timeline),
            PostgresRole::Standby { .. } => None,
        }
    }

    /// The timeline that a standby has come to: that which it receives, or at least that of its
    /// control file.
    pub(in crate::engine) fn standby_timeline(&self) -> Option<u32> {
        match self.role {
            PostgresRole::Standby { timeline, recovery_timeline, .. } => {
                timeline.max(recovery_timeline)
            }
            PostgresRole::Primary { .. } => None,
        }
    }

    /// How far a standby has come: what it has replayed, or received where that is more.
    pub(in crate::engine) fn standby_position(&self) -> Option<Position> {
        match self.role {
            PostgresRole::Standby { replayed, received, .. } => replayed.max(received),
            PostgresRole::Primary { .. } => None,
        }
    }

    /// The timeline that an attached standby receives, if it tells.
    pub(in crate::engine) fn received_timeline(&self) -> Option<u32> {
        match self.role {
            PostgresRole::Standby { timeline, .. } if self.is_attached() => timeline,
            _ => None,
        }
    }

    /// Whether it is a standby that may be taken as attached to a sender.
    pub(in crate::engine) fn is_attached(&self) -> bool {
        matches!(self.role, PostgresRole::Standby { receiver, .. } if receiver.is_attached())
    }
}

/// `pg_is_in_recovery()` decides which.
#[derive(Clone, Debug, PartialEq)]
pub enum PostgresRole {
    /// Not in recovery.
    Primary {
        /// `transaction_read_only` is on: the server refuses writes in an ordinary session.
        read_only: bool,
        /// From the name of the WAL segment being written, never from the control file, which keeps
        /// the old timeline until the first checkpoint after a promotion.
        timeline: u32,
        /// `pg_current_wal_lsn()`.
        position: Position,
    },
    /// In recovery.
    Standby {
        /// The WAL receiver process.
        receiver: Receiver,
        /// `received_tli` of the WAL receiver: the timeline that it receives, or received last.
        /// `None` without a receiver or the right to see it.
        timeline: Option<u32>,
        /// `min_recovery_end_timeline` of the control file: it has replayed at least up to this
        /// timeline. Written at restart points only, so it never says that a later one was left out.
        recovery_timeline: Option<u32>,
        /// `pg_last_wal_receive_lsn()`; `None` when WAL came only from an archive.
        received: Option<Position>,
        /// `last_msg_receipt_time` of the WAL receiver, in microseconds of the standby's own clock:
        /// good for telling whether anything has come since, WAL or a keepalive, and for nothing
        /// else. `None` without a receiver or the right to see it.
        heard: Option<u64>,
        /// `pg_last_wal_replay_lsn()`.
        replayed: Option<Position>,
        /// Age of the last replayed commit by the standby's own clock. It grows for ever on an idle
        /// primary, so it is only a hint for a standby that is known to be behind.
        replay_age: Option<Duration>,
        /// `pg_is_wal_replay_paused()`.
        paused: bool,
        /// `recovery_min_apply_delay`.
        apply_delay: Duration,
        /// `sender_host` and `sender_port` of the WAL receiver; `None` without the right to see
        /// them.
        sender: Option<Endpoint>,
    },
}

/// The state of a standby's WAL receiver process (`pg_stat_wal_receiver`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Receiver {
    /// `status` is `streaming`.
    Streaming,
    /// A row is there but its `status` is hidden from the probe's role.
    Hidden,
    /// A row with another status: `starting`, `waiting`, `restarting`, `stopping`.
    NotStreaming,
    /// No row: there is no receiver process.
    Absent,
}

impl Receiver {
    /// Whether the standby may be taken as attached to a sender.
    pub fn is_attached(self) -> bool {
        matches!(self, Self::Streaming | Self::Hidden)
    }
}
