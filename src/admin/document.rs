//! `GET /v1/openapi.json`: the API's description (OpenAPI 3.1), made of the types and the handlers.

use axum::{http::StatusCode, response::Response};
use utoipa::{
    Modify, OpenApi,
    openapi::{
        self,
        security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
    },
};

use super::{change, events, hint, question, reply::json, routes, service, stream, view};
use crate::api;

/// The description.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Pointsman",
        description = "The operator's access to a running Pointsman. Over the Unix socket, the \
                       rights of its file are the right to change; over TCP, changes need the \
                       token of `token_file`. Every refusal is an object with the field `error`: \
                       what is wrong and what to do.",
    ),
    paths(
        routes::health,
        routes::readiness,
        view::status,
        view::cluster,
        view::server,
        question::explain,
        question::what_if,
        events::events,
        stream::stream_of_events,
        description,
        hint::hint,
        change::drain,
        change::undrain,
        change::pin,
        change::unpin,
        change::freeze,
        change::thaw,
        change::maintenance,
        change::end_maintenance,
        change::accept,
        service::reload,
        service::add_server,
        service::ready_server,
        service::probe_server,
        service::remove_server,
        service::config,
        service::sessions,
    ),
    components(schemas(api::EventEntry)),
    tags(
        (name = "health", description = "For those who watch over the service"),
        (name = "look", description = "Changes nothing"),
        (name = "change", description = "Needs the Unix socket or the token, hints apart"),
    ),
    modifiers(&Token),
)]
struct Document;

/// How the right to change is shown over TCP.
struct Token;

impl Modify for Token {
    fn modify(&self, document: &mut openapi::OpenApi) {
        let scheme = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some("The token of `token_file` in [admin]; not on the Unix socket"))
            .build();
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("token", SecurityScheme::Http(scheme));
    }
}

/// This description.
#[utoipa::path(
    get, path = "/v1/openapi.json", tag = "look",
    responses((status = 200, description = "OpenAPI 3.1", body = Object)),
)]
pub(super) async fn description() -> Response {
    json(StatusCode::OK, &Document::openapi())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::*;

    fn document() -> Value {
        serde_json::to_value(Document::openapi()).expect("JSON")
    }

    #[test]
    fn it_describes_each_path_and_method_and_no_others() {
        let document = document();
        assert_eq!(document["openapi"], "3.1.0");
        let paths = document["paths"].as_object().expect("paths");
        let described: BTreeSet<_> = paths
            .iter()
            .flat_map(|(path, item)| {
                let methods = item.as_object().expect("methods").keys();
                methods.map(move |method| (method.to_uppercase(), path.clone()))
            })
            .collect();
        let table = routes::table();
        let served: BTreeSet<_> =
            table.iter().map(|route| (route.method.to_string(), route.path.to_owned())).collect();
        assert_eq!(described, served);
        assert_eq!(served.len(), table.len(), "none twice");
    }

    #[test]
    fn each_change_but_the_hint_needs_the_token() {
        let document = document();
        for (path, item) in document["paths"].as_object().expect("paths") {
            for (method, operation) in item.as_object().expect("methods") {
                let is_guarded = method != "get" && path != "/v1/hint";
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
