//! One GET over a connection of its own (RFC 9110, RFC 9112). Redirects are replies like any other
//! and are not followed.

use std::{io, pin::pin, sync::Arc};

use http_body_util::{BodyExt as _, Empty};
use hyper::{
    Request,
    body::{Bytes, Incoming},
    client::conn::http1,
    header::{AUTHORIZATION, CONNECTION, HOST, HeaderValue, USER_AGENT},
};
use hyper_util::rt::TokioIo;
use rustls::{ClientConfig, pki_types::ServerName};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::Instant,
};
use tokio_rustls::TlsConnector;

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
            return exchange(stream, &meter, request, most).await;
        };
        let name = ServerName::try_from(self.dial.host())
            .map_err(|error| Failure::new(FailureKind::Misconfigured, error.to_string()))?;
        let encrypted = TlsConnector::from(config).connect(name, stream).await;
        let encrypted = encrypted.map_err(|error| handshake_failure(&error, &meter))?;
        exchange(encrypted, &meter, request, most).await
    }
}

/// Sends `request` and reads the reply, while the connection is driven beside it.
async fn exchange<S>(
    stream: S,
    meter: &Meter,
    request: Request<Empty<Bytes>>,
    most: usize,
) -> Result<Answer, Failure>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let handshake = http1::handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = handshake.map_err(|error| failure(&error, meter))?;
    let mut connection = pin!(connection);
    let mut reply = pin!(async {
        let reply = sender.send_request(request).await.map_err(|error| failure(&error, meter))?;
        let status = reply.status().as_u16();
        let body = match most {
            0 => Vec::new(),
            most => read(reply.into_body(), most, meter).await?,
        };
        Ok(Answer { status, body })
    });
    let mut ended = false;
    loop {
        tokio::select! {
            biased;
            reply = &mut reply => return reply,
            // What has been received is still to be read, and an error comes out there.
            _ = &mut connection, if !ended => ended = true,
        }
    }
}

async fn read(mut body: Incoming, most: usize, meter: &Meter) -> Result<Vec<u8>, Failure> {
    let mut octets = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| failure(&error, meter))?;
        let Ok(data) = frame.into_data() else { continue };
        if octets.len() + data.len() > most {
            let detail = format!("a reply of more than {most} octets");
            return Err(Failure::new(FailureKind::Garbled, detail));
        }
        octets.extend_from_slice(&data);
    }
    Ok(octets)
}

/// What an error of the HTTP library proves. One that does not parse is odd, whatever the
/// connection did then.
fn failure(error: &hyper::Error, meter: &Meter) -> Failure {
    match meter.end() {
        Some(end) if !error.is_parse() => end.clone(),
        _ => Failure::new(FailureKind::Garbled, format!("no HTTP reply: {error}")),
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
