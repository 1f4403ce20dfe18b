//! Why a name says what it says, and what it would say: the engine itself is asked.
//!
//! An answer takes the driver a moment in which it judges nothing else, so questions come to it one
//! after the other and with pauses, however many clients ask.

use std::{str::FromStr, time::Duration};

use axum::{extract::State, http::StatusCode, response::Response};
use serde::Deserialize;
use tokio::time::sleep;

use super::{
    Operations,
    rejection::{Rejection, shown},
    reply::json,
    request::QueryOf,
};
use crate::{
    api::{Explanation, Refused, WhatIf},
    duration,
    engine::Supposition,
};

/// The query of `GET /v1/explain`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NameQuery {
    name: String,
}

/// The query of `GET /v1/what-if`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WhatIfQuery {
    server: String,
    suppose: String,
}

/// Why a name says what it says: each server as a candidate, and what would change it.
#[utoipa::path(
    get, path = "/v1/explain", tag = "look",
    params(("name" = String, Query, description = "A served name, with or without its last dot")),
    responses(
        (status = 200, description = "The explanation", body = Explanation),
        (status = 400, description = "No name is asked for", body = Refused),
        (status = 404, description = "The name is not served", body = Refused),
        (status = 503, description = "The service stops, or does not answer", body = Refused),
    ),
)]
pub async fn explain(
    State(operations): State<Operations>,
    QueryOf(NameQuery { name }): QueryOf<NameQuery>,
) -> Result<Response, Rejection> {
    let name = short("name", name)?;
    let turn = operations.question_turn().await?;
    let answer = operations.within(operations.control().explain(name)).await;
    rest(turn);
    Ok(json(StatusCode::OK, &Explanation::from(&answer?)))
}

/// What would be decided if a server were otherwise. Nothing is changed.
#[utoipa::path(
    get, path = "/v1/what-if", tag = "look",
    params(
        ("server" = String, Query, description = "A server, or several of one cluster with commas"),
        (
            "suppose" = String, Query,
            description = "`down`, `up`, `promoted`, `read-only`, `drained`, or `lag=` and a \
                           duration; as many with commas as there are servers"
        ),
    ),
    responses(
        (status = 200, description = "The cluster as it is and as it would be", body = WhatIf),
        (status = 400, description = "That cannot be supposed", body = Refused),
        (status = 404, description = "There is no such server", body = Refused),
        (status = 503, description = "The service stops, or does not answer", body = Refused),
    ),
)]
pub async fn what_if(
    State(operations): State<Operations>,
    QueryOf(WhatIfQuery { server, suppose }): QueryOf<WhatIfQuery>,
) -> Result<Response, Rejection> {
    let servers: Vec<_> = server.split(',').collect();
    let suppositions: Vec<_> = suppose.split(',').collect();
    if servers.len() != suppositions.len() {
        let error = format!(
            "`server` names {} and `suppose` has {}; send one of each kind for each server",
            servers.len(),
            suppositions.len()
        );
        return Err(Rejection::bad(error));
    }
    if servers.len() > SUPPOSED_MOST {
        return Err(Rejection::bad(format!("at most {SUPPOSED_MOST} servers at a time")));
    }
    let mut supposed = Vec::new();
    for (server, supposition) in servers.into_iter().zip(suppositions) {
        let Supposed(supposition) = supposition.parse()?;
        supposed.push((short("server", server.to_owned())?, supposition));
    }
    let turn = operations.question_turn().await?;
    let answer = operations.within(operations.control().what_if(supposed)).await;
    rest(turn);
    Ok(json(StatusCode::OK, &WhatIf::from(&answer?)))
}

/// Keeps the turn for a moment, in which the driver does other things.
pub fn rest(turn: tokio::sync::OwnedSemaphorePermit) {
    tokio::spawn(async move {
        sleep(PAUSE).await;
        drop(turn);
    });
}

/// Servers of which something is supposed at once.
const SUPPOSED_MOST: usize = 16;

/// As people write it.
struct Supposed(Supposition);

impl FromStr for Supposed {
    type Err = Rejection;

    fn from_str(text: &str) -> Result<Self, Rejection> {
        let lag = text.strip_prefix("lag=").and_then(|lag| duration::parse(lag).ok());
        Ok(Self(match (text, lag) {
            ("down", _) => Supposition::Down,
            ("up", _) => Supposition::Up,
            ("promoted", _) => Supposition::Promoted,
            ("read-only", _) => Supposition::ReadOnly,
            ("drained", _) => Supposition::Drained,
            (_, Some(lag)) => Supposition::Lag(lag),
            _ => {
                let text = shown(text);
                return Err(Rejection::bad(format!(
                    "`{text}` cannot be supposed; write down, up, promoted, read-only, drained, or \
                     lag= and {}",
                    duration::FORM
                )));
            }
        }))
    }
}

/// A name that could be one.
fn short(field: &str, name: String) -> Result<Box<str>, Rejection> {
    match name.len() {
        1..=NAME_OCTETS => Ok(name.into()),
        _ => Err(Rejection::bad(format!("`{field}` has 1 to {NAME_OCTETS} characters"))),
    }
}

/// Octets of a DNS name in text, escapes apart (RFC 1035 section 2.3.4).
const NAME_OCTETS: usize = 254;

/// Between two questions.
const PAUSE: Duration = Duration::from_millis(5);
