//! `tls` and `ca_file` of any section: how a connection of ours is encrypted.

use std::{fmt, ops::Range, path::PathBuf, sync::Arc};

use toml::Spanned;

use super::read::{self, Conversion, Field, one_of};

/// Encryption of a connection, in the words of libpq's `sslmode`.
#[derive(Clone, PartialEq, Eq)]
pub enum TlsMode {
    /// Never encrypt.
    Disable,
    /// Encrypt when the server can, without checking its certificate.
    Prefer,
    /// Always encrypt, without checking the server's certificate.
    Require,
    /// Always encrypt; the certificate must come from an authority in `ca_file` and name the host.
    VerifyFull {
        /// The authorities, each in DER, as read from the PEM file.
        authorities: Arc<[Vec<u8>]>,
    },
}

/// `tls`, before `ca_file` is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsWord {
    /// `disable`
    Disable,
    /// `prefer`
    Prefer,
    /// `require`
    Require,
    /// `verify-full`
    VerifyFull,
}

one_of! { TlsWord, "\"disable\", \"prefer\", \"require\" or \"verify-full\"",
    "disable" => Self::Disable,
    "prefer" => Self::Prefer,
    "require" => Self::Require,
    "verify-full" => Self::VerifyFull,
}

/// The mode's name as in the file.
impl fmt::Debug for TlsMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Disable => "disable",
            Self::Prefer => "prefer",
            Self::Require => "require",
            Self::VerifyFull { .. } => "verify-full",
        })
    }
}

/// The mode of `tls`; `ca_file` belongs to `verify-full` and to nothing else.
pub fn convert(
    tls: &Field<TlsWord>,
    ca_file: &Field<PathBuf>,
    default: TlsWord,
    conversion: &mut Conversion<'_>,
) -> TlsMode {
    let word = tls.given().copied().unwrap_or(default);
    if word != TlsWord::VerifyFull && !matches!(tls, Field::Faulty) {
        let reason = "only tls = \"verify-full\" checks the certificate";
        conversion.useless(ca_file, "ca_file", reason);
    }
    match word {
        TlsWord::Disable => TlsMode::Disable,
        TlsWord::Prefer => TlsMode::Prefer,
        TlsWord::Require => TlsMode::Require,
        TlsWord::VerifyFull => {
            TlsMode::VerifyFull { authorities: authorities(tls, ca_file, conversion) }
        }
    }
}

/// The certificates in `ca_file`; none once a fault has been reported.
fn authorities(
    tls: &Field<TlsWord>,
    ca_file: &Field<PathBuf>,
    conversion: &mut Conversion<'_>,
) -> Arc<[Vec<u8>]> {
    let Field::Given(file) = ca_file else {
        if let (false, Some(place)) = (ca_file.is_present(), tls.span()) {
            conversion.faults.add(
                place,
                "`tls` = \"verify-full\" without `ca_file`",
                "add ca_file = \"ca.pem\" with the authorities of the servers' certificates",
            );
        }
        return Arc::default();
    };
    certificates(file, conversion)
}

/// The mode for a URL, which `key` has at `place`: `https` checks the certificate, which takes authorities.
pub fn of_url(
    https: bool,
    (key, place): (&str, Range<usize>),
    ca_file: &Field<PathBuf>,
    conversion: &mut Conversion<'_>,
) -> TlsMode {
    match (https, ca_file) {
        (false, ca_file) => {
            conversion.useless(ca_file, "ca_file", "only https:// checks a certificate");
            TlsMode::Disable
        }
        (true, Field::Given(file)) => {
            TlsMode::VerifyFull { authorities: certificates(file, conversion) }
        }
        (true, Field::Faulty) => TlsMode::Disable,
        (true, Field::Absent) => {
            let what = format!("`{key}` by https without `ca_file`");
            let advice = "add ca_file = \"/etc/ssl/certs/ca-certificates.crt\", or the file of \
                          your own authority";
            conversion.faults.add(place, what, advice);
            TlsMode::Disable
        }
    }
}

/// The certificates in a file; none once a fault has been reported.
pub fn certificates(file: &Spanned<PathBuf>, conversion: &mut Conversion<'_>) -> Arc<[Vec<u8>]> {
    let path = conversion.path(file.get_ref());
    if let Some(known) = conversion.authorities.get(&path) {
        return Arc::clone(known);
    }
    let advice = "name a PEM file with one or more BEGIN CERTIFICATE blocks";
    let Some(certificates) = conversion.content(file, read::certificates, advice) else {
        return Arc::default();
    };
    let found: Arc<[Vec<u8>]> = certificates.iter().map(|one| one.to_vec()).collect();
    conversion.authorities.insert(path, Arc::clone(&found));
    found
}
