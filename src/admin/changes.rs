//! `GET /v1/audit`: what people have changed, out of the audit file.

use axum::{extract::State, http::StatusCode, response::Response};
use serde::Deserialize;
use tokio::task::spawn_blocking;

use super::{
    Operations,
    audit::last,
    caller::Caller,
    events::{how_many, time},
    rejection::Rejection,
    reply::json,
    request::QueryOf,
};
use crate::{
    api::{AuditEntry, AuditLog, Refused},
    wall_time::WallTime,
};

/// The query of `GET /v1/audit`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuditQuery {
    since: Option<String>,
    limit: Option<usize>,
}

/// The last changes by people, oldest first, as the audit file has them.
#[utoipa::path(
    get, path = "/v1/audit", tag = "look",
    params(
        ("since" = Option<String>, Query, description = "A time (RFC 3339), or how long ago: `1h`"),
        ("limit" = Option<usize>, Query, description = "The newest; 100 unless said, at most 1000"),
    ),
    responses(
        (status = 200, description = "The changes", body = AuditLog),
        (status = 400, description = "The query cannot be understood", body = Refused),
        (status = 409, description = "There is no audit file", body = Refused),
        (status = 503, description = "The file cannot be read", body = Refused),
    ),
    security((), ("token" = [])),
)]
pub async fn changes(
    State(operations): State<Operations>,
    caller: Caller,
    QueryOf(AuditQuery { since, limit }): QueryOf<AuditQuery>,
) -> Result<Response, Rejection> {
    caller.check_all()?;
    let since = since.as_deref().map(time).transpose()?;
    let limit = how_many(limit)?;
    let audit = operations.audit();
    let Some(path) = audit.path() else {
        let error = "no audit file is kept; set `audit_file` in [admin], and restart";
        return Err(Rejection::new(StatusCode::CONFLICT, error));
    };
    let path = path.to_owned();
    let wanted = move |entry: &AuditEntry| {
        since.is_none_or(|since| WallTime::parse(&entry.at).is_none_or(|at| at >= since))
    };
    // A file may be on a disk that hangs.
    let turn = operations.question_turn().await?;
    let read = spawn_blocking(move || {
        let read = last(&path, limit, wanted);
        drop(turn);
        read
    });
    let log = operations.within(async { Ok::<_, Rejection>(read.await) }).await?;
    let error = match log {
        Ok(Ok(log)) => return Ok(json(StatusCode::OK, &log)),
        Ok(Err(error)) => error.to_string(),
        Err(error) => error.to_string(),
    };
    Err(Rejection::unavailable(format!("the audit file cannot be read: {error}")))
}
