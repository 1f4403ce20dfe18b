//! Certificates and keys in PEM files.

use rustls::{
    RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
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
