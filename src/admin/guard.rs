//! Who may ask, and who may change.
//!
//! - Whoever may write to the Unix socket may do everything. Over TCP everybody may read, and only
//!   who has a token may change: what its scope is for, of its clusters, until its end. The scope
//!   that a path needs stands beside it in `routes.rs` and is checked here; the clusters are checked
//!   by who knows what the request is about.
//! - A web page must not reach us through its reader's browser. It could have its own host name lead
//!   to our address (DNS rebinding), so the Host header must be an address, `localhost` or one of
//!   the configured names; and it could send requests across origins, so one that comes from another
//!   origin (RFC 6454) changes nothing. That holds on the Unix socket too, which a tunnel may have
//!   put behind a port.
//! - Health checks and hints are harmless, and whoever sends them calls us as they like.

use std::{
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{
    extract::{Request, State},
    http::{HeaderMap, StatusCode, header, uri::Authority},
    middleware::Next,
    response::{IntoResponse, Response},
};
use tokio::time::Instant;
use tracing::warn;

use super::{
    audit::{Audit, Recording},
    caller::Caller,
    connections::Peer,
    rejection::{Rejection, shown},
    token::{TokenError, Tokens},
};
use crate::{
    clock,
    config::{AdminConfig, Scope},
};

/// The rules of `[admin]`.
#[derive(Debug)]
pub struct Guard {
    /// In lower case.
    hosts: Vec<Box<str>>,
    tokens: Tokens,
    /// Where changes are written down.
    audit: Audit,
    /// When a refused change was last logged.
    logged: Mutex<Option<Instant>>,
}

impl Guard {
    /// The guard that `config` asks for.
    pub fn new(config: &AdminConfig, audit: Audit) -> Arc<Self> {
        let tokens = Tokens::new(config);
        Arc::new(Self { hosts: config.hosts.clone(), tokens, audit, logged: Mutex::default() })
    }

    /// Where changes are written down.
    pub fn audit(&self) -> &Audit {
        &self.audit
    }

    /// Whether the request is meant for us.
    fn check_host(&self, request: &Request) -> Result<(), Rejection> {
        let host = host(request)?;
        let name = host.host().trim_end_matches('.').to_ascii_lowercase();
        let bare = name.trim_start_matches('[').trim_end_matches(']');
        let is_known = bare.parse::<IpAddr>().is_ok()
            || name == "localhost"
            || self.hosts.iter().any(|known| **known == *name);
        if is_known && !host.as_str().contains('@') {
            return Ok(());
        }
        let error = format!(
            "requests for the host `{}` are not for us; ask by address or localhost, or add the \
             name to `hosts` in [admin]",
            shown(host.as_str())
        );
        Err(Rejection::new(StatusCode::MISDIRECTED_REQUEST, error))
    }

    /// Who sends `request`, if that one may ask for what needs `scope`.
    fn check_right(&self, request: &Request, scope: Scope) -> Result<Caller, Refused> {
        check_origin(request).map_err(Refused::Stranger)?;
        let caller = match request.extensions().get() {
            Some(Peer::Local { .. }) => Caller::unnamed(),
            Some(Peer::Network(client)) => match self.check_token(request.headers()) {
                Ok(caller) => caller,
                Err(rejection) => {
                    self.log_refused(*client, request.uri().path());
                    return Err(Refused::Stranger(rejection));
                }
            },
            None => {
                let error = "nobody knows where this is from";
                return Err(Refused::Stranger(Rejection::new(StatusCode::FORBIDDEN, error)));
            }
        };
        match caller.check_scope(scope) {
            Ok(()) => Ok(caller),
            Err(rejection) => Err(Refused::Known(caller, rejection)),
        }
    }

    /// One line a second at most, whatever comes.
    fn log_refused(&self, client: SocketAddr, path: &str) {
        let mut logged = self.logged.lock().unwrap_or_else(PoisonError::into_inner);
        if logged.is_none_or(|last| last.elapsed() >= LOG_APART) {
            *logged = Some(Instant::now());
            let (from, path) = (client.ip().to_canonical(), shown(path));
            warn!(event = "admin_refused", %from, path, "a change without a token was refused");
        }
    }

    fn check_token(&self, headers: &HeaderMap) -> Result<Caller, Rejection> {
        let unauthorized = |error: &str| Err(Rejection::new(StatusCode::UNAUTHORIZED, error));
        if self.tokens.are_none() {
            return Err(none_set());
        }
        let mut given = headers.get_all(header::AUTHORIZATION).iter();
        let (Some(given), None) = (given.next(), given.next()) else {
            return unauthorized(
                "this needs a token of [admin]; send one header `Authorization: Bearer TOKEN`",
            );
        };
        let bearer = given.to_str().ok().and_then(|value| value.split_once(' '));
        let given = match bearer {
            Some((scheme, given)) if scheme.eq_ignore_ascii_case("bearer") => given.trim(),
            _ => return unauthorized("send the token as `Authorization: Bearer TOKEN`"),
        };
        match self.tokens.caller(given, clock::wall_time()) {
            Ok(caller) => Ok(caller),
            Err(TokenError::NoneSet) => Err(none_set()),
            Err(TokenError::Unknown) => unauthorized("this is no token of [admin] as it is now"),
            Err(TokenError::Expired { name, until }) => unauthorized(&format!(
                "the token of `{name}` has ended at {until}; set another `until` in \
                 [[admin.token]], and restart"
            )),
            Err(TokenError::Ambiguous) => Err(Rejection::unavailable(
                "two files of [admin] hold this token, so nobody can tell whose it is; give each \
                 its own",
            )),
            Err(TokenError::Unusable) => Err(Rejection::unavailable(
                "the token's file cannot be used, so nothing is changed over HTTP; the log of the \
                 service says why",
            )),
        }
    }
}

fn none_set() -> Rejection {
    let error = "changes over HTTP need a token, and none is set; set `token_file` or \
                 [[admin.token]] in [admin], or use the Unix socket";
    Rejection::new(StatusCode::FORBIDDEN, error)
}

/// Why a request comes to nothing before anybody reads what it asks for.
enum Refused {
    /// From anybody: there is no right.
    Stranger(Rejection),
    /// There is one, for less.
    Known(Caller, Rejection),
}

/// A path that needs a right, and what it needs.
#[derive(Clone, Debug)]
pub struct Door {
    guard: Arc<Guard>,
    scope: Scope,
}

impl Door {
    /// For who has `scope`.
    pub fn new(guard: &Arc<Guard>, scope: Scope) -> Self {
        Self { guard: Arc::clone(guard), scope }
    }
}

/// Lets requests pass that are meant for us. For all paths.
pub async fn meant_for_us(
    State(guard): State<Arc<Guard>>,
    request: Request,
    next: Next,
) -> Response {
    if !HARMLESS.contains(&request.uri().path())
        && let Err(rejection) = guard.check_host(&request)
    {
        return rejection.into_response();
    }
    next.run(request).await
}

/// Lets requests pass with a right for the path, and says who it is. What comes of those that are
/// for changes is written down.
pub async fn with_a_right(
    State(Door { guard, scope }): State<Door>,
    mut request: Request,
    next: Next,
) -> Response {
    let mut recording = Recording::begin(guard.audit(), &request);
    match guard.check_right(&request, scope) {
        Ok(caller) => {
            recording.is_from(caller.name());
            request.extensions_mut().insert(caller);
            request.extensions_mut().insert(recording.note());
            recording.finish(next.run(request).await).await
        }
        Err(Refused::Known(caller, rejection)) => {
            recording.is_from(caller.name());
            recording.finish(rejection.into_response()).await
        }
        Err(Refused::Stranger(rejection)) => {
            recording.finish_stranger(rejection.into_response()).await
        }
    }
}

/// The one host that the request is for. The target of the request wins (RFC 9112 section 3.2.2).
fn host(request: &Request) -> Result<Authority, Rejection> {
    let mut given = request.headers().get_all(header::HOST).iter();
    let in_header = match (given.next(), given.next()) {
        (Some(only), None) => only.to_str().ok().and_then(|host| host.parse().ok()),
        (None, _) => None,
        (Some(_), Some(_)) => return Err(Rejection::bad("there are two Host headers; send one")),
    };
    let found = request.uri().authority().cloned().or(in_header);
    found.ok_or_else(|| {
        Rejection::bad("there is no Host header that could be read; send `Host: localhost`")
    })
}

/// Browsers say where a request comes from, and only our own page may change something.
fn check_origin(request: &Request) -> Result<(), Rejection> {
    let foreign = || {
        let error = "a web page of another origin may change nothing; use the command line";
        Err(Rejection::new(StatusCode::FORBIDDEN, error))
    };
    let headers = request.headers();
    if headers.get("sec-fetch-site").is_some_and(|site| site != "same-origin" && site != "none") {
        return foreign();
    }
    let mut origins = headers.get_all(header::ORIGIN).iter();
    let Some(origin) = origins.next() else {
        return Ok(());
    };
    let host = host(request)?;
    // Who terminates TLS in front of us sends the origin that the browser sees.
    let is_ours = origin.to_str().is_ok_and(|origin| {
        let authority = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
        authority.is_some_and(|authority| authority.eq_ignore_ascii_case(host.as_str()))
    });
    if is_ours && origins.next().is_none() { Ok(()) } else { foreign() }
}

/// Paths that take any host.
const HARMLESS: [&str; 3] = ["/healthz", "/readyz", "/v1/hint"];

/// Between two lines of the log about refused changes.
const LOG_APART: Duration = Duration::from_secs(1);
