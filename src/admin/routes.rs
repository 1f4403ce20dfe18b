//! What can be asked for.

use axum::{
    Router,
    extract::State,
    http::{Method, StatusCode, Uri},
    response::Response,
    routing::{get, post},
};

use super::{
    Operations,
    hint::hint,
    metrics::metrics,
    page::{icon, page, script, style},
    reply::{refuse, text},
};

/// All paths.
pub(super) fn routes(operations: Operations) -> Router {
    Router::new()
        .route("/healthz", get(health))
        .route("/readyz", get(readiness))
        .route("/v1/hint", post(hint))
        .route("/metrics", get(metrics))
        .route("/", get(page))
        .route("/page/style.css", get(style))
        .route("/page/live.js", get(script))
        .route("/page/icon.svg", get(icon))
        .fallback(unknown)
        .method_not_allowed_fallback(wrong_method)
        .with_state(operations)
}

/// The process serves HTTP, and no more is said.
async fn health() -> Response {
    text(StatusCode::OK, "ok\n".into())
}

/// Whether all parts move and all names have their first decision.
async fn readiness(State(operations): State<Operations>) -> Response {
    let faults = operations.faults();
    match faults.is_empty() {
        true => text(StatusCode::OK, "ready\n".into()),
        false => text(StatusCode::SERVICE_UNAVAILABLE, faults.join("\n") + "\n"),
    }
}

async fn unknown(uri: Uri) -> Response {
    let error = format!("there is nothing at {}; there are {PATHS}", uri.path());
    refuse(StatusCode::NOT_FOUND, &error)
}

async fn wrong_method(method: Method, uri: Uri) -> Response {
    let error = format!("{} does not take {method}; there are {PATHS}", uri.path());
    refuse(StatusCode::METHOD_NOT_ALLOWED, &error)
}

/// For people who have mistyped.
const PATHS: &str = "GET /, GET /metrics, GET /healthz, GET /readyz and POST /v1/hint";
