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
    openapi::{self, ContentBuilder, Ref, RefOr, ResponseBuilder},
};
use utoipa_axum::{
    router::{OpenApiRouter, UtoipaMethodRouter},
    routes,
};

use super::{
    Operations,
    caller::word,
    changes, discovery,
    document::{self, Document},
    events,
    guard::{Door, Guard, meant_for_us, with_a_right},
    hint,
    large::large,
    metrics::metrics,
    overrides,
    page::{contents, icon, page, script, section, style},
    question,
    rejection::shown,
    reply::{refuse, text},
    service, stream, view,
};
use crate::config::Scope;

/// An endpoint and the scope that it needs; `None` for everybody's.
type Endpoint = (Option<Scope>, UtoipaMethodRouter<Operations>);

/// Every endpoint of the API with the scope that it needs: `None` for what everybody may. The
/// attribute of each handler has its method, its path and what the document says of it.
///
/// Hints need none: one brings probes forward and decides nothing. Sessions do, although they are
/// only looked at: that logs in with the rights of the kick, and shows who is connected.
fn endpoints() -> Vec<Endpoint> {
    let mut all = overrides::endpoints();
    all.extend([
        (None, routes!(health)),
        (None, routes!(readiness)),
        (None, routes!(view::status)),
        (None, routes!(view::cluster)),
        (None, routes!(view::server)),
        (None, routes!(discovery::discovery)),
        (Some(Scope::Admin), routes!(discovery::revive_server)),
        (Some(Scope::View), routes!(service::sessions)),
        (Some(Scope::Operate), routes!(service::kick)),
        (None, routes!(question::explain)),
        (None, routes!(question::what_if)),
        (None, routes!(events::events)),
        (None, routes!(stream::stream_of_events)),
        (Some(Scope::Admin), routes!(changes::changes)),
        (None, routes!(document::description)),
        (None, routes!(hint::hint)),
        (Some(Scope::Admin), routes!(service::reload)),
        (Some(Scope::Admin), routes!(service::add_server)),
        (Some(Scope::Admin), routes!(service::ready_server)),
        (Some(Scope::Operate), routes!(service::probe_server)),
        (Some(Scope::Admin), routes!(service::remove_server)),
        (Some(Scope::Admin), routes!(service::config)),
    ]);
    all
}

/// What is for people and for Prometheus, and no part of the API.
fn pages() -> Router<Operations> {
    Router::new()
        .route("/", large(get(page), true))
        .route("/page/style.css", get(style))
        .route("/page/live.js", get(script))
        .route("/page/icon.svg", get(icon))
        .route("/runbook", get(contents))
        .route("/runbook/{section}", get(section))
        .route("/metrics", large(get(metrics), false))
}

/// All paths, each guarded by the scope that it needs.
pub fn guarded(operations: Operations, guard: Arc<Guard>) -> Router {
    let endpoints = endpoints().into_iter().map(|(needs, (schemas, paths, handler))| {
        let handler = match paths.paths.contains_key(STATUS) {
            true => large(handler, false),
            false => handler,
        };
        let handler = match needs {
            None => handler,
            Some(scope) => {
                handler.route_layer(from_fn_with_state(Door::new(&guard, scope), with_a_right))
            }
        };
        (needs, (schemas, paths, handler))
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
fn described(endpoints: impl Iterator<Item = Endpoint>) -> (Router<Operations>, openapi::OpenApi) {
    let empty = OpenApiRouter::with_openapi(Document::openapi());
    let told = endpoints.map(|(needs, (schemas, mut paths, handler))| {
        if let Some(scope) = needs {
            let items = paths.paths.values_mut();
            let methods = items.flat_map(|item| [&mut item.get, &mut item.post, &mut item.delete]);
            methods.flatten().for_each(|operation| tell_scope(operation, scope));
        }
        (schemas, paths, handler)
    });
    told.fold(empty, OpenApiRouter::routes).split_for_parts()
}

/// Says in the description what somebody needs, and how that is refused.
fn tell_scope(operation: &mut openapi::path::Operation, scope: Scope) {
    let needs = format!("Over TCP it needs a token with the scope `{}`.", word(scope));
    operation.description = Some(match operation.description.take() {
        Some(said) => format!("{said}\n\n{needs}"),
        None => needs,
    });
    for (status, why) in [
        (StatusCode::UNAUTHORIZED, "There is no token, or none that counts"),
        (StatusCode::FORBIDDEN, "The token is for less, for other clusters, or of another author"),
    ] {
        let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Refused"))).build();
        let response = ResponseBuilder::new().description(why).content("application/json", content);
        let responses = &mut operation.responses.responses;
        responses.insert(status.as_str().to_owned(), RefOr::T(response.build()));
    }
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

/// What grows with the clusters.
const STATUS: &str = "/v1/status";

/// For people who have mistyped.
const SEE: &str = "GET /v1/openapi.json lists what there is";

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::{Map, Value};
    use utoipa::openapi::Paths;

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
        let each = endpoints.iter().flat_map(|(_, (_, paths, _))| told(paths));
        let served: BTreeSet<_> = each.collect();
        assert_eq!(described, served);
        assert_eq!(served.len(), endpoints.len(), "none twice");
    }

    /// Who may do what, as docs/ADMIN.md has it.
    fn needed(method: &str, path: &str) -> Option<Scope> {
        match (method, path) {
            ("POST", "/v1/hint") => None,
            ("GET", "/v1/servers/{name}/sessions") => Some(Scope::View),
            ("GET", "/v1/audit") => Some(Scope::Admin),
            ("GET", _) => None,
            ("POST", "/v1/servers/{name}/probe" | "/v1/servers/{name}/kick") => {
                Some(Scope::Operate)
            }
            ("POST", "/v1/accept" | "/v1/reload" | "/v1/config" | "/v1/servers") => {
                Some(Scope::Admin)
            }
            (_, path) if path.starts_with("/v1/servers/") => Some(Scope::Admin),
            _ => Some(Scope::Operate),
        }
    }

    #[test]
    fn each_path_needs_its_scope_and_the_document_says_which_need_a_token() {
        let document = document();
        for (needs, (_, paths, _)) in endpoints() {
            for (method, path) in told(&paths) {
                assert_eq!(needs, needed(&method, &path), "{method} {path}");
                let operation = &document["paths"][&path][method.to_lowercase()];
                assert_eq!(operation["security"].is_array(), needs.is_some(), "{method} {path}");
                let scope = needs.map(|scope| format!("the scope `{}`", word(scope)));
                let told = operation["description"].as_str().unwrap_or_default();
                assert!(scope.is_none_or(|scope| told.contains(&scope)), "{method} {path}: {told}");
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
