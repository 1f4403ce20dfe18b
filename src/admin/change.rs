//! Overrides, laid and ended, and histories that are accepted. The reply comes when the change is in
//! force and saved, or could not be.

use axum::{extract::State, http::StatusCode, response::Response};

use super::{
    Operations,
    asked::{Json, one_line},
    rejection::{Rejection, shown},
    reply::json,
};
use crate::{
    api::{
        Accept, Changed, Drain, End, OverrideKind, OverrideStatus, Pin, Refused, Suspend, Undrain,
    },
    control::{AcceptRequest, Accepted, Laid, LayRequest, OverrideSubject, Signed, Term},
    duration,
};

/// Takes a server out of the read names; by force out of the write name too.
#[utoipa::path(
    post, path = "/v1/drain", tag = "change", request_body = Drain,
    responses(
        (status = 200, description = "It is in force", body = Changed),
        (status = 400, description = "The body is not what it should be", body = Refused),
        (status = 404, description = "There is no such server", body = Refused),
        (status = 409, description = "Not without `force`", body = Refused),
    ),
    security((), ("token" = [])),
)]
pub(super) async fn drain(
    State(operations): State<Operations>,
    Json(wish): Json<Drain>,
) -> Result<Response, Rejection> {
    let Drain { server, force, lasts, forever, author, reason } = wish;
    let subject = OverrideSubject::Drain { cluster: "".into(), server: name("server", server)? };
    let term = term(lasts, forever)?;
    lay(operations, LayRequest { subject, force, signed: signed(&author, &reason)?, term }).await
}

/// Ends the drain of a server.
#[utoipa::path(
    post, path = "/v1/undrain", tag = "change", request_body = Undrain,
    responses(
        (status = 200, description = "It has ended", body = Changed),
        (status = 400, description = "The body is not what it should be", body = Refused),
        (status = 404, description = "There is no such server", body = Refused),
        (status = 409, description = "It is not drained", body = Refused),
    ),
    security((), ("token" = [])),
)]
pub(super) async fn undrain(
    State(operations): State<Operations>,
    Json(Undrain { server, author, reason }): Json<Undrain>,
) -> Result<Response, Rejection> {
    let subject = OverrideSubject::Drain { cluster: "".into(), server: name("server", server)? };
    lift(operations, subject, ended_by(&author, &reason)?).await
}

/// Lets the write name say one server and no other.
#[utoipa::path(
    post, path = "/v1/pin", tag = "change", request_body = Pin,
    responses(
        (status = 200, description = "It is in force", body = Changed),
        (status = 400, description = "The body is not what it should be", body = Refused),
        (status = 404, description = "There is no such cluster or server", body = Refused),
        (status = 409, description = "It is not writable, or of another cluster", body = Refused),
    ),
    security((), ("token" = [])),
)]
pub(super) async fn pin(
    State(operations): State<Operations>,
    Json(wish): Json<Pin>,
) -> Result<Response, Rejection> {
    let Pin { cluster, server, even_if_not_writable: force, lasts, forever, author, reason } = wish;
    let (cluster, server) = (name("cluster", cluster)?, name("server", server)?);
    let subject = OverrideSubject::Pin { cluster, server };
    let term = term(lasts, forever)?;
    lay(operations, LayRequest { subject, force, signed: signed(&author, &reason)?, term }).await
}

/// Ends the pin of a cluster.
#[utoipa::path(
    post, path = "/v1/unpin", tag = "change", request_body = End,
    responses(
        (status = 200, description = "It has ended", body = Changed),
        (status = 400, description = "The body is not what it should be", body = Refused),
        (status = 404, description = "There is no such cluster", body = Refused),
        (status = 409, description = "It is not pinned", body = Refused),
    ),
    security((), ("token" = [])),
)]
pub(super) async fn unpin(
    State(operations): State<Operations>,
    Json(End { cluster, author, reason }): Json<End>,
) -> Result<Response, Rejection> {
    let subject = OverrideSubject::Pin { cluster: name("cluster", cluster)?, server: "".into() };
    lift(operations, subject, ended_by(&author, &reason)?).await
}

/// Lets all names of a cluster say what they say now.
#[utoipa::path(
    post, path = "/v1/freeze", tag = "change", request_body = Suspend,
    responses(
        (status = 200, description = "It is in force", body = Changed),
        (status = 400, description = "The body is not what it should be", body = Refused),
        (status = 404, description = "There is no such cluster", body = Refused),
    ),
    security((), ("token" = [])),
)]
pub(super) async fn freeze(
    State(operations): State<Operations>,
    Json(wish): Json<Suspend>,
) -> Result<Response, Rejection> {
    suspend(operations, wish, |cluster| OverrideSubject::Freeze { cluster }).await
}

/// Ends the freeze of a cluster.
#[utoipa::path(
    post, path = "/v1/thaw", tag = "change", request_body = End,
    responses(
        (status = 200, description = "It has ended", body = Changed),
        (status = 400, description = "The body is not what it should be", body = Refused),
        (status = 404, description = "There is no such cluster", body = Refused),
        (status = 409, description = "It is not frozen", body = Refused),
    ),
    security((), ("token" = [])),
)]
pub(super) async fn thaw(
    State(operations): State<Operations>,
    Json(End { cluster, author, reason }): Json<End>,
) -> Result<Response, Rejection> {
    let subject = OverrideSubject::Freeze { cluster: name("cluster", cluster)? };
    lift(operations, subject, ended_by(&author, &reason)?).await
}

/// Takes a cluster out of service: none of its names has an address.
#[utoipa::path(
    post, path = "/v1/maintenance", tag = "change", request_body = Suspend,
    responses(
        (status = 200, description = "It is in force", body = Changed),
        (status = 400, description = "The body is not what it should be", body = Refused),
        (status = 404, description = "There is no such cluster", body = Refused),
    ),
    security((), ("token" = [])),
)]
pub(super) async fn maintenance(
    State(operations): State<Operations>,
    Json(wish): Json<Suspend>,
) -> Result<Response, Rejection> {
    suspend(operations, wish, |cluster| OverrideSubject::Maintenance { cluster }).await
}

/// Ends the maintenance of a cluster.
#[utoipa::path(
    post, path = "/v1/end-maintenance", tag = "change", request_body = End,
    responses(
        (status = 200, description = "It has ended", body = Changed),
        (status = 400, description = "The body is not what it should be", body = Refused),
        (status = 404, description = "There is no such cluster", body = Refused),
        (status = 409, description = "It is not in maintenance", body = Refused),
    ),
    security((), ("token" = [])),
)]
pub(super) async fn end_maintenance(
    State(operations): State<Operations>,
    Json(End { cluster, author, reason }): Json<End>,
) -> Result<Response, Rejection> {
    let subject = OverrideSubject::Maintenance { cluster: name("cluster", cluster)? };
    lift(operations, subject, ended_by(&author, &reason)?).await
}

/// Makes the history of one server the cluster's from now on.
#[utoipa::path(
    post, path = "/v1/accept", tag = "change", request_body = Accept,
    responses(
        (status = 200, description = "It is the cluster's history", body = Changed),
        (status = 400, description = "The body is not what it should be", body = Refused),
        (status = 404, description = "There is no such cluster or server", body = Refused),
        (
            status = 409, body = Refused,
            description = "It does not answer, is of another cluster, or shows no history"
        ),
    ),
    security((), ("token" = [])),
)]
pub(super) async fn accept(
    State(operations): State<Operations>,
    Json(Accept { cluster, server, author, reason }): Json<Accept>,
) -> Result<Response, Rejection> {
    let (cluster, server) = (name("cluster", cluster)?, name("server", server)?);
    let request = AcceptRequest { cluster, server, signed: signed(&author, &reason)? };
    let accepted = operations.within(operations.control().accept(request)).await?;
    let Accepted { cluster, server, unsaved } = accepted;
    let done = format!("the history of {server} is that of {cluster} from now on");
    Ok(changed(done, None, unsaved))
}

async fn suspend(
    operations: Operations,
    wish: Suspend,
    subject: impl FnOnce(Box<str>) -> OverrideSubject,
) -> Result<Response, Rejection> {
    let Suspend { cluster, lasts, forever, author, reason } = wish;
    let subject = subject(name("cluster", cluster)?);
    let term = term(lasts, forever)?;
    let signed = signed(&author, &reason)?;
    lay(operations, LayRequest { subject, force: false, signed, term }).await
}

async fn lay(operations: Operations, request: LayRequest) -> Result<Response, Rejection> {
    let Laid { laid, unsaved } = operations.within(operations.control().lay(request)).await?;
    let until = match &laid.until {
        Some(until) => format!("until {until}"),
        None => "until somebody ends it".to_owned(),
    };
    Ok(changed(format!("{} {until}", in_words(&laid)), Some(laid), unsaved))
}

async fn lift(
    operations: Operations,
    subject: OverrideSubject,
    by: Signed,
) -> Result<Response, Rejection> {
    let Laid { laid, unsaved } = operations.within(operations.control().lift(subject, by)).await?;
    Ok(changed(format!("no longer: {}", in_words(&laid)), Some(laid), unsaved))
}

fn changed(done: String, laid: Option<OverrideStatus>, unsaved: Option<Box<str>>) -> Response {
    let warning = |why: Box<str>| {
        format!("this could not be saved, so that a restart would forget it: {why}")
    };
    let warnings = unsaved.into_iter().map(warning).collect();
    json(StatusCode::OK, &Changed { done, laid, warnings })
}

/// What an override means, without its end.
fn in_words(laid: &OverrideStatus) -> String {
    let OverrideStatus { kind, cluster, server, force, .. } = laid;
    let server = server.as_deref().unwrap_or("?");
    match (kind, force) {
        (OverrideKind::Drain, false) => format!("{server} is drained"),
        (OverrideKind::Drain, true) => format!("{server} is drained, of the write name too,"),
        (OverrideKind::Pin, false) => format!("{cluster} is pinned to {server}"),
        (OverrideKind::Pin, true) => {
            format!("{cluster} is pinned to {server}, even while it is not writable,")
        }
        (OverrideKind::Freeze, _) => format!("{cluster} is frozen"),
        (OverrideKind::Maintenance, _) => format!("{cluster} is in maintenance"),
    }
}

fn term(lasts: Option<String>, forever: bool) -> Result<Term, Rejection> {
    let lasts = match (lasts, forever) {
        (None, false) => return Ok(Term::DEFAULT),
        (None, true) => return Ok(Term::Forever),
        (Some(_), true) => {
            return Err(Rejection::bad("`for` and `forever` exclude each other; send one of them"));
        }
        (Some(lasts), false) => lasts,
    };
    let Ok(term) = duration::parse(&lasts) else {
        let error = format!("`for` is `{}`; write {}", shown(&lasts), duration::FORM);
        return Err(Rejection::bad(error));
    };
    match (Term::LEAST..=Term::MOST).contains(&term) {
        true => Ok(Term::For(term)),
        false => Err(Rejection::bad("`for` is 1s to 30d; `forever` lasts until somebody ends it")),
    }
}

fn signed(author: &str, reason: &str) -> Result<Signed, Rejection> {
    let author = one_line("author", author, Signed::AUTHOR_CHARS)?;
    Ok(Signed { author, reason: one_line("reason", reason, Signed::REASON_CHARS)? })
}

/// Who ends something need not say why.
fn ended_by(author: &str, reason: &str) -> Result<Signed, Rejection> {
    if reason.trim().is_empty() {
        let author = one_line("author", author, Signed::AUTHOR_CHARS)?;
        return Ok(Signed { author, reason: "".into() });
    }
    signed(author, reason)
}

/// The name of a cluster or server in a body.
fn name(field: &str, name: String) -> Result<Box<str>, Rejection> {
    one_line(field, &name, NAME_CHARS)
}

/// Characters of a name.
pub(super) const NAME_CHARS: usize = 63;
