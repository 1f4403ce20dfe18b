//! The client of a running service: HTTP over the Unix socket of `[admin]`.
//!
//! One request, one connection, one deadline. Every failure says what to do about it.

use std::{
    io,
    os::unix::fs::MetadataExt,
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

use crate::{
    api::{ClusterStatus, Refused, SessionReport},
    config::{AdminConfig, ConfigError},
    plain_text::one_line,
};

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
        "may not talk to `{}`; only its owner and the group {group} may: {}",
        socket.display(),
        way_in(group)
    )]
    Forbidden {
        /// The socket.
        socket: PathBuf,
        /// Whose members may.
        group: String,
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
        patience.as_secs()
    )]
    TimedOut {
        /// The socket.
        socket: PathBuf,
        /// How long was waited.
        patience: Duration,
    },
    /// There can be no runtime.
    #[error("the system is out of what a command needs; raise the limit of open files")]
    Runtime(#[source] io::Error),
    /// The service says no, and why.
    #[error("{reason}")]
    Refused {
        /// Its status.
        status: StatusCode,
        /// Its words.
        reason: String,
    },
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
        block_on(self.ask(Method::POST, path, Some(body)))
    }

    /// Reads what is at `path`. Blocks, and must not be called in a runtime.
    ///
    /// # Errors
    /// [`ClientError`], when there is no answer or it is a refusal.
    pub fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        block_on(self.ask(Method::GET, path, None::<&()>))
    }

    /// One cluster.
    ///
    /// # Errors
    /// [`ClientError`], when there is no answer or it is a refusal.
    pub async fn cluster(&self, name: &str) -> Result<ClusterStatus, ClientError> {
        self.ask(Method::GET, &format!("/v1/clusters/{}", encoded(name)), None::<&()>).await
    }

    /// The sessions of a server.
    ///
    /// # Errors
    /// [`ClientError`], when there is no answer or it is a refusal.
    pub async fn sessions(&self, server: &str) -> Result<SessionReport, ClientError> {
        let path = format!("/v1/servers/{}/sessions", encoded(server));
        self.ask_patiently(Method::GET, &path, None::<&()>).await
    }

    /// Sends one request and reads the answer.
    ///
    /// # Errors
    /// [`ClientError`], when there is no answer or it is a refusal.
    pub(super) async fn ask<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<&impl Serialize>,
    ) -> Result<T, ClientError> {
        self.ask_within(PATIENCE, method, path, body).await
    }

    /// As [`Self::ask`], where the answer waits for a database.
    ///
    /// # Errors
    /// [`ClientError`], when there is no answer or it is a refusal.
    pub(super) async fn ask_patiently<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<&impl Serialize>,
    ) -> Result<T, ClientError> {
        self.ask_within(MUCH_PATIENCE, method, path, body).await
    }

    async fn ask_within<T: DeserializeOwned>(
        &self,
        patience: Duration,
        method: Method,
        path: &str,
        body: Option<&impl Serialize>,
    ) -> Result<T, ClientError> {
        let body = body.map(serde_json::to_vec).transpose();
        let body = body.map_err(|error| self.broken(error))?.unwrap_or_default();
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(HOST, "localhost")
            .header(CONTENT_TYPE, "application/json")
            .body(Full::new(Bytes::from(body)));
        let request = request.map_err(|error| self.broken(error))?;
        let (status, octets) = timeout(patience, self.exchange(request))
            .await
            .map_err(|_| ClientError::TimedOut { socket: self.socket.clone(), patience })??;
        if !status.is_success() {
            return Err(refused(status, &octets));
        }
        serde_json::from_slice(&octets).map_err(|error| self.broken(error))
    }

    /// Reads the events at `path` from after `last` on, and gives each to `take` with its number,
    /// until the service ends the stream.
    ///
    /// # Errors
    /// [`ClientError`], when there is no stream, or a refusal.
    pub(super) async fn follow(
        &self,
        path: &str,
        last: Option<u64>,
        take: &mut dyn FnMut(&str) -> io::Result<()>,
    ) -> Result<(), ClientError> {
        let mut request =
            Request::builder().method(Method::GET).uri(path).header(HOST, "localhost");
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        let request = request.body(Full::new(Bytes::new())).map_err(|error| self.broken(error))?;
        let stream = UnixStream::connect(&self.socket).await.map_err(|error| self.lost(error))?;
        let (mut sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.map_err(|error| self.broken(error))?;
        // The connection ends with its task, and that with the runtime.
        tokio::spawn(connection);
        let response = sender.send_request(request).await.map_err(|error| self.broken(error))?;
        let status = response.status();
        let mut body = response.into_body();
        if !status.is_success() {
            let octets = Limited::new(body, ANSWER_OCTETS).collect().await;
            let octets = octets.map_err(|error| self.broken(error))?.to_bytes();
            return Err(refused(status, &octets));
        }
        let mut rest = Vec::new();
        while let Some(frame) = body.frame().await {
            let Ok(frame) = frame else { return Ok(()) };
            rest.extend_from_slice(frame.data_ref().map_or(&[][..], |data| data));
            while let Some(end) = rest.iter().position(|octet| *octet == b'\n') {
                let line: Vec<_> = rest.drain(..=end).collect();
                let line = String::from_utf8_lossy(&line);
                if let Some(data) = line.strip_prefix("data: ") {
                    take(data.trim_end()).map_err(|error| self.broken(error))?;
                }
            }
            if rest.len() > LINE_OCTETS {
                return Err(self.broken("an event is longer than any can be"));
            }
        }
        Ok(())
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
            io::ErrorKind::PermissionDenied => {
                let group = group_of(&socket);
                ClientError::Forbidden { socket, group, source }
            }
            _ => self.broken(source),
        }
    }

    fn broken(&self, what: impl ToString) -> ClientError {
        ClientError::Broken { socket: self.socket.clone(), what: what.to_string() }
    }
}

/// How somebody gets to be one of those who may. Nobody should join the group of root for this.
fn way_in(group: &str) -> String {
    match group {
        "root" => "use sudo, or give the socket a group of people (SocketGroup= of \
                   pointsman.socket)"
            .to_owned(),
        _ => format!(
            "become a member of it (`usermod -aG {group} USER`, and log in again), or use sudo"
        ),
    }
}

/// Runs one request to its end, on a runtime of its own.
pub fn block_on<T>(work: impl Future<Output = Result<T, ClientError>>) -> Result<T, ClientError> {
    match runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(work),
        Err(error) => Err(ClientError::Runtime(error)),
    }
}

/// `key=value&…`, with what has a meaning in a query encoded.
pub fn query(pairs: &[(&str, &str)]) -> String {
    let pairs = pairs.iter().map(|(key, value)| format!("{key}={}", encoded(value)));
    pairs.collect::<Vec<_>>().join("&")
}

/// Everything but what never has a meaning in a URL (RFC 3986 section 2.3), percent-encoded.
pub fn encoded(text: &str) -> String {
    let mut encoded = String::new();
    for octet in text.bytes() {
        match octet {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                encoded.push(octet.into());
            }
            _ => encoded += &format!("%{octet:02X}"),
        }
    }
    encoded
}

/// What a refusal says.
fn refused(status: StatusCode, octets: &[u8]) -> ClientError {
    let reason = match serde_json::from_slice::<Refused>(octets) {
        Ok(refused) => one_line(&refused.error),
        Err(_) => format!("the service answers {status}"),
    };
    ClientError::Refused { status, reason }
}

/// The name of the group that owns a file, as group(5) has it; its number when that is not to be
/// found.
fn group_of(path: &Path) -> String {
    let Ok(found) = std::fs::metadata(path) else {
        return "of the socket".to_owned();
    };
    let number = found.gid().to_string();
    let groups = std::fs::read_to_string("/etc/group").unwrap_or_default();
    let mut lines = groups.lines().map(|line| line.split(':').collect::<Vec<_>>());
    match lines.find(|fields| fields.get(2) == Some(&number.as_str())) {
        Some(fields) => fields[0].to_owned(),
        None => number,
    }
}

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long an answer may take that waits for a database.
const MUCH_PATIENCE: Duration = Duration::from_secs(10);

/// Octets of an answer at most.
const ANSWER_OCTETS: usize = 256 * 1024 * 1024;

/// Octets of a line of a stream at most.
const LINE_OCTETS: usize = 1024 * 1024;
