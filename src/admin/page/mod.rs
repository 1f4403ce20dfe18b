//! The status page at `/`: HTML for browsers, plain text for everybody else.
//!
//! It is made by the service and complete without a script; with one, it follows what happens. It
//! asks nothing of any other place, and its policy lets it neither run nor show anything that does
//! not come from here.

mod cluster;
mod document;
mod follow;
pub mod history;
mod plot;
#[cfg(test)]
pub mod sample;
mod text;
mod view;
mod words;

use axum::{
    body::Body,
    extract::{Query, State},
    http::{HeaderMap, HeaderName, HeaderValue, Uri, header},
    response::Response,
};
use serde::Deserialize;

pub use self::follow::follow;
use self::{document::document, view::View};
use super::Operations;
use crate::{clock, status::Status};

/// The query of the page.
#[derive(Debug, Deserialize)]
pub struct PageQuery {
    /// The one cluster to show.
    cluster: Option<String>,
}

/// The page, in the form that the client reads.
pub async fn page(State(operations): State<Operations>, uri: Uri, headers: HeaderMap) -> Response {
    let status = operations.status();
    // A query that makes no sense asks for nothing.
    let asked = Query::<PageQuery>::try_from_uri(&uri).ok();
    let only = asked.and_then(|Query(asked)| asked.cluster);
    let (kind, text) = show(&operations, &status, only.as_deref(), reads_html(&headers));
    reply(kind, text)
}

/// The media type and the text of the page.
fn show(
    operations: &Operations,
    status: &Status,
    only: Option<&str>,
    html: bool,
) -> (&'static str, String) {
    let history = operations.history();
    let view = View {
        status,
        events: &operations.chronicle().entries(),
        history: &history,
        probes: &operations.metrics().probes,
        now: clock::wall_time(),
        only,
    };
    match html {
        true => (HTML, document(&view).into_string()),
        false => (TEXT, text::text(&view)),
    }
}

/// The page's style.
pub async fn style() -> Response {
    reply("text/css; charset=utf-8", include_str!("style.css"))
}

/// The page's script.
pub async fn script() -> Response {
    reply("text/javascript; charset=utf-8", include_str!("live.js"))
}

/// The page's icon.
pub async fn icon() -> Response {
    reply("image/svg+xml", include_str!("icon.svg"))
}

/// Whether a client asks for HTML by name, as browsers do. `*/*` is what `curl` says.
fn reads_html(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    accepted.flat_map(|value| value.split(',')).any(|range| {
        let kind = range.split(';').next().unwrap_or_default().trim();
        kind.eq_ignore_ascii_case("text/html")
    })
}

fn reply(kind: &'static str, content: impl Into<Body>) -> Response {
    let mut response = Response::new(content.into());
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

const HTML: &str = "text/html; charset=utf-8";

const TEXT: &str = "text/plain; charset=utf-8";

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

#[cfg(test)]
mod tests;
