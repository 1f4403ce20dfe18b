//! The table of a rehearsal: made before, read and removed after.

use std::{collections::BTreeSet, net::SocketAddr, time::Duration};

use tokio::time::Instant;

use super::{
    beat::Table,
    watch::{Target, error_words},
};
use crate::probe::Visit;

/// What came of looking into the table at the end.
#[derive(Debug, Default)]
pub struct Rows {
    /// Writes that were acknowledged and are not in it.
    pub lost: Option<u64>,
    /// What was left behind, and how to remove it.
    pub left_behind: Option<String>,
}

/// Makes the table on `server`.
///
/// # Errors
/// Why not, and what to do.
pub async fn create(target: &Target, table: &Table, server: SocketAddr) -> Result<(), String> {
    let mut visit = open(target, server).await?;
    let made = visit.rows(&table.create(target.kind), soon()).await;
    visit.leave().await;
    let remove = table.remove(target.kind);
    made.map(|_| ()).map_err(|error| {
        format!(
            "{} may not make the table {table} on {server}: {}; give it the right to, or name \
             another with --table, or leave --table out. A table that an earlier rehearsal has \
             left behind is removed by: {remove};",
            target.login.user,
            error_words(&error)
        )
    })
}

/// Sees whether work could begin on `server`.
///
/// # Errors
/// Why not.
pub async fn check(target: &Target, server: SocketAddr) -> Result<(), String> {
    let mut visit = open(target, server).await?;
    let rows = visit.rows(&target.beat.statement(target.kind, 0), soon()).await;
    visit.leave().await;
    let fault = match &rows {
        Ok(rows) => target.beat.fault(rows).map(str::to_owned),
        Err(error) => Some(error_words(error)),
    };
    fault.map_or(Ok(()), |why| Err(format!("{server} is no server for writes: {why}")))
}

/// Looks which of the `acknowledged` writes are in the table on `server`, and removes it.
pub async fn take_away(
    target: &Target,
    table: &Table,
    server: SocketAddr,
    acknowledged: &BTreeSet<u64>,
) -> Rows {
    let remove = table.remove(target.kind);
    let left =
        |why: &str| Some(format!("the table {table}: {why}; run on the primary: `{remove};`"));
    let mut visit = match open(target, server).await {
        Ok(visit) => visit,
        Err(why) => return Rows { lost: None, left_behind: left(&why) },
    };
    let rows = visit.rows(&table.numbers(target.kind), soon()).await;
    let lost = rows.ok().map(|rows| {
        let numbers = rows.iter().filter_map(|row| row.first()?.as_deref()?.parse().ok());
        let kept: BTreeSet<u64> = numbers.collect();
        u64::try_from(acknowledged.difference(&kept).count()).unwrap_or(u64::MAX)
    });
    let removed = visit.rows(&remove, soon()).await;
    visit.leave().await;
    let left_behind = removed.err().and_then(|error| left(&error_words(&error)));
    Rows { lost, left_behind }
}

async fn open(target: &Target, server: SocketAddr) -> Result<Visit, String> {
    let visit = target.visit(server, soon()).await;
    visit.map_err(|why| {
        format!(
            "cannot work on {server} as {}: {why}; --user, --password-file, --database and --tls \
             say as whom and how",
            target.login.user
        )
    })
}

fn soon() -> Instant {
    Instant::now() + SETTING_UP
}

/// How long each step before and after the watching may take.
const SETTING_UP: Duration = Duration::from_secs(10);
