//! The client of a running service: HTTP over the Unix socket of `[admin]`.
//!
//! One request, one connection, one deadline. Every failure says what to do about it.

use std::{
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use http_body_util::{BodyExt, Full, Limited};
use hyper::{
    Method, Request, StatusCode,
    body::Bytes,
    client::conn::http1,
    header::{CONTENT_TYPE, HOST},
};
use hyper_util::rt::TokioIo;
use serde::{Serialize, de::DeserializeOwned};
use tokio::{net::UnixStream, runtime, time::timeout};

use crate::config::{AdminConfig, ConfigError};

/// Whom to ask.
#[derive(Clone, Debug)]
pub struct Client {
    socket: PathBuf,
}

/// Why there is no answer that can be used.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The configuration cannot be read.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The configuration names no socket.
    #[error(
        "{} names no socket; set `socket` in [admin], for example \"/run/pointsman/admin.sock\", \
         and restart the service, or name the socket with --socket",
        config.display()
    )]
    NoSocket {
        /// The configuration file.
        config: PathBuf,
    },
    /// Nobody listens.
    #[error(
        "nobody listens on `{}`: the service does not run, or has another `socket` in [admin]; \
         see `systemctl status pointsman`, or name the socket with --socket",
        socket.display()
    )]
    NobodyListens {
        /// The socket.
        socket: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The permissions of the socket.
    #[error(
        "may not talk to `{}`; only its owner and its group may: become a member of the group that \
         `ls -l` shows, or use sudo",
        socket.display()
    )]
    Forbidden {
        /// The socket.
        socket: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Anything else on the way.
    #[error("cannot talk to `{}`: {what}", socket.display())]
    Broken {
        /// The socket.
        socket: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// There is no answer in time.
    #[error(
        "no answer from `{}` within {} s; the log of the service may say why",
        socket.display(),
        PATIENCE.as_secs()
    )]
    TimedOut {
        /// The socket.
        socket: PathBuf,
    },
    /// The service says no, and why.
    #[error("{reason}")]
    Refused {
        /// Its status.
        status: StatusCode,
        /// Its words.
        reason: String,
    },
}

/// What every refusal holds.
#[derive(serde::Deserialize)]
struct Refusal {
    error: String,
}

impl Client {
    /// Of the service behind `socket`; by default the one in the configuration file at `config`,
    /// of which nothing but `[admin]` is read.
    ///
    /// # Errors
    /// [`ClientError::Config`] and [`ClientError::NoSocket`].
    pub fn new(socket: Option<&Path>, config: &Path) -> Result<Self, ClientError> {
        let socket = match socket {
            Some(socket) => socket.to_owned(),
            None => AdminConfig::load(config)?
                .socket
                .ok_or_else(|| ClientError::NoSocket { config: config.to_owned() })?,
        };
        Ok(Self { socket })
    }

    /// Posts `body` to `path` and reads the answer. Blocks, and must not be called in a runtime.
    ///
    /// # Errors
    /// [`ClientError`], when there is no answer or it is a refusal.
    pub fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, ClientError> {
        let body = serde_json::to_vec(body).map_err(|error| self.broken(error))?;
        let request = Request::builder()
            .method(Method::POST)
            .uri(path)
            .header(HOST, "localhost")
            .header(CONTENT_TYPE, "application/json")
            .body(Full::new(Bytes::from(body)));
        let request = request.map_err(|error| self.broken(error))?;
        let runtime = runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| self.broken(error))?;
        let exchange = async { timeout(PATIENCE, self.exchange(request)).await };
        let (status, octets) = runtime
            .block_on(exchange)
            .map_err(|_| ClientError::TimedOut { socket: self.socket.clone() })??;
        if !status.is_success() {
            let reason = match serde_json::from_slice::<Refusal>(&octets) {
                Ok(refusal) => refusal.error,
                Err(_) => format!("the service answers {status}"),
            };
            return Err(ClientError::Refused { status, reason });
        }
        serde_json::from_slice(&octets).map_err(|error| self.broken(error))
    }

    async fn exchange(
        &self,
        request: Request<Full<Bytes>>,
    ) -> Result<(StatusCode, Bytes), ClientError> {
        let stream = UnixStream::connect(&self.socket).await.map_err(|error| self.lost(error))?;
        let (mut sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.map_err(|error| self.broken(error))?;
        let answer = async {
            let response =
                sender.send_request(request).await.map_err(|error| self.broken(error))?;
            let status = response.status();
            let body = Limited::new(response.into_body(), ANSWER_OCTETS).collect().await;
            let body = body.map_err(|error| self.broken(error))?;
            Ok((status, body.to_bytes()))
        };
        // What is wrong with the connection is what the answer ends with.
        let connection = async {
            if connection.await.is_err() {
                std::future::pending().await
            }
        };
        tokio::pin!(answer);
        tokio::select! {
            answer = &mut answer => answer,
            () = connection => answer.await,
        }
    }

    /// Sorts out why there is no connection.
    fn lost(&self, source: io::Error) -> ClientError {
        let socket = self.socket.clone();
        match source.kind() {
            io::ErrorKind::NotFound
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::NotADirectory => ClientError::NobodyListens { socket, source },
            io::ErrorKind::PermissionDenied => ClientError::Forbidden { socket, source },
            _ => self.broken(source),
        }
    }

    fn broken(&self, what: impl ToString) -> ClientError {
        ClientError::Broken { socket: self.socket.clone(), what: what.to_string() }
    }
}

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// Octets of an answer at most.
const ANSWER_OCTETS: usize = 16 * 1024 * 1024;
