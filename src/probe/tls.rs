//! Encryption of the probes, by rustls with the ring provider, never by a process-wide default.
//!
//! `prefer` and `require` accept any certificate, as libpq's `sslmode` of these names does: they
//! keep the password from a listener, not from an impostor. Signatures are checked all the same, so
//! the peer owns its certificate's key. `verify-full` checks chain, validity and host name. rustls
//! looks only at subject alternative names, never at the common name, and reads no X.509
//! certificates older than version 3.

use std::sync::{Arc, LazyLock};

use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
    client::{
        Resumption, WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        verify_server_name,
    },
    crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime},
    server::ParsedCertificate,
};

use super::trail::Trail;
use crate::{
    config::TlsMode,
    engine::{Failure, FailureKind},
};

/// The settings for `mode`; for `disable` they are never used.
///
/// No session is ever resumed: a resumed one sends no certificate, so a server whose certificate
/// has expired or was replaced would go on to look well (RFC 8446 section 2.2).
///
/// Fails as `Misconfigured` when an authority of `ca_file` is no usable certificate.
pub fn client_config(mode: &TlsMode, trail: &Trail) -> Result<ClientConfig, Failure> {
    let provider = Arc::clone(&PROVIDER);
    let mut verifier = verifier(mode, &provider).map_err(|error| misconfigured(&error))?;
    if trail.is_followed() {
        verifier = Arc::new(Followed { verifier, mode: mode.clone(), trail: trail.clone() });
    }
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| misconfigured(&error))?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    config.resumption = Resumption::disabled();
    Ok(config)
}

/// A TLS error as a failure: the server is there, and we do not come to terms with it.
pub fn misconfigured(error: &Error) -> Failure {
    Failure::new(FailureKind::Misconfigured, format!("TLS: {error}"))
}

fn verifier(
    mode: &TlsMode,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ServerCertVerifier>, Error> {
    let TlsMode::VerifyFull { authorities } = mode else {
        return Ok(Arc::new(AnyCertificate(Arc::clone(provider))));
    };
    let authorities: Vec<_> =
        authorities.iter().map(|der| CertificateDer::from(der.clone())).collect();
    let mut roots = RootCertStore::empty();
    for authority in &authorities {
        roots.add(authority.clone())?;
    }
    let chains = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider))
        .build()
        .map_err(|error| Error::General(error.to_string()))?;
    Ok(Arc::new(KnownCertificate { authorities, chains }))
}

/// The same for all, whatever their mode.
static PROVIDER: LazyLock<Arc<CryptoProvider>> =
    LazyLock::new(|| Arc::new(ring::default_provider()));

/// Accepts every certificate whose key the peer owns.
#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// Accepts what the authorities vouch for, and a certificate that stands in `ca_file` itself.
///
/// The second is how self-signed servers are usually verified. webpki refuses such a certificate,
/// because it calls itself an authority; here its name is checked, and its dates are not: whoever
/// wrote it into the file trusts it.
#[derive(Debug)]
struct KnownCertificate {
    authorities: Vec<CertificateDer<'static>>,
    chains: Arc<WebPkiServerVerifier>,
}

impl ServerCertVerifier for KnownCertificate {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verdict = self.chains.verify_server_cert(
            end_entity,
            intermediates,
            server_name,
            ocsp_response,
            now,
        );
        match verdict {
            Err(Error::InvalidCertificate(CertificateError::Other(_)))
                if self.authorities.contains(end_entity) =>
            {
                verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)?;
                Ok(ServerCertVerified::assertion())
            }
            verdict => verdict,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.chains.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.chains.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.chains.supported_verify_schemes()
    }
}

/// Says on the trail what the verifier within saw and decided.
#[derive(Debug)]
struct Followed {
    verifier: Arc<dyn ServerCertVerifier>,
    mode: TlsMode,
    trail: Trail,
}

impl Followed {
    fn noted<T>(&self, version: &str, verified: Result<T, Error>) -> Result<T, Error> {
        if verified.is_ok() {
            self.trail.say(|| version.to_owned());
        }
        verified
    }
}

impl ServerCertVerifier for Followed {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verdict = self.verifier.verify_server_cert(
            end_entity,
            intermediates,
            server_name,
            ocsp_response,
            now,
        )?;
        self.trail.say(|| match &self.mode {
            TlsMode::VerifyFull { .. } => {
                format!("the certificate is verified for {}", server_name.to_str())
            }
            mode => format!("the certificate is not checked, as tls = \"{mode:?}\" has it"),
        });
        Ok(verdict)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let verified = self.verifier.verify_tls12_signature(message, certificate, signed);
        self.noted("TLS 1.2", verified)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let verified = self.verifier.verify_tls13_signature(message, certificate, signed);
        self.noted("TLS 1.3", verified)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.verifier.supported_verify_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::{Trail, client_config};
    use crate::{config::TlsMode, engine::FailureKind};

    #[test]
    fn each_mode_has_settings_and_a_broken_authority_has_none() {
        for mode in [TlsMode::Disable, TlsMode::Prefer, TlsMode::Require] {
            assert!(client_config(&mode, &Trail::default()).is_ok(), "{mode:?}");
        }
        let broken = TlsMode::VerifyFull { authorities: vec![b"no certificate".to_vec()].into() };
        let failure = client_config(&broken, &Trail::default()).expect_err("no certificate");
        assert_eq!(failure.kind, FailureKind::Misconfigured);
        let none = TlsMode::VerifyFull { authorities: Vec::new().into() };
        assert!(client_config(&none, &Trail::followed()).is_err());
    }
}
