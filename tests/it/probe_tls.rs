//! What each `tls` mode accepts. The certificates in `tests/it/tls` last for a century and their
//! authority's key is gone: `server.pem` was signed by `authority.pem`, `self_signed.pem` by
//! itself; both are for 127.22.3.1 and have the key `server.key`.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use pointsman::{
    config::{ProbeConfig, TlsMode},
    engine::{FailureKind, Outcome},
    probe,
};
use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};

use crate::{
    fake_postgres::{Fake, Step, config, error, login, primary_reply, target},
    probe_cadence::Running,
};

pub(crate) const AUTHORITY: &[u8] = include_bytes!("tls/authority.pem");
pub(crate) const SERVER: &[u8] = include_bytes!("tls/server.pem");
const SELF_SIGNED: &[u8] = include_bytes!("tls/self_signed.pem");
const KEY: &[u8] = include_bytes!("tls/server.key");

/// Where the certificates say they belong, and where they do not.
pub(crate) const HOST: &str = "127.22.3.1";
pub(crate) const OTHER_HOST: &str = "127.22.3.2";

fn certificate(pem: &[u8]) -> CertificateDer<'static> {
    CertificateDer::from_pem_slice(pem).expect("a certificate")
}

pub(crate) fn verify_full(authority: &[u8]) -> TlsMode {
    TlsMode::VerifyFull { authorities: vec![certificate(authority).to_vec()].into() }
}

/// A server that has `pem` for its certificate and answers as a primary.
fn encrypted(pem: &[u8]) -> Vec<Step> {
    [vec![Step::Encrypt(Arc::new(server_config(pem)))], plain()].concat()
}

/// The settings of a server that has `pem` for its certificate.
pub(crate) fn server_config(pem: &[u8]) -> ServerConfig {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the provider knows them")
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate(pem)],
            PrivateKeyDer::from_pem_slice(KEY).expect("a key"),
        )
        .expect("key and certificate belong together")
}

/// A server that lets everybody in.
pub(crate) fn plain() -> Vec<Step> {
    vec![
        Step::ReadStartup,
        Step::Send(login()),
        Step::ReadMessage,
        Step::Send(primary_reply()),
        Step::Silence,
    ]
}

/// A server that was built without TLS.
fn unencrypted() -> Vec<Step> {
    [vec![Step::ReadStartup, Step::Send(b"N".to_vec())], plain()].concat()
}

/// Probes a server at `host` that plays `script`, and says what went wrong, if anything.
async fn probed(host: &str, script: Vec<Step>, tls: TlsMode) -> Result<(), String> {
    let fake = Fake::start(host, script);
    let mut config = config();
    config.tls = tls;
    match probe::once(&target(fake.address, config)).await {
        Outcome::Answered(_) => Ok(()),
        Outcome::Failed(failure) => {
            assert_eq!(failure.kind, FailureKind::Misconfigured, "{failure}");
            Err(failure.detail.into())
        }
        other @ Outcome::Witnessed(..) => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_shown_probe_tells_what_was_agreed_upon_and_what_was_not() {
    let shown = async |host: &str, script: Vec<Step>, tls: TlsMode| {
        let fake = Fake::start(host, script);
        let probe::Shown { legs, outcome } =
            probe::show(&target(fake.address, ProbeConfig { tls, ..config() })).await;
        let steps: Vec<_> = legs.iter().map(|leg| format!("{}{:?}", leg.step, leg.words)).collect();
        let broken = legs.iter().find(|leg| leg.failure.is_some()).map(|leg| leg.step);
        assert_eq!(broken.is_none(), matches!(outcome, Outcome::Answered(_)), "{legs:?}");
        (steps.join(" "), broken)
    };
    let (steps, broken) = shown(HOST, encrypted(SERVER), verify_full(AUTHORITY)).await;
    assert_eq!(broken, None, "{steps}");
    for words in ["the server agrees", "verified for 127.22.3.1", "TLS 1.3", "login[\"as pointsman"]
    {
        assert!(steps.contains(words), "{words} is not in {steps}");
    }
    let (steps, broken) = shown(OTHER_HOST, encrypted(SERVER), TlsMode::Require).await;
    assert!(broken.is_none() && steps.contains("not checked, as tls = \\\"require\\\""), "{steps}");
    for (host, script, tls) in [
        (OTHER_HOST, encrypted(SERVER), verify_full(AUTHORITY)),
        (HOST, encrypted(SELF_SIGNED), verify_full(AUTHORITY)),
        (HOST, unencrypted(), verify_full(AUTHORITY)),
    ] {
        let (steps, broken) = shown(host, script, tls).await;
        assert_eq!(broken, Some(probe::Step::Tls), "{steps}");
        assert!(!steps.contains("login"), "{steps}");
    }
}

#[tokio::test]
async fn prefer_and_require_take_any_certificate() {
    for pem in [SERVER, SELF_SIGNED] {
        for host in [HOST, OTHER_HOST] {
            for tls in [TlsMode::Prefer, TlsMode::Require] {
                assert_eq!(probed(host, encrypted(pem), tls).await, Ok(()));
            }
        }
    }
}

#[tokio::test]
async fn only_prefer_does_without_tls() {
    assert_eq!(probed(HOST, unencrypted(), TlsMode::Prefer).await, Ok(()));
    assert_eq!(probed(HOST, plain(), TlsMode::Disable).await, Ok(()));
    for tls in [TlsMode::Require, verify_full(AUTHORITY)] {
        let detail = probed(HOST, unencrypted(), tls).await.expect_err("no TLS");
        assert!(detail.contains("server does not support TLS"), "{detail}");
    }
}

#[tokio::test]
async fn prefer_asks_again_in_plain_text_when_encryption_is_refused() {
    let rejected = error("FATAL", "28000", "pg_hba.conf rejects connection, SSL encryption");
    let mut script = encrypted(SERVER);
    script.truncate(1);
    script.extend([Step::ReadStartup, Step::Send(rejected)]);
    let fake = Fake::start(HOST, script);
    let mut config = config();
    config.tls = TlsMode::Prefer;
    let outcome = probe::once(&target(fake.address, config)).await;
    assert!(matches!(outcome, Outcome::Failed(_)), "{outcome:?}");
    assert_eq!(fake.accepted(), 2);
}

#[tokio::test]
async fn verify_full_checks_authority_and_name() {
    let signed = || encrypted(SERVER);
    assert_eq!(probed(HOST, signed(), verify_full(AUTHORITY)).await, Ok(()));
    let detail = probed(HOST, signed(), verify_full(SELF_SIGNED)).await;
    assert!(detail.expect_err("another authority").contains("UnknownIssuer"));
    let detail = probed(OTHER_HOST, signed(), verify_full(AUTHORITY)).await;
    assert!(detail.expect_err("another host").contains("not valid for name"));
}

#[tokio::test]
async fn verify_full_takes_a_self_signed_certificate_that_stands_in_ca_file() {
    let own = || encrypted(SELF_SIGNED);
    assert_eq!(probed(HOST, own(), verify_full(SELF_SIGNED)).await, Ok(()));
    assert!(probed(HOST, own(), verify_full(AUTHORITY)).await.is_err());
    let detail = probed(OTHER_HOST, own(), verify_full(SELF_SIGNED)).await;
    assert!(detail.expect_err("another host").contains("not valid for name"));
}

/// Shows the first certificate to its first client and the second one to all others, and would
/// resume the session of any.
#[derive(Debug)]
struct Replaced {
    certificates: [Arc<CertifiedKey>; 2],
    clients: AtomicUsize,
}

impl ResolvesServerCert for Replaced {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let client = self.clients.fetch_add(1, Ordering::SeqCst);
        Some(Arc::clone(&self.certificates[client.min(1)]))
    }
}

#[tokio::test]
async fn a_certificate_that_is_replaced_shows_at_the_next_login() {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let certified = |pem: &[u8]| {
        let key = PrivateKeyDer::from_pem_slice(KEY).expect("a key");
        let certified = CertifiedKey::from_der(vec![certificate(pem)], key, &provider);
        Arc::new(certified.expect("key and certificate belong together"))
    };
    let certificates = [certified(SERVER), certified(SELF_SIGNED)];
    let config = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .expect("the provider knows them")
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(Replaced { certificates, clients: AtomicUsize::new(0) }));
    // Answers twice, which makes a primary, and ends the login.
    let answer = [Step::ReadMessage, Step::Send(primary_reply())];
    let start = [Step::Encrypt(Arc::new(config)), Step::ReadStartup, Step::Send(login())];
    let fake = Fake::start(HOST, [&start[..], &answer, &answer].concat());
    let mut verifying = crate::fake_postgres::config();
    verifying.tls = verify_full(AUTHORITY);
    let mut running = Running::start(target(fake.address, verifying));
    running.next_is_writable().await;
    running.next_is_writable().await;
    assert_eq!(running.next_failure().await, FailureKind::Closed);
    assert_eq!(running.next_failure().await, FailureKind::Misconfigured);
    running.end().await;
}
