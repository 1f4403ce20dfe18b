//! Facts as the texts of the one row that a server answers the probe's question with.
//!
//! The other way round is `probe::postgres::row`; the column table is in `probe::postgres::sql`.

use std::time::Duration;

use crate::{
    engine::{PostgresFacts, PostgresRole, Receiver},
    probe::POSTGRES_COLUMNS,
};

/// The row, in the order of [`POSTGRES_COLUMNS`]; `None` is NULL.
pub fn row(facts: &PostgresFacts) -> [Option<String>; POSTGRES_COLUMNS.len()] {
    // The SQL type is signed, so large identifiers are negative there.
    let identifier = Some(facts.system_identifier.cast_signed().to_string());
    let sessions = facts.sessions.map(|sessions| sessions.to_string());
    match &facts.role {
        PostgresRole::Primary { read_only, timeline, position } => {
            let mut row = [const { None }; POSTGRES_COLUMNS.len()];
            row[0] = identifier;
            row[1] = truth(false);
            row[2] = truth(*read_only);
            row[3] = Some(format!("{timeline:08X}"));
            row[4] = Some(position.to_string());
            row[17] = sessions;
            row
        }
        PostgresRole::Standby {
            receiver,
            timeline,
            recovery_timeline,
            received,
            heard,
            replayed,
            replay_age,
            paused,
            apply_delay,
            sender,
        } => [
            identifier,
            truth(true),
            None,
            None,
            None,
            truth(*receiver != Receiver::Absent),
            status(*receiver).map(str::to_owned),
            timeline.map(|timeline| timeline.to_string()),
            Some(recovery_timeline.unwrap_or(0).to_string()),
            received.map(|position| position.to_string()),
            replayed.map(|position| position.to_string()),
            replay_age.as_ref().map(|age| age.as_secs_f64().to_string()),
            truth(*paused),
            Some(setting(*apply_delay)),
            sender.as_ref().map(|sender| sender.host.to_string()),
            sender.as_ref().map(|sender| sender.port.to_string()),
            heard.map(|micros| micros.to_string()),
            sessions,
        ],
    }
}

fn truth(value: bool) -> Option<String> {
    Some(if value { "t" } else { "f" }.to_owned())
}

fn status(receiver: Receiver) -> Option<&'static str> {
    match receiver {
        Receiver::Streaming => Some("streaming"),
        Receiver::NotStreaming => Some("waiting"),
        Receiver::Hidden | Receiver::Absent => None,
    }
}

/// A time setting as the server shows it (PostgreSQL manual, 20.1.1).
fn setting(delay: Duration) -> String {
    match delay.as_millis() {
        0 => "0".to_owned(),
        millis => format!("{millis}ms"),
    }
}
