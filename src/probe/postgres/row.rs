//! The reply to the one question, from texts to facts. Pure.
//!
//! A row counts only as a whole: exactly the columns that were asked for, each with a text that can
//! be what it claims to be, and everything that its role needs. Anything else is `Garbled`; there
//! is no default that would make a primary of an odd row.

use std::{str::FromStr, time::Duration};

use super::sql::COLUMNS;
use crate::engine::{
    Endpoint, Failure, FailureKind, Heartbeat, Position, PostgresFacts, PostgresRole, Receiver,
};

/// Reads a row, given as names and texts in the order in which the server sent them; `None` is
/// NULL.
pub fn facts(row: &[(&str, Option<&str>)]) -> Result<PostgresFacts, Failure> {
    let names = row.iter().map(|(name, _)| *name);
    if !names.eq(COLUMNS) {
        return Err(garbled("other columns than were asked for"));
    }
    let row = Row(row);
    let role = if row.required("in_recovery", truth)? { standby(&row)? } else { primary(&row)? };
    Ok(PostgresFacts {
        system_identifier: row.required("system_identifier", number::<i64>)?.cast_unsigned(),
        role,
        sessions: row.optional("sessions", number)?,
        heartbeat: Heartbeat::NotTried,
    })
}

fn primary(row: &Row<'_>) -> Result<PostgresRole, Failure> {
    Ok(PostgresRole::Primary {
        read_only: row.required("read_only", truth)?,
        timeline: row.required("timeline", timeline_of_segment)?,
        position: row.required("wal_lsn", Position::parse_lsn)?,
    })
}

fn standby(row: &Row<'_>) -> Result<PostgresRole, Failure> {
    let receiver = match (row.required("receiver", truth)?, row.optional("receiver_status", Some)?)
    {
        (false, _) => Receiver::Absent,
        (true, None) => Receiver::Hidden,
        (true, Some("streaming")) => Receiver::Streaming,
        (true, Some(_)) => Receiver::NotStreaming,
    };
    let received_timeline = row.optional("received_timeline", number)?;
    let recovery_timeline = row.optional("recovery_timeline", number)?;
    let host = row.optional("sender_host", Some)?;
    let port = row.optional("sender_port", number)?;
    Ok(PostgresRole::Standby {
        receiver,
        timeline: received_timeline.filter(|timeline| *timeline != 0),
        // Zero is the control file's word for "none yet".
        recovery_timeline: recovery_timeline.filter(|timeline| *timeline != 0),
        received: row.optional("receive_lsn", Position::parse_lsn)?,
        heard: row.optional("heard", number)?,
        replayed: row.optional("replay_lsn", Position::parse_lsn)?,
        replay_age: row.optional("replay_age", seconds)?,
        paused: row.required("paused", truth)?,
        apply_delay: row.required("apply_delay", setting)?,
        sender: host.zip(port).map(|(host, port)| Endpoint { host: host.into(), port }),
    })
}

/// A row with the right columns.
struct Row<'a>(&'a [(&'a str, Option<&'a str>)]);

impl<'a> Row<'a> {
    fn optional<T>(
        &self,
        name: &str,
        parse: impl Fn(&'a str) -> Option<T>,
    ) -> Result<Option<T>, Failure> {
        let (_, text) =
            self.0.iter().find(|(column, _)| *column == name).expect("the columns were checked");
        match text {
            None => Ok(None),
            Some(text) => match parse(text) {
                Some(value) => Ok(Some(value)),
                None => Err(garbled(&format!("{name} is {text:?}"))),
            },
        }
    }

    fn required<T>(&self, name: &str, parse: impl Fn(&'a str) -> Option<T>) -> Result<T, Failure> {
        self.optional(name, parse)?.ok_or_else(|| garbled(&format!("{name} is NULL")))
    }
}

fn garbled(what: &str) -> Failure {
    Failure::new(FailureKind::Garbled, format!("odd reply: {what}"))
}

fn truth(text: &str) -> Option<bool> {
    match text {
        "t" => Some(true),
        "f" => Some(false),
        _ => None,
    }
}

fn number<T: FromStr>(text: &str) -> Option<T> {
    text.parse().ok()
}

/// The first eight digits of a WAL segment's name.
fn timeline_of_segment(text: &str) -> Option<u32> {
    if text.len() != 8 || !text.bytes().all(|octet| octet.is_ascii_hexdigit()) {
        return None;
    }
    u32::from_str_radix(text, 16).ok().filter(|timeline| *timeline != 0)
}

/// Seconds with a fraction; a clock that was set back makes them negative, which counts as none.
fn seconds(text: &str) -> Option<Duration> {
    let seconds: f64 = number(text)?;
    if seconds.is_nan() {
        return None;
    }
    Duration::try_from_secs_f64(seconds.max(0.0)).ok()
}

/// A time setting as the server shows it: a whole number and its unit, without one when it is 0
/// (PostgreSQL manual, 20.1.1).
fn setting(text: &str) -> Option<Duration> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (amount, unit) = text.split_at(digits);
    let amount: u64 = number(amount)?;
    let micros = match unit {
        "us" => 1,
        // Without a unit it is in the setting's own, which is milliseconds.
        "" | "ms" => 1_000,
        "s" => 1_000_000,
        "min" => 60 * 1_000_000,
        "h" => 3_600 * 1_000_000,
        "d" => 86_400 * 1_000_000,
        _ => return None,
    };
    amount.checked_mul(micros).map(Duration::from_micros)
}

#[cfg(test)]
mod tests;
