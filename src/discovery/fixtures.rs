//! Facts of PostgreSQL servers that tests play.

use std::time::Duration;

use crate::engine::{Endpoint, Facts, Heartbeat, Position, PostgresFacts, PostgresRole, Receiver};

/// A writable primary of this system, on this timeline.
pub fn primary(system_identifier: u64, timeline: u32) -> Facts {
    let position = Position::lsn(100);
    postgres(system_identifier, PostgresRole::Primary { read_only: false, timeline, position })
}

/// A standby that receives from `sender`.
pub fn standby(
    system_identifier: u64,
    timeline: u32,
    receiver: Receiver,
    sender: Option<Endpoint>,
) -> Facts {
    let role = PostgresRole::Standby {
        receiver,
        timeline: Some(timeline),
        recovery_timeline: Some(timeline),
        received: None,
        heard: None,
        replayed: None,
        replay_age: None,
        paused: false,
        apply_delay: Duration::ZERO,
        sender,
    };
    postgres(system_identifier, role)
}

fn postgres(system_identifier: u64, role: PostgresRole) -> Facts {
    let (sessions, heartbeat) = (None, Heartbeat::NotTried);
    Facts::Postgres(PostgresFacts { system_identifier, role, sessions, heartbeat })
}
