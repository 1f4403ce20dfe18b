//! Replies: JSON objects and plain lines. Every refusal is `{"error": "what is wrong; what to do"}`.

use axum::{
    body::Body,
    http::{HeaderValue, StatusCode, header},
    response::Response,
};
use serde::Serialize;

use crate::api::Refused;

/// Why a response is a refusal, among its extensions.
#[derive(Clone, Debug)]
pub struct Why(pub(super) String);

/// A refusal with these words.
pub fn refuse(status: StatusCode, error: &str) -> Response {
    let mut response = json(status, &Refused { error: error.to_owned() });
    response.extensions_mut().insert(Why(error.to_owned()));
    response
}

/// `object`, on a line of its own.
pub fn json<T: Serialize>(status: StatusCode, object: &T) -> Response {
    match serde_json::to_string(object) {
        Ok(text) => reply(status, "application/json", text + "\n"),
        // Only maps with odd keys and failing types of our own could do that.
        Err(error) => text(StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")),
    }
}

/// Plain text.
pub fn text(status: StatusCode, text: String) -> Response {
    reply(status, "text/plain; charset=utf-8", text)
}

/// `content` of this media type.
pub fn reply(status: StatusCode, kind: &'static str, content: String) -> Response {
    let mut response = Response::new(Body::from(content));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    // What is true now is of no use later.
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}
