//! What has happened, and what happens: a list, and a stream of server-sent events.
//!
//! Events are numbered, across restarts. Within one process there are no gaps: whoever sees a jump
//! in the numbers knows that the events between have been forgotten, or that the service was killed.

use axum::{extract::State, http::StatusCode, response::Response};
use serde::Deserialize;

use super::{
    Operations,
    rejection::{Rejection, shown},
    reply::json,
    request::QueryOf,
};
use crate::{
    api::{EventEntry, Events, Refused},
    chronicle::Entry,
    clock, duration,
    report::Sought,
    wall_time::WallTime,
};

/// The query of `GET /v1/events`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EventsQuery {
    since: Option<String>,
    cluster: Option<String>,
    limit: Option<usize>,
}

/// The last changes, oldest first.
#[utoipa::path(
    get, path = "/v1/events", tag = "look",
    params(
        ("since" = Option<String>, Query, description = "A time (RFC 3339), or how long ago: `1h`"),
        ("cluster" = Option<String>, Query, description = "Only of this cluster"),
        ("limit" = Option<usize>, Query, description = "The newest; 100 unless said, at most 1000"),
    ),
    responses(
        (status = 200, description = "The changes", body = Events),
        (status = 400, description = "The query cannot be understood", body = Refused),
        (status = 404, description = "There is no such cluster", body = Refused),
    ),
)]
pub async fn events(
    State(operations): State<Operations>,
    QueryOf(EventsQuery { since, cluster, limit }): QueryOf<EventsQuery>,
) -> Result<Response, Rejection> {
    let since = since.as_deref().map(time).transpose()?;
    if let Some(name) = &cluster {
        known(&operations, name)?;
    }
    let limit = how_many(limit)?;
    let entries = operations.chronicle().entries();
    let wanted = |entry: &&std::sync::Arc<Entry>| {
        since.is_none_or(|since| entry.change.at >= since) && is_of(entry, cluster.as_deref())
    };
    let newest: Vec<_> = entries.iter().rev().filter(wanted).take(limit).collect();
    let events = newest.iter().rev().map(|entry| EventEntry::from(&***entry)).collect();
    Ok(json(StatusCode::OK, &Events { events }))
}

/// Whether an event is of the cluster, or of all of them.
pub fn is_of(entry: &Entry, cluster: Option<&str>) -> bool {
    match (cluster, &entry.change.cluster) {
        (Some(asked), Some(its)) => its.eq_ignore_ascii_case(asked),
        (None, _) | (_, None) => true,
    }
}

/// Refuses a cluster that there is not.
pub fn known(operations: &Operations, name: &str) -> Result<(), Rejection> {
    match operations.cluster_status(name) {
        Some(_) => Ok(()),
        None => Err(operations.unknown(Sought::Cluster, name).into()),
    }
}

/// How many entries are wanted, the newest of them.
pub fn how_many(limit: Option<usize>) -> Result<usize, Rejection> {
    let limit = limit.unwrap_or(USUAL);
    if !(1..=MOST).contains(&limit) {
        return Err(Rejection::bad(format!("`limit` is 1 to {MOST}")));
    }
    Ok(limit)
}

/// A point in time, or how long ago it was.
pub fn time(text: &str) -> Result<WallTime, Rejection> {
    let ago = duration::parse(text).ok().map(|ago| {
        let millis = u64::try_from(ago.as_millis()).unwrap_or(u64::MAX);
        WallTime::from_unix_millis(clock::unix_millis()).earlier(millis)
    });
    ago.or_else(|| WallTime::parse(text)).ok_or_else(|| {
        Rejection::bad(format!(
            "`since` is `{}`; write how long ago, {}, or a time such as 2026-11-21T06:00:00Z",
            shown(text),
            duration::FORM
        ))
    })
}

/// Events of one reply unless somebody says otherwise.
const USUAL: usize = 100;

/// Events of one reply at most: all that are remembered.
const MOST: usize = 1_000;
