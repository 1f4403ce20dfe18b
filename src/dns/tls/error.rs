//! Why a certificate cannot be used.

use std::{io, path::PathBuf};

/// What is wrong with the certificate or its key, and what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// A file cannot be read.
    #[error(
        "cannot read {}: {error}; it must be there and readable for this process",
        file.display()
    )]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// A file is no PEM text.
    #[error("{} is broken PEM: {fault}; write it anew", file.display())]
    Broken {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        fault: String,
    },
    /// The file of the chain holds none.
    #[error(
        "{} holds no certificate; it needs the server's own first, then those that signed it, \
         each as BEGIN CERTIFICATE",
        file.display()
    )]
    NoCertificate {
        /// The file.
        file: PathBuf,
    },
    /// The file of the key holds none.
    #[error(
        "{} holds no private key that can be read without a passphrase; it needs one as \
         BEGIN PRIVATE KEY",
        file.display()
    )]
    NoKey {
        /// The file.
        file: PathBuf,
    },
    /// Key and certificate are not a pair.
    #[error(
        "the key in {} does not belong to the first certificate in {}",
        key.display(),
        certificate.display()
    )]
    Mismatch {
        /// The file of the chain.
        certificate: PathBuf,
        /// The file of the key.
        key: PathBuf,
    },
    /// The TLS library does not take them.
    #[error("{} and {} cannot be used: {fault}", certificate.display(), key.display())]
    Unusable {
        /// The file of the chain.
        certificate: PathBuf,
        /// The file of the key.
        key: PathBuf,
        /// What the library said.
        fault: String,
    },
}
