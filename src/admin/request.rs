//! What a request says: its JSON body, its query and the name in its path. Whatever does not fit is
//! refused with what would.

use std::time::Duration;

use axum::{
    RequestPartsExt,
    body::Body,
    extract::{FromRequest, FromRequestParts, Path, Query, Request},
    http::{HeaderMap, StatusCode, header, request::Parts},
};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::de::DeserializeOwned;
use tokio::time::timeout;

use super::{
    audit::Note,
    rejection::{Rejection, shown},
};
use crate::plain_text::{is_misleading, start_of_line};

/// A body of JSON.
#[derive(Debug)]
pub struct Json<T>(pub(super) T);

/// A body of JSON, or none.
#[derive(Debug)]
pub struct MaybeJson<T>(pub(super) Option<T>);

/// The part of the path behind the last `?`.
#[derive(Debug)]
pub struct QueryOf<T>(pub(super) T);

/// The name in a path, percent-decoded.
#[derive(Debug)]
pub struct Named(pub(super) String);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Json<T> {
    type Rejection = Rejection;

    async fn from_request(request: Request, _: &S) -> Result<Self, Rejection> {
        let (parts, body) = request.into_parts();
        let is_framed = parts.headers.contains_key(header::CONTENT_LENGTH)
            || parts.headers.contains_key(header::TRANSFER_ENCODING);
        let octets = octets(&parts, body).await?;
        if octets.is_empty() {
            return Err(match is_framed {
                true => Rejection::bad(format!("the body is empty; {EXPECTED}")),
                false => Rejection::new(
                    StatusCode::LENGTH_REQUIRED,
                    format!("there is no body and no Content-Length; {EXPECTED}"),
                ),
            });
        }
        read(&parts.headers, &octets).map(Self)
    }
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for MaybeJson<T> {
    type Rejection = Rejection;

    async fn from_request(request: Request, _: &S) -> Result<Self, Rejection> {
        let (parts, body) = request.into_parts();
        let octets = octets(&parts, body).await?;
        match octets.is_empty() {
            true => Ok(Self(None)),
            false => read(&parts.headers, &octets).map(Some).map(Self),
        }
    }
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for QueryOf<T> {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Rejection> {
        Query::try_from_uri(&parts.uri)
            .map(|Query(asked)| Self(asked))
            .map_err(|error| Rejection::bad(line(&error.body_text())))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Named {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Rejection> {
        match parts.extract::<Path<String>>().await {
            Ok(Path(name)) => {
                if let Some(note) = parts.extensions.get::<Note>() {
                    note.take_name(&name);
                }
                Ok(Self(name))
            }
            Err(_) => Err(Rejection::bad("the name in the path is not UTF-8 once it is decoded")),
        }
    }
}

/// Nothing may be in the body of a request that says all by its path.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Nothing {}

fn read<T: DeserializeOwned>(headers: &HeaderMap, octets: &[u8]) -> Result<T, Rejection> {
    let mut kinds = headers.get_all(header::CONTENT_TYPE).iter();
    let is_json = |kind: &axum::http::HeaderValue| {
        let essence = kind.to_str().ok().and_then(|kind| kind.split(';').next());
        essence.is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"))
    };
    // A web page can send other types to anybody without being asked first.
    if !(kinds.next().is_some_and(is_json) && kinds.next().is_none()) {
        let error = "the body must be JSON; send `Content-Type: application/json`";
        return Err(Rejection::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, error));
    }
    serde_json::from_slice(octets).map_err(|error| {
        Rejection::bad(format!("the body is not what it should be: {}", line(&error.to_string())))
    })
}

async fn octets(parts: &Parts, body: Body) -> Result<Vec<u8>, Rejection> {
    let headers = &parts.headers;
    let too_long = || {
        let error = format!("the body is longer than {BODY_OCTETS} octets; {EXPECTED}");
        Rejection::new(StatusCode::PAYLOAD_TOO_LARGE, error)
    };
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok());
    if announced
        .and_then(|length| length.parse().ok())
        .is_some_and(|length: u64| usize::try_from(length).is_ok_and(|length| length > BODY_OCTETS))
    {
        return Err(too_long());
    }
    match timeout(BODY, Limited::new(body, BODY_OCTETS).collect()).await {
        Ok(Ok(collected)) => {
            let octets = collected.to_bytes().to_vec();
            if let Some(note) = parts.extensions.get::<Note>() {
                note.take_body(&octets);
            }
            Ok(octets)
        }
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_long()),
        Ok(Err(error)) => Err(Rejection::bad(format!("the body is broken: {error}"))),
        Err(_) => Err(Rejection::new(
            StatusCode::REQUEST_TIMEOUT,
            format!("the body did not come within {} s", BODY.as_secs()),
        )),
    }
}

/// What a library says of a client's words, in one line.
fn line(text: &str) -> String {
    start_of_line(text, LINE_CHARS)
}

/// A text of a client that is kept and shown to others: one line of 1 to `most` characters.
pub fn one_line(field: &str, text: &str, most: usize) -> Result<Box<str>, Rejection> {
    let text = text.trim();
    let count = text.chars().count();
    if count == 0 {
        return Err(Rejection::bad(format!("`{field}` is empty; say it in one line")));
    }
    if count > most {
        return Err(Rejection::bad(format!("`{field}` is longer than {most} characters")));
    }
    if let Some(odd) = text.chars().find(|c| is_misleading(*c)) {
        let odd = shown(&odd.to_string());
        return Err(Rejection::bad(format!("`{field}` has the character `{odd}`; leave it out")));
    }
    Ok(text.into())
}

const EXPECTED: &str = "send a JSON object as docs/ADMIN.md and GET /v1/openapi.json describe it";

/// Octets of a body.
const BODY_OCTETS: usize = 64 * 1024;

/// How long a body may take.
const BODY: Duration = Duration::from_secs(3);

/// Characters of a library's words.
const LINE_CHARS: usize = 400;
/// Characters of the name of a cluster or server.
pub const NAME_CHARS: usize = 63;
