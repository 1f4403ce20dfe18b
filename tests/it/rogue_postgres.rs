//! Whoever answers in the place of a PostgreSQL server asks for the password, or lets us in without one.

use std::{sync::Arc, time::Duration};

use pointsman::{
    config::{AuthConfig, AuthMethod, ChannelBinding, ProbeConfig, RequireAuth, TlsMode},
    engine::{FailureKind, Outcome},
    probe,
};

use crate::{
    fake_postgres::{Fake, Step, config, error, message, target},
    probe_tls::{AUTHORITY, HOST, OTHER_HOST, SERVER, plain, server_config, verify_full},
};

/// Far more than any of these logins takes, on a machine that is busy, too.
const PATIENCE: Duration = Duration::from_secs(10);

/// Asks by these octets, and says that it got something as soon as it got anything.
fn asking(octets: &[u8]) -> Vec<Step> {
    vec![
        Step::ReadStartup,
        Step::Send(message(b'R', octets)),
        Step::ReadMessage,
        Step::Send(error("FATAL", "28P01", "got it")),
    ]
}

/// The same over TLS, with a certificate that is good for one host.
fn encrypted(script: Vec<Step>) -> Vec<Step> {
    [vec![Step::Encrypt(Arc::new(server_config(SERVER)))], script].concat()
}

/// The same of a server without TLS, to a client that asks for it.
fn unencrypted(script: Vec<Step>) -> Vec<Step> {
    [vec![Step::ReadStartup, Step::Send(b"N".to_vec())], script].concat()
}

fn clear_text() -> Vec<Step> {
    asking(&3_u32.to_be_bytes())
}

fn md5() -> Vec<Step> {
    asking(&[0, 0, 0, 5, 1, 2, 3, 4])
}

fn scram(mechanism: &str) -> Vec<Step> {
    asking(&[&10_u32.to_be_bytes()[..], mechanism.as_bytes(), b"\0\0"].concat())
}

/// What the probe of a server at `host` came to: the words of its failure, which is a refusal.
async fn probed(
    host: &str,
    script: Vec<Step>,
    (tls, auth): (&TlsMode, &AuthConfig),
) -> Result<(), String> {
    let fake = Fake::start(host, script);
    let (tls, auth) = (tls.clone(), auth.clone());
    let config = ProbeConfig { tls, auth, timeout: PATIENCE, ..config() };
    match probe::once(&target(fake.address, config)).await {
        Outcome::Answered(_) => Ok(()),
        Outcome::Failed(failure) => {
            assert_eq!(failure.kind, FailureKind::Misconfigured, "{failure}");
            Err(failure.detail.into())
        }
        other @ Outcome::Witnessed(..) => panic!("{other:?}"),
    }
}

fn only(method: AuthMethod) -> AuthConfig {
    AuthConfig { require_auth: RequireAuth::OneOf([method].into()), ..AuthConfig::default() }
}

/// Whether a server got an answer to its question.
fn got_it(outcome: &Result<(), String>) -> bool {
    matches!(outcome, Err(words) if words.contains("28P01"))
}

#[tokio::test]
async fn clear_text_is_for_a_verified_server_or_by_the_operators_word() {
    let default = AuthConfig::default();
    for (script, tls) in [
        (clear_text(), TlsMode::Disable),
        (unencrypted(clear_text()), TlsMode::Prefer),
        (encrypted(clear_text()), TlsMode::Prefer),
        (encrypted(clear_text()), TlsMode::Require),
    ] {
        let refused = probed(OTHER_HOST, script.clone(), (&tls, &default)).await;
        let words = refused.expect_err("no password, no login");
        assert!(words.contains("require_auth = [\"password\"]"), "{tls:?}: {words}");
        let given = probed(OTHER_HOST, script, (&tls, &only(AuthMethod::Password))).await;
        assert!(got_it(&given), "{tls:?}: {given:?}");
    }
    let verified = verify_full(AUTHORITY);
    let given = probed(HOST, encrypted(clear_text()), (&verified, &default)).await;
    assert!(got_it(&given), "{given:?}");
}

#[tokio::test]
async fn who_has_to_prove_something_lets_nobody_in_without() {
    let scrams = only(AuthMethod::ScramSha256);
    for tls in [TlsMode::Disable, TlsMode::Require] {
        let played = |script: Vec<Step>| match tls {
            TlsMode::Disable => script,
            _ => encrypted(script),
        };
        let words = probed(OTHER_HOST, played(plain()), (&tls, &scrams)).await;
        assert!(words.expect_err("an impostor").contains("`require_auth`"));
        let words = probed(OTHER_HOST, played(md5()), (&tls, &scrams)).await;
        assert!(words.expect_err("an impostor").contains("\"md5\""));
        assert!(got_it(&probed(OTHER_HOST, played(scram("SCRAM-SHA-256")), (&tls, &scrams)).await));
        assert!(got_it(&probed(OTHER_HOST, played(md5()), (&tls, &AuthConfig::default())).await));
        let trusted = probed(OTHER_HOST, played(plain()), (&tls, &AuthConfig::default())).await;
        assert_eq!(trusted, Ok(()));
    }
}

#[tokio::test]
async fn a_bound_proof_is_for_the_end_of_the_connection_alone() {
    let bound = AuthConfig { channel_binding: ChannelBinding::Require, ..AuthConfig::default() };
    let require = TlsMode::Require;
    for script in [plain(), md5(), scram("SCRAM-SHA-256")] {
        let outcome = probed(OTHER_HOST, encrypted(script), (&require, &bound)).await;
        assert!(outcome.expect_err("not bound").contains("channel binding"));
    }
    let outcome = probed(OTHER_HOST, encrypted(scram("SCRAM-SHA-256-PLUS")), (&require, &bound));
    assert!(got_it(&outcome.await));
}
