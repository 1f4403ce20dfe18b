//! Replies with what the browser may do with them.

use axum::{
    body::Body,
    http::{HeaderName, HeaderValue, header},
    response::Response,
};

/// A reply of this media type, with the page's policy.
pub fn reply(kind: &'static str, content: impl Into<Body>) -> Response {
    let mut response = Response::new(content.into());
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

/// The media type of the page.
pub const HTML: &str = "text/html; charset=utf-8";

/// The media type of plain text.
pub const TEXT: &str = "text/plain; charset=utf-8";

/// What a browser may do with what comes from here. Nothing may be kept: a new version has a new
/// page.
const HEADERS: [(HeaderName, &str); 7] = [
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::CACHE_CONTROL, "no-store"),
    (header::VARY, "accept"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// Everything is forbidden but our own style, script and icon, and asking us for news.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
                      connect-src 'self'; base-uri 'none'; form-action 'none'; \
                      frame-ancestors 'none'";
