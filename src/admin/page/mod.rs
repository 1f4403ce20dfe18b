//! The status page at `/`: HTML for browsers, plain text for everybody else.
//!
//! It is made by the service and complete without a script; with one, it follows what happens. It
//! asks nothing of any other place, and its policy lets it neither run nor show anything that does
//! not come from here.

mod cluster;
mod discovery;
mod document;
mod follow;
mod graph;
pub mod history;
mod next;
mod plot;
mod published;
mod reply;
mod runbook;
#[cfg(test)]
pub mod sample;
mod secondaries;
mod strip;
mod text;
mod tree;
mod view;
mod words;
pub mod writers;

use axum::{
    extract::{Query, State},
    http::{HeaderMap, Uri, header},
    response::Response,
};
use serde::Deserialize;

use self::{
    document::document,
    reply::{HTML, TEXT, reply},
    view::View,
};
pub use self::{
    follow::follow,
    runbook::{contents, section},
};
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
    // What is published since the history was last added to must not be missing.
    operations.remember_writers();
    let history = operations.history();
    let view = View {
        status,
        events: &operations.chronicle().entries(),
        history: &history,
        probes: &operations.metrics().probes,
        discovery: &operations.metrics().discovery.all(),
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

#[cfg(test)]
mod tests;
