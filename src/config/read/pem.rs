//! Certificates and keys in PEM files.

use std::sync::Arc;

use rustls::{
    RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, SubjectPublicKeyInfoDer, pem::PemObject},
    sign::CertifiedKey,
};

/// Every certificate in a PEM file, in DER; at least one, each readable.
///
/// # Errors
///
/// What is wrong with the file, after its name.
pub fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, &'static str> {
    let certificates: Vec<CertificateDer<'_>> = CertificateDer::pem_slice_iter(pem)
        .collect::<Result<_, _>>()
        .map_err(|_| "is not whole PEM")?;
    let mut store = RootCertStore::empty();
    for certificate in &certificates {
        store.add(certificate.clone()).map_err(|_| "holds a certificate that cannot be read")?;
    }
    match certificates.is_empty() {
        true => Err("holds no certificate"),
        false => Ok(certificates),
    }
}

/// The one private key in a PEM file, unencrypted.
///
/// # Errors
///
/// What is wrong with the file, after its name; never a part of the key.
pub fn key(pem: &[u8]) -> Result<PrivateKeyDer<'static>, &'static str> {
    let keys: Vec<PrivateKeyDer<'_>> = PrivateKeyDer::pem_slice_iter(pem)
        .collect::<Result<_, _>>()
        .map_err(|_| "is not whole PEM")?;
    let mut keys = keys.into_iter();
    match (keys.next(), keys.next()) {
        (Some(key), None) => Ok(key),
        (Some(_), Some(_)) => Err("holds more than one private key"),
        (None, _) => Err("holds no private key, or one that is encrypted"),
    }
}

/// The one public RSA key in a PEM file: a SubjectPublicKeyInfo (RFC 5280, section 4.1) in DER.
///
/// # Errors
///
/// What is wrong with the file, after its name.
pub fn public_key(pem: &[u8]) -> Result<Arc<[u8]>, &'static str> {
    let keys: Vec<SubjectPublicKeyInfoDer<'_>> = SubjectPublicKeyInfoDer::pem_slice_iter(pem)
        .collect::<Result<_, _>>()
        .map_err(|_| "is not whole PEM")?;
    match &keys[..] {
        [] => Err("holds no public key"),
        [key] if key.windows(RSA_ENCRYPTION.len()).any(|id| id == RSA_ENCRYPTION) => {
            Ok(key.as_ref().into())
        }
        [_] => Err("holds a public key that is none of RSA"),
        _ => Err("holds more than one public key"),
    }
}

/// `rsaEncryption` (RFC 8017, appendix A.1), in DER.
const RSA_ENCRYPTION: [u8; 11] = [0x06, 0x09, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x01];

/// Checks that TLS can be spoken with `key` and the first of `chain`.
///
/// # Errors
///
/// What is wrong with the key, after its name.
pub fn fit(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Result<(), &'static str> {
    match CertifiedKey::from_der(chain, key, &ring::default_provider()) {
        Ok(_) => Ok(()),
        Err(rustls::Error::InconsistentKeys(_)) => {
            Err("does not belong to the first certificate of `certificate_file`")
        }
        Err(_) => Err("holds a private key that cannot be used"),
    }
}
