//! From two PEM files to what a handshake needs.

use std::{
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use rustls::{
    Error, InconsistentKeys, ServerConfig,
    crypto::ring,
    pki_types::{
        CertificateDer, PrivateKeyDer,
        pem::{self, PemObject},
    },
};

use super::CertificateError;
use crate::config::TlsListenConfig;

/// The protocol that a client may name in its greeting (RFC 7858 section 9, IANA: ALPN protocol
/// IDs). A client that names none is served; one that names only others is refused (RFC 7301
/// section 3.2).
pub const DOT: &[u8] = b"dot";

/// The state of both files; `None` for one that is not there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark([Option<Trace>; 2]);

/// What tells one state of a file from another: which one it is, its size and its last change.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Trace {
    device: u64,
    inode: u64,
    size: u64,
    /// Seconds and nanoseconds. By `ctime`, for a copy may bring an old `mtime` along.
    changed: (i64, i64),
}

/// The present state of the files.
pub fn mark(config: &TlsListenConfig) -> Mark {
    Mark([&config.certificate_file, &config.key_file].map(|file| {
        let found = fs::metadata(file).ok()?;
        Some(Trace {
            device: found.dev(),
            inode: found.ino(),
            size: found.size(),
            changed: (found.ctime(), found.ctime_nsec()),
        })
    }))
}

/// Reads the files: TLS 1.2 and 1.3, with the library's choice of ciphers.
pub fn load(config: &TlsListenConfig) -> Result<ServerConfig, CertificateError> {
    let (certificate, key) = (&config.certificate_file, &config.key_file);
    let chain = chain(certificate)?;
    let private = private_key(key)?;
    let unusable = |error: Error| match error {
        Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => {
            CertificateError::Mismatch { certificate: certificate.clone(), key: key.clone() }
        }
        other => CertificateError::Unusable {
            certificate: certificate.clone(),
            key: key.clone(),
            fault: other.to_string(),
        },
    };
    let mut loaded = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(unusable)?
        .with_no_client_auth()
        .with_single_cert(chain, private)
        .map_err(unusable)?;
    loaded.alpn_protocols = vec![DOT.to_vec()];
    Ok(loaded)
}

fn chain(file: &Path) -> Result<Vec<CertificateDer<'static>>, CertificateError> {
    let chain: Vec<_> = CertificateDer::pem_slice_iter(&read(file)?)
        .collect::<Result<_, _>>()
        .map_err(|error| broken(file, &error))?;
    if chain.is_empty() {
        return Err(CertificateError::NoCertificate { file: file.to_owned() });
    }
    Ok(chain)
}

fn private_key(file: &Path) -> Result<PrivateKeyDer<'static>, CertificateError> {
    PrivateKeyDer::from_pem_slice(&read(file)?).map_err(|error| match error {
        pem::Error::NoItemsFound => CertificateError::NoKey { file: file.to_owned() },
        other => broken(file, &other),
    })
}

fn read(file: &Path) -> Result<Vec<u8>, CertificateError> {
    fs::read(file).map_err(|error| CertificateError::Unreadable { file: file.to_owned(), error })
}

fn broken(file: &Path, error: &pem::Error) -> CertificateError {
    CertificateError::Broken { file: PathBuf::from(file), fault: error.to_string() }
}
