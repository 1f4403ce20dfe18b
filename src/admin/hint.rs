//! `POST /v1/hint`: somebody says that something has changed.
//!
//! A hint only brings the next probes of one cluster forward; what they find decides. A forged one
//! does no harm and a lost one costs no more than the interval, so nobody needs a token for it.

use std::{net::SocketAddr, time::Duration};

use axum::{
    Extension,
    body::Body,
    extract::{Query, State},
    http::{StatusCode, Uri},
    response::Response,
};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::{Deserialize, Serialize};
use tokio::time::timeout;
use utoipa::ToSchema;

use super::{
    Operations,
    connections::Peer,
    reply::{json, refuse},
};
use crate::{api::Refused, report::Sought};

/// The body or the query of a hint.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Hint {
    /// The cluster, in any case of letters.
    cluster: String,
}

/// What a hint is answered with.
#[derive(Serialize, ToSchema)]
struct Taken {
    /// The cluster whose servers are asked now, as the configuration writes it.
    cluster: String,
}

/// Asks every server of a cluster at once, for something has changed. Needs no right.
#[utoipa::path(
    post, path = "/v1/hint", tag = "change", request_body = Option<Hint>,
    params(("cluster" = Option<String>, Query, description = "The cluster, instead of a body")),
    responses(
        (status = 202, description = "The hint is taken", body = Taken),
        (status = 400, description = "No cluster is named, or two ways at once", body = Refused),
        (status = 404, description = "There is no such cluster", body = Refused),
        (status = 408, description = "The body took too long", body = Refused),
        (status = 413, description = "The body is too long", body = Refused),
    ),
)]
pub async fn hint(
    State(operations): State<Operations>,
    Extension(peer): Extension<Peer>,
    uri: Uri,
    body: Body,
) -> Response {
    let hint = match read(&uri, body).await {
        Ok(hint) => hint,
        Err((status, error)) => return refuse(status, &error),
    };
    let taken = match peer {
        Peer::Local { .. } => operations.hint(&hint.cluster, "the admin socket"),
        Peer::Network(client) => operations.hint(&hint.cluster, &shown(client)),
    };
    match taken {
        Some(cluster) => json(StatusCode::ACCEPTED, &Taken { cluster: cluster.into() }),
        None => refuse(
            StatusCode::NOT_FOUND,
            &operations.unknown(Sought::Cluster, &hint.cluster).to_string(),
        ),
    }
}

/// Reads a hint out of the body, or out of the query when the body is empty.
async fn read(uri: &Uri, body: Body) -> Result<Hint, (StatusCode, String)> {
    let octets = match timeout(BODY, Limited::new(body, BODY_OCTETS).collect()).await {
        Ok(Ok(collected)) => collected.to_bytes(),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            let error = format!("the body is longer than {BODY_OCTETS} octets; {EXPECTED}");
            return Err((StatusCode::PAYLOAD_TOO_LARGE, error));
        }
        Ok(Err(error)) => return Err(bad(&format!("the body is broken: {error}"))),
        Err(_) => {
            let error = format!("the body did not come within {} s", BODY.as_secs());
            return Err((StatusCode::REQUEST_TIMEOUT, error));
        }
    };
    match (octets.is_empty(), uri.query()) {
        (true, Some(_)) => Query::<Hint>::try_from_uri(uri)
            .map(|Query(hint)| hint)
            .map_err(|_| bad("the query is not of the form cluster=NAME")),
        (true, None) => Err(bad("no cluster is named")),
        (false, Some(_)) => Err(bad("there is a body and a query; send one of them")),
        (false, None) => serde_json::from_slice(&octets)
            .map_err(|error| bad(&format!("the body is not what it should be: {error}"))),
    }
}

fn bad(what: &str) -> (StatusCode, String) {
    (StatusCode::BAD_REQUEST, format!("{what}; {EXPECTED}"))
}

/// A client without its port, which says nothing.
fn shown(client: SocketAddr) -> String {
    client.ip().to_canonical().to_string()
}

const EXPECTED: &str =
    "send {\"cluster\": \"NAME\"} as the body, or ?cluster=NAME in the path and no body";

/// Octets of a body.
const BODY_OCTETS: usize = 4 * 1024;

/// How long a body may take.
const BODY: Duration = Duration::from_secs(3);
