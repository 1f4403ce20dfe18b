//! GETs, each over a connection of its own (RFC 9110, RFC 9112). Redirects are replies like any other
//! and are not followed.

mod exchange;
mod lines;

use std::{io, sync::Arc};

use http_body_util::Empty;
use hyper::{
    Request,
    body::Bytes,
    header::{AUTHORIZATION, CONNECTION, HOST, HeaderValue, USER_AGENT},
};
use rustls::{ClientConfig, pki_types::ServerName};
use tokio::time::Instant;
use tokio_rustls::TlsConnector;

use self::exchange::Exchange;
pub use self::lines::Lines;
use super::WitnessTarget;
use crate::{
    config::{ProbeConfig, ProbeTarget, Secret, TlsMode},
    engine::{Failure, FailureKind, Testimony, Word},
    probe::{
        dial::Dial,
        socket::{Meter, Metered, failure_of},
        tls,
        trail::Trail,
    },
};

/// A check of a status.
pub struct Http {
    client: Client,
    path: Box<str>,
    /// Any 2xx when it is empty.
    expect: Vec<u16>,
}

impl Http {
    pub fn new(
        target: &WitnessTarget,
        (port, host, tls): (u16, Option<&str>, &TlsMode),
        path: &str,
        expect: &[u16],
    ) -> Self {
        let at = ProbeTarget { host: target.target.host.clone(), port };
        let client = Client::new(at, Arc::clone(&target.config), host, tls);
        Self { client, path: path.into(), expect: expect.into() }
    }

    /// How it is reached.
    pub fn dial(&mut self) -> &mut Dial {
        self.client.dial()
    }

    /// Asks once; a status that is not expected is `down`.
    pub async fn ask(&mut self, deadline: Instant) -> Result<Testimony, Failure> {
        let Answer { status, .. } = self.client.get(&self.path, 0, deadline).await?;
        let good = match &self.expect[..] {
            [] => (200..300).contains(&status),
            expect => expect.contains(&status),
        };
        let word = if good { Word::Up } else { Word::Down };
        Ok(Testimony::new(word, format!("GET {}: {status}", self.path)))
    }
}

/// Where GETs are sent.
pub struct Client {
    dial: Dial,
    host: Box<str>,
    tls: Result<Option<Arc<ClientConfig>>, Failure>,
    token: Option<Secret>,
}

/// A whole reply.
pub struct Answer {
    pub(super) status: u16,
    pub(super) body: Vec<u8>,
}

impl Answer {
    /// The body of a reply with the status 200.
    ///
    /// # Errors
    ///
    /// The status, if it is another one.
    pub fn whole(self) -> Result<Vec<u8>, u16> {
        match self.status {
            200 => Ok(self.body),
            status => Err(status),
        }
    }
}

impl Client {
    /// A client for the service at `target`, which is reached as servers of `config` are. `host` is
    /// what the service calls itself, by default what we call it.
    pub fn new(
        target: ProbeTarget,
        config: Arc<ProbeConfig>,
        host: Option<&str>,
        mode: &TlsMode,
    ) -> Self {
        let host = host.map_or_else(|| target.to_string(), str::to_owned).into();
        let tls = match mode {
            TlsMode::Disable => Ok(None),
            mode => {
                tls::client_config(mode, &Trail::default()).map(|config| Some(Arc::new(config)))
            }
        };
        Self { dial: Dial::new(target, config), host, tls, token: None }
    }

    /// The same, which shows a bearer token (RFC 6750).
    #[must_use]
    pub fn with_token(mut self, token: Secret) -> Self {
        self.token = Some(token);
        self
    }

    /// How it is reached.
    pub(super) fn dial(&mut self) -> &mut Dial {
        &mut self.dial
    }

    /// Asks for `path` and reads at most `most` octets of the body; a longer one is `Garbled`
    /// unless nothing of it is wanted. To be dropped at its deadline, by which it connects.
    ///
    /// # Errors
    ///
    /// How it failed. A status, whatever it is, is a reply.
    pub async fn get(
        &mut self,
        path: &str,
        most: usize,
        deadline: Instant,
    ) -> Result<Answer, Failure> {
        let mut exchange = self.ask(path, deadline).await?;
        let mut body = Vec::new();
        while most > 0
            && let Some(part) = exchange.part().await?
        {
            if body.len() + part.len() > most {
                let detail = format!("a reply of more than {most} octets");
                return Err(Failure::new(FailureKind::Garbled, detail));
            }
            body.extend_from_slice(&part);
        }
        Ok(Answer { status: exchange.status(), body })
    }

    /// Asks for `path`, and leaves it to others to read the reply line by line, if its status is 200;
    /// else the status. To be dropped at its deadline, by which it connects.
    ///
    /// # Errors
    ///
    /// How it failed.
    pub async fn lines(
        &mut self,
        path: &str,
        deadline: Instant,
    ) -> Result<Result<Lines, u16>, Failure> {
        let exchange = self.ask(path, deadline).await?;
        Ok(match exchange.status() {
            200 => Ok(Lines::new(exchange)),
            status => Err(status),
        })
    }

    async fn ask(&mut self, path: &str, deadline: Instant) -> Result<Exchange, Failure> {
        let tls = self.tls.clone()?;
        let mut request = Request::get(path)
            .header(HOST, &*self.host)
            .header(USER_AGENT, "pointsman")
            .header(CONNECTION, "close");
        if let Some(token) = &self.token {
            let mut value = HeaderValue::from_str(&format!("Bearer {}", token.reveal()))
                .map_err(|error| Failure::new(FailureKind::Misconfigured, error.to_string()))?;
            value.set_sensitive(true);
            request = request.header(AUTHORIZATION, value);
        }
        let request = request
            .body(Empty::<Bytes>::new())
            .map_err(|error| Failure::new(FailureKind::Misconfigured, error.to_string()))?;
        let (stream, _) = self.dial.connect(deadline).await?;
        let (stream, meter) = Metered::new(stream);
        let Some(config) = tls else {
            return Exchange::begin(stream, meter, request).await;
        };
        let name = ServerName::try_from(self.dial.host())
            .map_err(|error| Failure::new(FailureKind::Misconfigured, error.to_string()))?;
        let encrypted = TlsConnector::from(config).connect(name, stream).await;
        let encrypted = encrypted.map_err(|error| handshake_failure(&error, &meter))?;
        Exchange::begin(encrypted, meter, request).await
    }
}

fn handshake_failure(error: &io::Error, meter: &Meter) -> Failure {
    let of_tls = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match (of_tls, meter.end()) {
        (Some(error), _) => tls::misconfigured(error),
        (None, Some(end)) => end.clone(),
        (None, None) => failure_of(error, "TLS"),
    }
}
