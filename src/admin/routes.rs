//! What can be asked for: every path with its method and who may.

use std::sync::Arc;

use axum::{
    Router,
    extract::State,
    http::{Method, StatusCode, Uri},
    middleware::from_fn_with_state,
    response::Response,
    routing::{MethodRouter, delete, get, post},
};

use super::{
    Operations, change,
    document::description,
    events::events,
    guard::{Guard, may_change, meant_for_us},
    hint::hint,
    metrics::metrics,
    page::{icon, page, script, style},
    question::{explain, what_if},
    rejection::shown,
    reply::{refuse, text},
    service,
    stream::stream_of_events,
    view,
};

/// One path and method.
pub(super) struct Route {
    pub(super) method: Method,
    /// As axum and OpenAPI write it.
    pub(super) path: &'static str,
    handler: MethodRouter<Operations>,
}

/// Every path and method.
pub(super) fn table() -> Vec<Route> {
    let route = |method, path, handler| Route { method, path, handler };
    let look = |path, handler| route(Method::GET, path, handler);
    let change = |path, handler| route(Method::POST, path, handler);
    vec![
        look("/healthz", get(health)),
        look("/readyz", get(readiness)),
        look("/v1/status", get(view::status)),
        look("/v1/clusters/{name}", get(view::cluster)),
        look("/v1/servers/{name}", get(view::server)),
        look("/v1/servers/{name}/sessions", get(service::sessions)),
        look("/v1/explain", get(explain)),
        look("/v1/what-if", get(what_if)),
        look("/v1/events", get(events)),
        look("/v1/events/stream", get(stream_of_events)),
        look("/v1/openapi.json", get(description)),
        change("/v1/hint", post(hint)),
        change("/v1/drain", post(change::drain)),
        change("/v1/undrain", post(change::undrain)),
        change("/v1/pin", post(change::pin)),
        change("/v1/unpin", post(change::unpin)),
        change("/v1/freeze", post(change::freeze)),
        change("/v1/thaw", post(change::thaw)),
        change("/v1/maintenance", post(change::maintenance)),
        change("/v1/end-maintenance", post(change::end_maintenance)),
        change("/v1/accept", post(change::accept)),
        change("/v1/reload", post(service::reload)),
        change("/v1/servers", post(service::add_server)),
        change("/v1/servers/{name}/ready", post(service::ready_server)),
        change("/v1/servers/{name}/probe", post(service::probe_server)),
        route(Method::DELETE, "/v1/servers/{name}", delete(service::remove_server)),
        change("/v1/config", post(service::config)),
    ]
}

/// What is for people and for Prometheus, and no part of the API.
fn pages() -> Router<Operations> {
    Router::new()
        .route("/", get(page))
        .route("/page/style.css", get(style))
        .route("/page/live.js", get(script))
        .route("/page/icon.svg", get(icon))
        .route("/metrics", get(metrics))
}

/// All paths, guarded: what is no `GET` needs the right to change, save [hints](super::hint).
pub(super) fn routes(operations: Operations, guard: Arc<Guard>) -> Router {
    let may_change = from_fn_with_state(Arc::clone(&guard), may_change);
    let mut router = pages();
    for Route { method, path, handler } in table() {
        let is_free = method == Method::GET || path == HINT;
        let handler = if is_free { handler } else { handler.route_layer(may_change.clone()) };
        router = router.route(path, handler);
    }
    router
        .fallback(unknown)
        .method_not_allowed_fallback(wrong_method)
        .layer(from_fn_with_state(guard, meant_for_us))
        .with_state(operations)
}

/// The process serves HTTP, and no more is said.
#[utoipa::path(
    get, path = "/healthz", tag = "health",
    responses((status = 200, description = "`ok`", body = String, content_type = "text/plain")),
)]
pub(super) async fn health() -> Response {
    text(StatusCode::OK, "ok\n".into())
}

/// Whether all parts move and all names have their first decision.
#[utoipa::path(
    get, path = "/readyz", tag = "health",
    responses(
        (status = 200, description = "`ready`", body = String, content_type = "text/plain"),
        (status = 503, description = "Why not", body = String, content_type = "text/plain"),
    ),
)]
pub(super) async fn readiness(State(operations): State<Operations>) -> Response {
    let faults = operations.faults();
    match faults.is_empty() {
        true => text(StatusCode::OK, "ready\n".into()),
        false => text(StatusCode::SERVICE_UNAVAILABLE, faults.join("\n") + "\n"),
    }
}

async fn unknown(uri: Uri) -> Response {
    let error = format!("there is nothing at {}; {SEE}", shown(uri.path()));
    refuse(StatusCode::NOT_FOUND, &error)
}

async fn wrong_method(method: Method, uri: Uri) -> Response {
    let (path, method) = (shown(uri.path()), shown(method.as_str()));
    refuse(StatusCode::METHOD_NOT_ALLOWED, &format!("{path} does not take {method}; {SEE}"))
}

/// For people who have mistyped.
const SEE: &str = "GET /v1/openapi.json lists what there is";

/// The one change that needs no right: it brings probes forward and decides nothing.
const HINT: &str = "/v1/hint";
