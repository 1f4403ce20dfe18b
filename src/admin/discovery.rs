//! What discovery knows, and servers that it may take in again.

use axum::{extract::State, http::StatusCode, response::Response};

use super::{
    Operations,
    caller::Caller,
    rejection::Rejection,
    reply::json,
    request::{Json, NAME_CHARS, Named, one_line},
    service::carried_out,
};
use crate::{
    api::{Changed, ClusterDiscovery, DiscoveryStatus, Ready, Refused},
    control::Order,
};

/// What the sources of each cluster name, how far each server has come, and why no further.
#[utoipa::path(
    get, path = "/v1/discovery", tag = "look",
    responses((status = 200, description = "All clusters that discover", body = DiscoveryStatus)),
)]
pub async fn discovery(State(operations): State<Operations>) -> Response {
    let reports = operations.metrics().discovery.all();
    let clusters = reports.iter().map(|(report, age)| ClusterDiscovery::new(report, *age));
    json(StatusCode::OK, &DiscoveryStatus { clusters: clusters.collect() })
}

/// Lets discovery take a server in again that was removed: once it has proven itself.
#[utoipa::path(
    post, path = "/v1/servers/{name}/revive", tag = "change", request_body = Ready,
    params(("name" = String, Path, description = "A server that was removed")),
    responses(
        (status = 200, description = "It may join again", body = Changed),
        (status = 400, description = "The body is not what it should be", body = Refused),
        (status = 409, description = "No such server was removed", body = Refused),
        (status = 503, description = "The service stops, or does not answer", body = Refused),
    ),
    security((), ("token" = [])),
)]
pub async fn revive_server(
    State(operations): State<Operations>,
    caller: Caller,
    Named(name): Named,
    Json(Ready { author }): Json<Ready>,
) -> Result<Response, Rejection> {
    // It is no server of any cluster now.
    caller.check_all()?;
    let server = one_line("name", &name, NAME_CHARS)?;
    let author = caller.author(&author)?;
    let order = |reply| Order::ReviveServer { server, author, reply };
    carried_out(&operations, order).await
}
