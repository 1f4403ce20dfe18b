//! The endpoints of overrides and of accepted histories. The reply comes when the change is in force
//! and saved, or could not be.

use axum::{extract::State, http::StatusCode, response::Response};
use utoipa_axum::{router::UtoipaMethodRouter, routes};

use super::{
    Operations,
    caller::Caller,
    question::rest,
    rejection::{Rejection, shown},
    reply::json,
    request::{Json, NAME_CHARS, one_line},
};
use crate::{
    api::{Accept, Changed, Drain, End, OverrideStatus, Pin, Refused, Suspend, Undrain},
    config::Scope,
    control::{
        AcceptRequest, Accepted, LayRequest, LiftRequest, OverrideRequest, Preview, Signed, Term,
    },
    duration,
    publish::Snapshot,
    report::{Effect, Override, OverrideWords, Wish, WishKey},
};

/// Every endpoint of this file with the scope that it needs.
pub fn endpoints() -> Vec<(Option<Scope>, UtoipaMethodRouter<Operations>)> {
    vec![
        (Some(Scope::Operate), routes!(drain)),
        (Some(Scope::Operate), routes!(undrain)),
        (Some(Scope::Operate), routes!(pin)),
        (Some(Scope::Operate), routes!(unpin)),
        (Some(Scope::Operate), routes!(freeze)),
        (Some(Scope::Operate), routes!(thaw)),
        (Some(Scope::Operate), routes!(maintenance)),
        (Some(Scope::Operate), routes!(end_maintenance)),
        (Some(Scope::Admin), routes!(accept)),
    ]
}

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
async fn drain(
    State(operations): State<Operations>,
    caller: Caller,
    Json(wish): Json<Drain>,
) -> Result<Response, Rejection> {
    let Drain { server, force, lasts, forever, author, reason, dry_run } = wish;
    let server = name("server", server)?;
    let cluster = caller.check_server(&operations, &server)?;
    let wish = Wish::Drain { server, force };
    let (term, signed) = (term(lasts, forever)?, signed(&caller, &author, &reason)?);
    lay(operations, LayRequest { cluster, wish, signed, term }, dry_run).await
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
async fn undrain(
    State(operations): State<Operations>,
    caller: Caller,
    Json(Undrain { server, author, reason, dry_run }): Json<Undrain>,
) -> Result<Response, Rejection> {
    let server = name("server", server)?;
    let cluster = caller.check_server(&operations, &server)?;
    let (key, signed) = (WishKey::Drain(server), ended_by(&caller, &author, &reason)?);
    lift(operations, LiftRequest { cluster, key, signed }, dry_run).await
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
async fn pin(
    State(operations): State<Operations>,
    caller: Caller,
    Json(wish): Json<Pin>,
) -> Result<Response, Rejection> {
    let Pin { cluster, server, even_if_not_writable, lasts, forever, author, reason, dry_run } =
        wish;
    let cluster = Some(of_caller(&caller, cluster)?);
    let wish = Wish::Pin { server: name("server", server)?, even_if_not_writable };
    let (term, signed) = (term(lasts, forever)?, signed(&caller, &author, &reason)?);
    lay(operations, LayRequest { cluster, wish, signed, term }, dry_run).await
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
async fn unpin(
    State(operations): State<Operations>,
    caller: Caller,
    Json(wish): Json<End>,
) -> Result<Response, Rejection> {
    end(operations, &caller, wish, WishKey::Pin).await
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
async fn freeze(
    State(operations): State<Operations>,
    caller: Caller,
    Json(wish): Json<Suspend>,
) -> Result<Response, Rejection> {
    suspend(operations, &caller, wish, Wish::Freeze).await
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
async fn thaw(
    State(operations): State<Operations>,
    caller: Caller,
    Json(wish): Json<End>,
) -> Result<Response, Rejection> {
    end(operations, &caller, wish, WishKey::Freeze).await
}

/// Puts a cluster into maintenance: none of its names has an address.
#[utoipa::path(
    post, path = "/v1/maintenance", tag = "change", request_body = Suspend,
    responses(
        (status = 200, description = "It is in force", body = Changed),
        (status = 400, description = "The body is not what it should be", body = Refused),
        (status = 404, description = "There is no such cluster", body = Refused),
    ),
    security((), ("token" = [])),
)]
async fn maintenance(
    State(operations): State<Operations>,
    caller: Caller,
    Json(wish): Json<Suspend>,
) -> Result<Response, Rejection> {
    suspend(operations, &caller, wish, Wish::Maintenance).await
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
async fn end_maintenance(
    State(operations): State<Operations>,
    caller: Caller,
    Json(wish): Json<End>,
) -> Result<Response, Rejection> {
    end(operations, &caller, wish, WishKey::Maintenance).await
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
async fn accept(
    State(operations): State<Operations>,
    caller: Caller,
    Json(Accept { cluster, server, author, reason }): Json<Accept>,
) -> Result<Response, Rejection> {
    let (cluster, server) = (of_caller(&caller, cluster)?, name("server", server)?);
    let request = AcceptRequest { cluster, server, signed: signed(&caller, &author, &reason)? };
    let before = operations.snapshot();
    let accepted = operations.within(operations.control().accept(request)).await?;
    let Accepted { cluster, server, unsaved } = accepted;
    let done = format!("the history of {server} is that of {cluster} from now on");
    let effect = effect(&operations, &before, &cluster, None);
    let changed = Changed::new(done, None, &cluster, &effect, warnings(unsaved));
    Ok(json(StatusCode::OK, &changed))
}

async fn suspend(
    operations: Operations,
    caller: &Caller,
    asked: Suspend,
    wish: Wish,
) -> Result<Response, Rejection> {
    let Suspend { cluster, lasts, forever, author, reason, dry_run } = asked;
    let cluster = Some(of_caller(caller, cluster)?);
    let (term, signed) = (term(lasts, forever)?, signed(caller, &author, &reason)?);
    lay(operations, LayRequest { cluster, wish, signed, term }, dry_run).await
}

async fn end(
    operations: Operations,
    caller: &Caller,
    asked: End,
    key: WishKey,
) -> Result<Response, Rejection> {
    let End { cluster, author, reason, dry_run } = asked;
    let cluster = Some(of_caller(caller, cluster)?);
    let signed = ended_by(caller, &author, &reason)?;
    lift(operations, LiftRequest { cluster, key, signed }, dry_run).await
}

async fn lay(
    operations: Operations,
    request: LayRequest,
    dry_run: bool,
) -> Result<Response, Rejection> {
    if dry_run {
        return preview(operations, OverrideRequest::Lay(request), said_of).await;
    }
    let before = operations.snapshot();
    let done = operations.within(operations.control().lay(request)).await?;
    let effect = effect(&operations, &before, &done.cluster, Some(&done.laid));
    Ok(changed(&done.cluster, &done.laid, said_of, &effect, done.unsaved.clone()))
}

async fn lift(
    operations: Operations,
    request: LiftRequest,
    dry_run: bool,
) -> Result<Response, Rejection> {
    let said = |words: &OverrideWords<'_>, _: &Override| words.ended();
    if dry_run {
        return preview(operations, OverrideRequest::Lift(request), said).await;
    }
    let before = operations.snapshot();
    let done = operations.within(operations.control().lift(request)).await?;
    let effect = effect(&operations, &before, &done.cluster, None);
    Ok(changed(&done.cluster, &done.laid, said, &effect, done.unsaved.clone()))
}

/// Says what would be, and changes nothing.
async fn preview(
    operations: Operations,
    request: OverrideRequest,
    said: impl Fn(&OverrideWords<'_>, &Override) -> String,
) -> Result<Response, Rejection> {
    let is_laid = matches!(request, OverrideRequest::Lay(_));
    let turn = operations.question_turn().await?;
    let preview = operations.within(operations.control().preview(request)).await;
    rest(turn);
    let Preview { laid, now, then } = preview?;
    let effect = Effect::between(&now, &then, is_laid.then_some(&laid));
    let said = |words: &OverrideWords<'_>, laid: &Override| {
        format!("nothing is changed; it would be so: {}", said(words, laid))
    };
    Ok(changed(&now.name, &laid, said, &effect, None))
}

/// What has come of a change between the answers of before and those of now.
fn effect(
    operations: &Operations,
    before: &Snapshot,
    cluster: &str,
    laid: Option<&Override>,
) -> Effect {
    let views = [before, &operations.snapshot()].map(|then| operations.cluster_in(then, cluster));
    match views {
        [Some(before), Some(after)] => Effect::between(&before, &after, laid),
        _ => Effect::default(),
    }
}

/// An override that is in force, with its end.
fn said_of(words: &OverrideWords<'_>, laid: &Override) -> String {
    match laid.until {
        Some(until) => format!("{words} until {until:.3}"),
        None => format!("{words} until somebody ends it"),
    }
}

fn changed(
    cluster: &str,
    laid: &Override,
    said: impl Fn(&OverrideWords<'_>, &Override) -> String,
    effect: &Effect,
    unsaved: Option<Box<str>>,
) -> Response {
    let done = said(&OverrideWords { cluster, wish: &laid.wish }, laid);
    let status = Some(OverrideStatus::new(cluster, laid));
    let changed = Changed::new(done, status, cluster, effect, warnings(unsaved));
    json(StatusCode::OK, &changed)
}

fn warnings(unsaved: Option<Box<str>>) -> Vec<String> {
    let warning = |why: Box<str>| {
        format!("this could not be saved, so that a restart would forget it: {why}")
    };
    unsaved.into_iter().map(warning).collect()
}

fn term(lasts: Option<String>, forever: bool) -> Result<Term, Rejection> {
    let lasts = match (lasts, forever) {
        (None, false) => return Ok(Term::DEFAULT),
        (None, true) => return Ok(Term::FOREVER),
        (Some(_), true) => {
            return Err(Rejection::bad("`for` and `forever` exclude each other; send one of them"));
        }
        (Some(lasts), false) => lasts,
    };
    let Ok(term) = duration::parse(&lasts) else {
        let error = format!("`for` is `{}`; write {}", shown(&lasts), duration::FORM);
        return Err(Rejection::bad(error));
    };
    Term::lasting(term)
        .ok_or_else(|| Rejection::bad("`for` is 1s to 30d; `forever` lasts until somebody ends it"))
}

fn signed(caller: &Caller, author: &str, reason: &str) -> Result<Signed, Rejection> {
    let author = caller.author(author)?;
    Ok(Signed::new(&author, &one_line("reason", reason, Signed::REASON_CHARS)?))
}

/// Who ends something need not say why.
fn ended_by(caller: &Caller, author: &str, reason: &str) -> Result<Signed, Rejection> {
    if reason.trim().is_empty() {
        return Ok(Signed::new(&caller.author(author)?, ""));
    }
    signed(caller, author, reason)
}

/// The name of a cluster in a body, which the caller may change.
fn of_caller(caller: &Caller, cluster: String) -> Result<Box<str>, Rejection> {
    let cluster = name("cluster", cluster)?;
    caller.check_cluster(&cluster)?;
    Ok(cluster)
}

/// The name of a cluster or server in a body.
fn name(field: &str, name: String) -> Result<Box<str>, Rejection> {
    one_line(field, &name, NAME_CHARS)
}
