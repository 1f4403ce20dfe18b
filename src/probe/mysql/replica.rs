//! Replication channels from the rows of SHOW REPLICA STATUS and its older and MariaDB spellings.
//!
//! The columns are the same under two sets of names: `Source_*`, `Replica_*` since MySQL 8.0.22,
//! `Master_*`, `Slave_*` before and always in MariaDB (manuals, "SHOW REPLICA STATUS", "SHOW ALL
//! SLAVES STATUS").
//!
//! Group Replication's own channels are left out: they belong to the group, which is judged by its
//! membership, and their rows name no source.

use std::{str::FromStr, time::Duration};

use super::{
    error::garbled,
    reply::{Record, Reply},
};
use crate::engine::{Channel, Domains, Endpoint, Failure, IoThread, Position, SourceId};

/// Reads every channel.
///
/// # Errors
/// A `Garbled` failure when a row lacks the state of its threads or has a number that is none.
pub fn channels(reply: &Reply) -> Result<Vec<Channel>, Failure> {
    reply.rows().filter(|row| !is_of_group(row)).map(|row| channel(&row)).collect()
}

fn is_of_group(row: &Record<'_>) -> bool {
    matches!(
        row.text(&["Channel_Name"]),
        Some("group_replication_applier" | "group_replication_recovery")
    )
}

fn channel(row: &Record<'_>) -> Result<Channel, Failure> {
    Ok(Channel {
        name: row.text(&["Channel_Name", "Connection_name"]).unwrap_or_default().into(),
        source: source(row)?,
        io: io_thread(row)?,
        sql_running: sql_running(row)?,
        sql_errno: number(row, &["Last_SQL_Errno"])?.unwrap_or(0),
        received: position(
            row,
            &["Source_Log_File", "Master_Log_File"],
            &["Read_Source_Log_Pos", "Read_Master_Log_Pos"],
        )?,
        applied: position(
            row,
            &["Relay_Source_Log_File", "Relay_Master_Log_File"],
            &["Exec_Source_Log_Pos", "Exec_Master_Log_Pos"],
        )?,
        seconds_behind: seconds_behind(row)?,
        delay: Duration::from_secs(number(row, &["SQL_Delay"])?.unwrap_or(0)),
        heartbeats: number(row, &["Slave_received_heartbeats"])?,
        domains: domains(row)?,
    })
}

/// At most one of the two lists is set.
fn domains(row: &Record<'_>) -> Result<Domains, Failure> {
    let only = numbers(row, "Replicate_Do_Domain_Ids")?;
    let not = numbers(row, "Replicate_Ignore_Domain_Ids")?;
    Ok(match (only.is_empty(), not.is_empty()) {
        (false, _) => Domains::Only(only),
        (true, false) => Domains::AllBut(not),
        (true, true) => Domains::All,
    })
}

/// A list of numbers between commas or spaces.
fn numbers(row: &Record<'_>, name: &str) -> Result<Box<[u32]>, Failure> {
    let text = row.text(&[name]).unwrap_or_default();
    let parts = text.split([',', ' ']).filter(|part| !part.is_empty());
    let number = |part: &str| part.parse().map_err(|_| garbled(format!("{name} is {text:?}")));
    parts.map(number).collect()
}

fn source(row: &Record<'_>) -> Result<SourceId, Failure> {
    Ok(SourceId {
        uuid: row
            .text(&["Source_UUID", "Master_UUID"])
            .filter(|uuid| !uuid.is_empty())
            .map(Into::into),
        server_id: number(row, &["Source_Server_Id", "Master_Server_Id"])?.unwrap_or(0),
        endpoint: Endpoint {
            host: row.text(&["Source_Host", "Master_Host"]).unwrap_or_default().into(),
            port: number(row, &["Source_Port", "Master_Port"])?.unwrap_or(0),
        },
    })
}

/// `Connecting`, and MariaDB's `Preparing` before it, are not `Yes`.
fn io_thread(row: &Record<'_>) -> Result<IoThread, Failure> {
    match row.text(&["Replica_IO_Running", "Slave_IO_Running"]) {
        Some("Yes") => Ok(IoThread::Running),
        Some("Connecting" | "Preparing") => Ok(IoThread::Connecting),
        Some("No") => Ok(IoThread::Stopped),
        odd => Err(garbled(format!("IO thread running: {odd:?}"))),
    }
}

fn sql_running(row: &Record<'_>) -> Result<bool, Failure> {
    match row.text(&["Replica_SQL_Running", "Slave_SQL_Running"]) {
        Some("Yes") => Ok(true),
        Some("No") => Ok(false),
        odd => Err(garbled(format!("SQL thread running: {odd:?}"))),
    }
}

/// NULL unless both threads run. Clocks that disagree may make it negative, which means no delay.
fn seconds_behind(row: &Record<'_>) -> Result<Option<u64>, Failure> {
    let seconds: Option<i64> = number(row, &["Seconds_Behind_Source", "Seconds_Behind_Master"])?;
    Ok(seconds.map(|seconds| u64::try_from(seconds).unwrap_or(0)))
}

/// The file name is empty until the first connect.
fn position(row: &Record<'_>, file: &[&str], offset: &[&str]) -> Result<Option<Position>, Failure> {
    let Some(file) = row.text(file).filter(|file| !file.is_empty()) else {
        return Ok(None);
    };
    let Some(offset) = number(row, offset)? else {
        return Ok(None);
    };
    Ok(Position::parse_binlog(file, offset))
}

/// The number in the first of `names`; `None` for NULL, empty text and absent columns.
fn number<T: FromStr>(row: &Record<'_>, names: &[&str]) -> Result<Option<T>, Failure> {
    row.text(names)
        .filter(|text| !text.is_empty())
        .map(|text| text.parse().map_err(|_| garbled(format!("{} is {text:?}", names[0]))))
        .transpose()
}

#[cfg(test)]
mod tests;
