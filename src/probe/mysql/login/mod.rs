//! Logging in: greeting, TLS, the first answer, and the exchange by which the password is proven
//! (MySQL manual, "Connection Phase").
//!
//! The connection has no schema and names itself `pointsman` (`program_name` in
//! `performance_schema.session_connect_attrs`).

mod capabilities;
mod greeting;
mod parsec;
mod plugin;
mod rsa;

use std::sync::Arc;

use rustls::{ClientConfig, pki_types::ServerName};

use self::{
    capabilities::{CONNECT_ATTRS, PLUGIN_AUTH, PLUGIN_AUTH_LENENC, SSL, wanted},
    greeting::Greeting,
    plugin::{Disclosure, Exchange, Step},
};
use super::{
    error::Fault,
    wire::{Octets, REPLY_OCTETS_MAX, Wire},
};
use crate::{
    config::{ProbeConfig, ServerPublicKey, TlsMode},
    engine::{Failure, FailureKind},
    probe::{
        dial::Dial,
        trail::{self, Trail},
    },
};

/// utf8mb4_general_ci: every version of both families knows it.
const COLLATION: u8 = 45;

/// Whether the connection is to be encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encryption {
    /// Not at all.
    Off,
    /// If the server can.
    IfOffered,
    /// Or no login.
    Required,
}

/// Why nobody was let in.
#[derive(Debug)]
pub enum Refusal {
    /// The two sides speak no TLS that both understand.
    NoTls(Failure),
    /// Anything else.
    Other(Failure),
}

impl Encryption {
    /// What `mode` asks for.
    pub fn of(mode: &TlsMode) -> Self {
        match mode {
            TlsMode::Disable => Self::Off,
            TlsMode::Prefer => Self::IfOffered,
            TlsMode::Require | TlsMode::VerifyFull { .. } => Self::Required,
        }
    }
}

/// What a login needs to know, for as long as it takes.
pub struct Terms {
    config: Arc<ProbeConfig>,
    encryption: Encryption,
    /// The host as certificates name it, and how to encrypt; unless it is off.
    tls: Option<(String, Arc<ClientConfig>)>,
    trail: Trail,
}

impl Terms {
    /// The credentials for the server that `dial` reaches.
    ///
    /// # Errors
    /// `Misconfigured` when there is no way to encrypt.
    pub fn of(dial: &Dial, encryption: Encryption) -> Result<Self, Failure> {
        let tls = match encryption {
            Encryption::Off => None,
            Encryption::IfOffered | Encryption::Required => Some((dial.host(), dial.tls()?)),
        };
        let (config, trail) = (Arc::clone(&dial.config), dial.trail.clone());
        Ok(Self { config, encryption, tls, trail })
    }
}

/// Logs in over a new connection.
pub async fn log_in(mut wire: Wire, terms: Terms) -> Result<Wire, Refusal> {
    let Terms { config, encryption, tls, trail } = terms;
    trail.begin(trail::Step::Greeting);
    let greeting = Greeting::parse(&wire.receive().await?)?;
    if encryption != Encryption::Off {
        trail.begin(trail::Step::Tls);
    }
    let mut capabilities = wanted(greeting.capabilities);
    let offered = greeting.capabilities & SSL != 0;
    match tls {
        None => {}
        Some(_) if !offered && encryption == Encryption::Required => {
            let detail = "TLS: the server does not offer it";
            return Err(Refusal::Other(Failure::new(FailureKind::Misconfigured, detail)));
        }
        Some((host, tls)) if offered => {
            capabilities |= SSL;
            trail.say(|| "the server offers it".to_owned());
            wire.send(&head(capabilities).0).await?;
            wire = encrypt(wire, &host, tls).await?;
        }
        Some(_) => trail.say(|| "the server does not offer it: plain text".to_owned()),
    }
    trail.begin(trail::Step::Login);
    let (mut exchange, plugin, proof) = Exchange::begin(
        &greeting.plugin,
        greeting.nonce,
        password_of(&config),
        disclosure(&config, wire.is_encrypted()),
    );
    wire.send(&response(capabilities, &config, plugin, &proof)).await?;
    loop {
        match exchange.next(&wire.receive().await?)? {
            Step::Done => return Ok(wire),
            Step::Send(payload) => wire.send(&payload).await?,
            Step::Derive(proof) => {
                let config = Arc::clone(&config);
                let proof = proof.calculated(move || password_of(&config).to_vec()).await?;
                wire.send(&proof).await?;
            }
            Step::Wait => {}
        }
    }
}

/// As MySQL's own clients do (manual, "Caching SHA-2 Pluggable Authentication"): within TLS the
/// password, else nothing but what the operator asks for.
fn disclosure(config: &ProbeConfig, is_encrypted: bool) -> Disclosure<'_> {
    match &config.auth.server_public_key {
        _ if is_encrypted => Disclosure::Clear,
        ServerPublicKey::Pinned(key) => Disclosure::Pinned(key),
        ServerPublicKey::Requested => Disclosure::Requested,
        ServerPublicKey::Unknown => Disclosure::Refused,
    }
}

/// Empty for users without one.
fn password_of(config: &ProbeConfig) -> &[u8] {
    config.password.as_ref().map_or(&[], |secret| secret.reveal().as_bytes())
}

async fn encrypt(wire: Wire, host: &str, config: Arc<ClientConfig>) -> Result<Wire, Refusal> {
    let name = ServerName::try_from(host.trim_end_matches('.').to_owned()).map_err(|_| {
        let detail = format!("TLS: {host} cannot be the name in a certificate");
        Failure::new(FailureKind::Misconfigured, detail)
    })?;
    wire.encrypt(config, name).await.map_err(|failure| match failure.kind {
        FailureKind::Misconfigured => Refusal::NoTls(failure),
        _ => Refusal::Other(failure),
    })
}

/// "Protocol::SSLRequest", which is how "Protocol::HandshakeResponse41" begins.
fn head(capabilities: u32) -> Octets {
    let packet_max = u32::try_from(REPLY_OCTETS_MAX).unwrap_or(u32::MAX);
    let mut head = Octets::default();
    head.put(&capabilities.to_le_bytes())
        .put(&packet_max.to_le_bytes())
        .put(&[COLLATION])
        .put(&[0; 23]);
    head
}

/// "Protocol::HandshakeResponse41".
fn response(capabilities: u32, config: &ProbeConfig, plugin: &[u8], proof: &[u8]) -> Vec<u8> {
    let mut response = head(capabilities);
    response.put_text(config.user.as_bytes());
    // A proof has at most 32 octets, for which both ways to write its length are the same.
    debug_assert!(proof.len() < 251 || capabilities & PLUGIN_AUTH_LENENC != 0);
    response.put_counted(proof);
    if capabilities & PLUGIN_AUTH != 0 {
        response.put_text(plugin);
    }
    if capabilities & CONNECT_ATTRS != 0 {
        let mut attributes = Octets::default();
        attributes.put_counted(b"program_name").put_counted(b"pointsman");
        response.put_counted(&attributes.0);
    }
    response.0
}

impl Refusal {
    /// What to report.
    pub(super) fn into_failure(self) -> Failure {
        match self {
            Self::NoTls(failure) | Self::Other(failure) => failure,
        }
    }
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        Self::Other(failure)
    }
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Self {
        Self::Other(fault.into())
    }
}
