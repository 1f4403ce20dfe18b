//! One POST of one change over a connection of its own (RFC 9110, RFC 9112). Redirects are replies
//! like any other and are not followed; bodies of replies are not read.

use std::{io, pin::pin, sync::Arc};

use http_body_util::Full;
use hyper::{
    Request,
    body::Bytes,
    client::conn::http1,
    header::{CONNECTION, CONTENT_TYPE, HOST, USER_AGENT},
};
use hyper_util::rt::TokioIo;
use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, ServerName},
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};
use tokio_rustls::TlsConnector;

use super::signature::signature;
use crate::{
    api::EventEntry,
    chronicle::Entry,
    clock,
    config::{TargetHost, TlsMode, WebhookConfig},
};

/// Why a request did not tell it.
#[derive(Debug, thiserror::Error)]
pub enum WebhookFault {
    #[error("no connection: {0}")]
    Connect(io::Error),
    #[error("TLS: {0}")]
    Tls(String),
    #[error("no HTTP reply: {0}")]
    Http(#[from] hyper::Error),
    #[error("cannot be sent: {0}")]
    Request(String),
    #[error("the reply is {0}, not 2xx")]
    Status(u16),
}

/// Sends `entry` once. To be dropped at its deadline.
///
/// # Errors
///
/// [`WebhookFault`], for everything but a reply of 2xx.
pub async fn post(webhook: &WebhookConfig, entry: &Entry) -> Result<(), WebhookFault> {
    let request = request(webhook, entry, clock::unix_seconds())?;
    let port = webhook.target.port;
    let (stream, name) = match &webhook.target.host {
        TargetHost::Address(address) => {
            (TcpStream::connect((*address, port)).await, address.to_string())
        }
        TargetHost::Name(name) => {
            let bare = name.trim_end_matches('.').to_owned();
            (TcpStream::connect((&**name, port)).await, bare)
        }
    };
    let stream = stream.map_err(WebhookFault::Connect)?;
    let status = match &webhook.tls {
        TlsMode::VerifyFull { authorities } => {
            let config = client_config(authorities).map_err(of_tls)?;
            let name = ServerName::try_from(name).map_err(of_tls)?;
            let encrypted = TlsConnector::from(Arc::new(config)).connect(name, stream).await;
            exchange(encrypted.map_err(of_tls)?, request).await?
        }
        TlsMode::Disable | TlsMode::Prefer | TlsMode::Require => exchange(stream, request).await?,
    };
    match status {
        200..=299 => Ok(()),
        status => Err(WebhookFault::Status(status)),
    }
}

/// The request at the time `now`, in seconds since 1970.
fn request(
    webhook: &WebhookConfig,
    entry: &Entry,
    now: u64,
) -> Result<Request<Full<Bytes>>, WebhookFault> {
    let cannot = |error: &dyn std::fmt::Display| WebhookFault::Request(error.to_string());
    let body = serde_json::to_vec(&EventEntry::from(entry)).map_err(|error| cannot(&error))?;
    let timestamp = now.to_string();
    // Without a state folder ids begin anew with each process; the time tells them apart.
    let delivery = format!("{:.3}-{}", entry.change.at, entry.id);
    let mut request = Request::post(&*webhook.path)
        .header(HOST, webhook.target.to_string())
        .header(USER_AGENT, "pointsman")
        .header(CONNECTION, "close")
        .header(CONTENT_TYPE, "application/json")
        .header("X-Pointsman-Event", entry.change.kind().name())
        .header("X-Pointsman-Delivery", delivery)
        .header("X-Pointsman-Timestamp", &timestamp);
    if let Some(secret) = &webhook.secret {
        let signature = signature(secret.reveal(), &timestamp, &body);
        request = request.header("X-Pointsman-Signature", signature);
    }
    request.body(Full::from(body)).map_err(|error| cannot(&error))
}

/// Settings that trust `authorities`, each in DER, and nobody else.
fn client_config(authorities: &[Vec<u8>]) -> Result<ClientConfig, rustls::Error> {
    let mut roots = RootCertStore::empty();
    for authority in authorities {
        roots.add(CertificateDer::from(authority.as_slice()))?;
    }
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

fn of_tls(error: impl std::fmt::Display) -> WebhookFault {
    WebhookFault::Tls(error.to_string())
}

/// Sends `request` and waits for the status of the reply, while the connection is driven beside it.
async fn exchange<S>(stream: S, request: Request<Full<Bytes>>) -> Result<u16, WebhookFault>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let mut connection = pin!(connection);
    let mut reply = pin!(sender.send_request(request));
    let mut ended = false;
    loop {
        tokio::select! {
            biased;
            reply = &mut reply => return Ok(reply?.status().as_u16()),
            // What has been received is still to be read, and an error comes out there.
            _ = &mut connection, if !ended => ended = true,
        }
    }
}
