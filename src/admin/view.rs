//! What is: everything, one cluster, one server. Read from what is published; nobody is asked.

use axum::{extract::State, http::StatusCode, response::Response};

use super::{Operations, asked::Named, rejection::Rejection, reply::json};
use crate::api::{ClusterStatus, Refused, Status, Why};

/// Everything: clusters, names, servers, overrides.
#[utoipa::path(
    get, path = "/v1/status", tag = "look",
    responses((status = 200, description = "Everything", body = Status)),
)]
pub(super) async fn status(State(operations): State<Operations>) -> Response {
    json(StatusCode::OK, &operations.status())
}

/// One cluster.
#[utoipa::path(
    get, path = "/v1/clusters/{name}", tag = "look",
    params(("name" = String, Path, description = "The cluster, in any case of letters")),
    responses(
        (status = 200, description = "The cluster", body = ClusterStatus),
        (status = 404, description = "There is no such cluster", body = Refused),
    ),
)]
pub(super) async fn cluster(
    State(operations): State<Operations>,
    Named(name): Named,
) -> Result<Response, Rejection> {
    let found = operations.cluster_status(&name);
    let found = found.ok_or_else(|| Rejection::unknown_cluster(&name))?;
    Ok(json(StatusCode::OK, &found))
}

/// What one server is, and why it is in each name or not.
#[utoipa::path(
    get, path = "/v1/servers/{name}", tag = "look",
    params(("name" = String, Path, description = "The server, in any case of letters")),
    responses(
        (status = 200, description = "The server", body = Why),
        (status = 404, description = "There is no such server", body = Refused),
    ),
)]
pub(super) async fn server(
    State(operations): State<Operations>,
    Named(name): Named,
) -> Result<Response, Rejection> {
    let found = operations.why(&name).ok_or_else(|| Rejection::unknown_server(&name))?;
    Ok(json(StatusCode::OK, &found))
}
