//! Orders to whoever runs the parts: reload, servers that come and go, the configuration file.

use axum::{extract::State, http::StatusCode, response::Response};
use serde::Deserialize;

use super::{
    Operations,
    caller::Caller,
    rejection::Rejection,
    reply::json,
    request::{Json, MaybeJson, NAME_CHARS, Named, Nothing, QueryOf, one_line},
};
use crate::{
    api::{
        Changed, ConfigText, ConfigWish, DiscoveryText, Probed, Ready, Refused, Reloaded,
        ServerAdd, SessionReport,
    },
    config::{AddedServer, Changes},
    control::{Done, Order, Reply},
    report::Sought,
};

/// The query of `DELETE /v1/servers/{name}`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct By {
    author: String,
}

/// Reads the configuration, its zone files and its passwords again, and applies what differs.
#[utoipa::path(
    post, path = "/v1/reload", tag = "change",
    responses(
        (status = 200, description = "What has changed", body = Reloaded),
        (status = 409, description = "There are faults; nothing has changed", body = Refused),
        (status = 503, description = "The service stops, or does not answer", body = Refused),
    ),
    security((), ("token" = [])),
)]
pub async fn reload(
    State(operations): State<Operations>,
    caller: Caller,
    MaybeJson(_): MaybeJson<Nothing>,
) -> Result<Response, Rejection> {
    caller.check_all()?;
    let before = operations.snapshot();
    let reloaded = operations.within(operations.control().order(Order::Reload)).await?;
    let Changes { changed, needs_restart } = reloaded;
    let effect = operations.effect_since(&before);
    Ok(json(StatusCode::OK, &Reloaded::new(changed, needs_restart, &effect)))
}

/// Lets a server join a cluster: it is probed, and drained until it is made ready.
#[utoipa::path(
    post, path = "/v1/servers", tag = "change", request_body = ServerAdd,
    responses(
        (status = 200, description = "It has joined", body = Changed),
        (status = 400, description = "The body is not what it should be", body = Refused),
        (status = 409, description = "It cannot join, and why", body = Refused),
        (status = 503, description = "The service stops, or does not answer", body = Refused),
    ),
    security((), ("token" = [])),
)]
pub async fn add_server(
    State(operations): State<Operations>,
    caller: Caller,
    Json(mut wish): Json<ServerAdd>,
) -> Result<Response, Rejection> {
    for (field, text, most) in [
        ("cluster", &mut wish.cluster, NAME_CHARS),
        ("name", &mut wish.name, NAME_CHARS),
        ("address", &mut wish.address, ADDRESS_CHARS),
    ] {
        *text = one_line(field, text, most)?.into();
    }
    let ServerAdd { cluster, name, address, author } = wish;
    caller.check_cluster(&cluster)?;
    let author = caller.author(&author)?.into();
    let server = AddedServer { cluster, name, address, author, found: None };
    let order = |reply| Order::AddServer(server, reply);
    carried_out(&operations, order).await
}

/// Ends the drain with which a server has joined.
#[utoipa::path(
    post, path = "/v1/servers/{name}/ready", tag = "change", request_body = Ready,
    params(("name" = String, Path, description = "A server that was added")),
    responses(
        (status = 200, description = "It may be published", body = Changed),
        (status = 400, description = "The body is not what it should be", body = Refused),
        (status = 409, description = "It was not added, or waits for nothing", body = Refused),
        (status = 503, description = "The service stops, or does not answer", body = Refused),
    ),
    security((), ("token" = [])),
)]
pub async fn ready_server(
    State(operations): State<Operations>,
    caller: Caller,
    Named(name): Named,
    Json(Ready { author }): Json<Ready>,
) -> Result<Response, Rejection> {
    let server = one_line("name", &name, NAME_CHARS)?;
    caller.check_server(&operations, &server)?;
    let author = caller.author(&author)?;
    let order = |reply| Order::ReadyServer { server, author, reply };
    carried_out(&operations, order).await
}

/// Probes a server once, over a connection of its own, and shows each step: where it breaks, and
/// what the server says. Nothing is decided by it.
#[utoipa::path(
    post, path = "/v1/servers/{name}/probe", tag = "change",
    params(("name" = String, Path, description = "A server")),
    responses(
        (status = 200, description = "What the probe came to, well or not", body = Probed),
        (status = 404, description = "There is no such server", body = Refused),
        (status = 409, description = "It is not asked itself, or is being probed", body = Refused),
        (status = 503, description = "The service stops, or does not answer", body = Refused),
    ),
    security((), ("token" = [])),
)]
pub async fn probe_server(
    State(operations): State<Operations>,
    caller: Caller,
    Named(name): Named,
    MaybeJson(_): MaybeJson<Nothing>,
) -> Result<Response, Rejection> {
    if operations.why(&name).is_none() {
        return Err(operations.unknown(Sought::Server, &name).into());
    }
    caller.check_server(&operations, &name)?;
    let server = one_line("name", &name, NAME_CHARS)?;
    let order = operations.control().order(|reply| Order::Probe { server, reply });
    let probed = operations.within_patiently(order).await?;
    Ok(json(StatusCode::OK, &Probed::from(&probed)))
}

/// Takes away a server that was added.
#[utoipa::path(
    delete, path = "/v1/servers/{name}", tag = "change",
    params(
        ("name" = String, Path, description = "A server that was added"),
        ("author" = String, Query, description = "Who asks: one line, at most 100 characters"),
    ),
    responses(
        (status = 200, description = "It is gone", body = Changed),
        (status = 400, description = "Nobody is named as author", body = Refused),
        (status = 409, description = "It was not added", body = Refused),
        (status = 503, description = "The service stops, or does not answer", body = Refused),
    ),
    security((), ("token" = [])),
)]
pub async fn remove_server(
    State(operations): State<Operations>,
    caller: Caller,
    Named(name): Named,
    QueryOf(By { author }): QueryOf<By>,
) -> Result<Response, Rejection> {
    let server = one_line("name", &name, NAME_CHARS)?;
    caller.check_server(&operations, &server)?;
    let author = caller.author(&author)?;
    let order = |reply| Order::RemoveServer { server, author, reply };
    carried_out(&operations, order).await
}

/// Shows the configuration file with the servers that were added, and puts it in place if asked to.
#[utoipa::path(
    post, path = "/v1/config", tag = "change", request_body = ConfigWish,
    responses(
        (status = 200, description = "The file", body = ConfigText),
        (status = 400, description = "The body is not what it should be", body = Refused),
        (status = 409, description = "The file cannot be read or changed", body = Refused),
        (status = 503, description = "The service stops, or does not answer", body = Refused),
    ),
    security((), ("token" = [])),
)]
pub async fn config(
    State(operations): State<Operations>,
    caller: Caller,
    Json(ConfigWish { write }): Json<ConfigWish>,
) -> Result<Response, Rejection> {
    caller.check_all()?;
    let order = |reply| Order::WriteConfig { write, reply };
    let file = operations.within(operations.control().order(order)).await?;
    let discovery = file.discovery.into_iter().map(|one| DiscoveryText {
        cluster: one.cluster.into(),
        counts: one.counts,
        by_template: one.by_template,
    });
    let discovery = discovery.collect();
    let text = ConfigText { text: file.text, written: write, discovery, warnings: Vec::new() };
    Ok(json(StatusCode::OK, &text))
}

/// Counts the sessions of a server: how many clients hold on to it, and which a kick would end.
#[utoipa::path(
    get, path = "/v1/servers/{name}/sessions", tag = "look",
    params(("name" = String, Path, description = "The server, in any case of letters")),
    responses(
        (status = 200, description = "Its sessions of at most a second ago", body = SessionReport),
        (status = 404, description = "There is no such server", body = Refused),
        (status = 409, description = "It cannot be asked, and what is missing", body = Refused),
        (status = 503, description = "The service stops, or does not answer", body = Refused),
    ),
    security((), ("token" = [])),
)]
pub async fn sessions(
    State(operations): State<Operations>,
    caller: Caller,
    Named(name): Named,
) -> Result<Response, Rejection> {
    if operations.why(&name).is_none() {
        return Err(operations.unknown(Sought::Server, &name).into());
    }
    caller.check_server(&operations, &name)?;
    let order = |reply| Order::Sessions { server: name.into(), reply };
    let report = operations.within(operations.control().order(order)).await?;
    Ok(json(StatusCode::OK, &SessionReport::from(&report)))
}

/// Ends once, at once, the sessions of clients on a server that no name says, as far as
/// `[cluster.kick]` of its cluster means them.
#[utoipa::path(
    post, path = "/v1/servers/{name}/kick", tag = "change", request_body = Ready,
    params(("name" = String, Path, description = "The server, in any case of letters")),
    responses(
        (status = 200, description = "They are ended, and how many", body = Changed),
        (status = 400, description = "The body is not what it should be", body = Refused),
        (status = 404, description = "There is no such server", body = Refused),
        (status = 409, description = "A name says it, no kick is on, or it failed", body = Refused),
        (status = 503, description = "The service stops, or does not answer", body = Refused),
    ),
    security((), ("token" = [])),
)]
pub async fn kick(
    State(operations): State<Operations>,
    caller: Caller,
    Named(name): Named,
    Json(Ready { author }): Json<Ready>,
) -> Result<Response, Rejection> {
    if operations.why(&name).is_none() {
        return Err(operations.unknown(Sought::Server, &name).into());
    }
    caller.check_server(&operations, &name)?;
    let author = caller.author(&author)?;
    let before = operations.snapshot();
    let order = |reply| Order::Kick { server: name.into(), author, reply };
    let order = operations.control().order(order);
    let Done { done, warnings } = operations.within_patiently(order).await?;
    let effect = operations.effect_since(&before);
    Ok(json(StatusCode::OK, &Changed::new(done, None, "", &effect, warnings)))
}

/// Gives an order that changes servers, and says what has come of it.
pub async fn carried_out(
    operations: &Operations,
    order: impl FnOnce(Reply<Done>) -> Order,
) -> Result<Response, Rejection> {
    let before = operations.snapshot();
    let Done { done, warnings } = operations.within(operations.control().order(order)).await?;
    let effect = operations.effect_since(&before);
    Ok(json(StatusCode::OK, &Changed::new(done, None, "", &effect, warnings)))
}

/// Characters of an address with a port.
const ADDRESS_CHARS: usize = 80;
