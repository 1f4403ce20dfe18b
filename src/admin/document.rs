//! `GET /v1/openapi.json`: the API's description (OpenAPI 3.1), made of the types and the handlers.

use std::sync::Arc;

use axum::{Extension, http::StatusCode, response::Response};
use utoipa::{
    Modify, OpenApi,
    openapi::{
        self,
        security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
    },
};

use super::reply::json;
use crate::api;

/// The description without the endpoints, which come with their [routes](super::routes).
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Pointsman",
        description = "The operator's access to a running Pointsman. Over the Unix socket, the \
                       rights of its file are the right to change; over TCP, changes need a token \
                       of [admin] with the scope that each says, for the cluster that they are \
                       about. Every refusal is an object with the field `error`: what is wrong and \
                       what to do.",
    ),
    components(schemas(api::EventEntry)),
    tags(
        (name = "health", description = "For those who watch over the service"),
        (name = "look", description = "Changes nothing"),
        (name = "change", description = "Needs the Unix socket or a token, hints apart"),
    ),
    modifiers(&Token),
)]
pub struct Document;

/// How the right to change is shown over TCP.
struct Token;

impl Modify for Token {
    fn modify(&self, document: &mut openapi::OpenApi) {
        let scheme = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some("A token of [admin]; not on the Unix socket"))
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
pub async fn description(Extension(document): Extension<Arc<openapi::OpenApi>>) -> Response {
    json(StatusCode::OK, &*document)
}
