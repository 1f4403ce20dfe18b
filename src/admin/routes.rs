//! What can be asked for: every path with its method and who may.

use std::sync::Arc;

use axum::{
    Extension, Router,
    extract::State,
    http::{Method, StatusCode, Uri},
    middleware::from_fn_with_state,
    response::Response,
    routing::get,
};
use utoipa::{
    OpenApi,
    openapi::{self, PathItem, Paths},
};
use utoipa_axum::{
    router::{OpenApiRouter, UtoipaMethodRouter},
    routes,
};

use super::{
    Operations,
    document::{self, Document},
    events,
    guard::{Guard, may_change, meant_for_us},
    hint,
    metrics::metrics,
    overrides,
    page::{contents, icon, page, script, section, style},
    question,
    rejection::shown,
    reply::{refuse, text},
    service, stream, view,
};

/// Every endpoint of the API. The attribute of each handler has its method, its path and what the
/// document says of it.
fn endpoints() -> Vec<UtoipaMethodRouter<Operations>> {
    let mut all = overrides::endpoints();
    all.extend([
        routes!(health),
        routes!(readiness),
        routes!(view::status),
        routes!(view::cluster),
        routes!(view::server),
        routes!(service::sessions),
        routes!(question::explain),
        routes!(question::what_if),
        routes!(events::events),
        routes!(stream::stream_of_events),
        routes!(document::description),
        routes!(hint::hint),
        routes!(service::reload),
        routes!(service::add_server),
        routes!(service::ready_server),
        routes!(service::probe_server),
        routes!(service::remove_server),
        routes!(service::config),
    ]);
    all
}

/// What is for people and for Prometheus, and no part of the API.
fn pages() -> Router<Operations> {
    Router::new()
        .route("/", get(page))
        .route("/page/style.css", get(style))
        .route("/page/live.js", get(script))
        .route("/page/icon.svg", get(icon))
        .route("/runbook", get(contents))
        .route("/runbook/{section}", get(section))
        .route("/metrics", get(metrics))
}

/// All paths, guarded: what is no `GET` needs the right to change, save [hints](hint). So do
/// sessions: looking at them logs in with the rights of the kick, and shows who is connected.
pub fn guarded(operations: Operations, guard: Arc<Guard>) -> Router {
    let may_change = from_fn_with_state(Arc::clone(&guard), may_change);
    let endpoints = endpoints().into_iter().map(|(schemas, paths, handler)| {
        let handler = match is_free(&paths) {
            true => handler,
            false => handler.route_layer(may_change.clone()),
        };
        (schemas, paths, handler)
    });
    let (router, document) = described(endpoints);
    router
        .merge(pages())
        .fallback(unknown)
        .method_not_allowed_fallback(wrong_method)
        .layer(Extension(Arc::new(document)))
        .layer(from_fn_with_state(guard, meant_for_us))
        .with_state(operations)
}

/// The endpoints, and the description of them all.
fn described(
    endpoints: impl Iterator<Item = UtoipaMethodRouter<Operations>>,
) -> (Router<Operations>, openapi::OpenApi) {
    let empty = OpenApiRouter::with_openapi(Document::openapi());
    endpoints.fold(empty, OpenApiRouter::routes).split_for_parts()
}

/// Whether nobody needs a right for it.
fn is_free(paths: &Paths) -> bool {
    let is_free = |path: &str, item| path == HINT || path != SESSIONS && is_only_read(item);
    paths.paths.iter().all(|(path, item)| is_free(path, item))
}

/// Whether `GET` is the only method of a path.
fn is_only_read(item: &PathItem) -> bool {
    let PathItem { get, put, post, delete, options, head, patch, trace, query, .. } = item;
    let others = [put, post, delete, options, head, patch, trace, query];
    get.is_some() && others.into_iter().all(Option::is_none)
}

/// The process serves HTTP, and no more is said.
#[utoipa::path(
    get, path = "/healthz", tag = "health",
    responses((status = 200, description = "`ok`", body = String, content_type = "text/plain")),
)]
pub async fn health() -> Response {
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
pub async fn readiness(State(operations): State<Operations>) -> Response {
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

/// What is only read and needs the right all the same.
const SESSIONS: &str = "/v1/servers/{name}/sessions";

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::{Map, Value};

    use super::*;

    fn document() -> Value {
        let (_, document) = described(endpoints().into_iter());
        serde_json::to_value(document).expect("JSON")
    }

    /// Every method with its path.
    fn methods(paths: &Map<String, Value>) -> BTreeSet<(String, String)> {
        let methods = paths.iter().flat_map(|(path, item)| {
            let methods = item.as_object().expect("methods").keys();
            methods.map(move |method| (method.to_uppercase(), path.clone()))
        });
        methods.collect()
    }

    /// What one line says, as the document tells it.
    fn told(paths: &Paths) -> BTreeSet<(String, String)> {
        let paths = serde_json::to_value(paths).expect("JSON");
        methods(paths.as_object().expect("paths"))
    }

    #[test]
    fn it_describes_each_path_and_method_and_no_others() {
        let document = document();
        assert_eq!(document["openapi"], "3.1.0");
        let paths = document["paths"].as_object().expect("paths");
        let described = methods(paths);
        let endpoints = endpoints();
        let served: BTreeSet<_> = endpoints.iter().flat_map(|(_, paths, _)| told(paths)).collect();
        assert_eq!(described, served);
        assert_eq!(served.len(), endpoints.len(), "none twice");
    }

    #[test]
    fn each_change_but_the_hint_and_the_sessions_need_the_token() {
        let document = document();
        for (_, paths, _) in endpoints() {
            let methods = told(&paths);
            let is_free_to_all = methods.iter().all(|(method, path)| {
                path == "/v1/hint" || method == "GET" && !path.ends_with("/sessions")
            });
            assert_eq!(is_free(&paths), is_free_to_all, "{methods:?}");
        }
        for (path, item) in document["paths"].as_object().expect("paths") {
            for (method, operation) in item.as_object().expect("methods") {
                let is_guarded =
                    (method != "get" || path.ends_with("/sessions")) && path != "/v1/hint";
                assert_eq!(operation["security"].is_array(), is_guarded, "{method} {path}");
            }
        }
    }

    #[test]
    fn each_type_and_field_is_explained_and_each_reference_leads_somewhere() {
        let document = document();
        let schemas = document["components"]["schemas"].as_object().expect("schemas");
        for (name, schema) in schemas {
            assert!(schema["description"].is_string(), "{name}");
            for (field, schema) in schema["properties"].as_object().into_iter().flatten() {
                let is_explained = schema["description"].is_string()
                    || schema["$ref"].is_string()
                    || schema["oneOf"].is_array();
                assert!(is_explained, "{name}.{field}: {schema}");
            }
        }
        let text = document.to_string();
        for reference in text.split("\"#/components/schemas/").skip(1) {
            let name = reference.split('"').next().expect("a name");
            assert!(schemas.contains_key(name), "{name}");
        }
    }
}
