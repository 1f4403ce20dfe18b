//! `[cluster.discovery.kubernetes]`: which service's slices are asked for, and where.

use std::{ops::Range, path::PathBuf};

use toml::Spanned;

use crate::config::{
    ProbeTarget, TargetHost, TlsMode,
    read::{Conversion, Field, HttpUrl, Section as _, section},
    tls,
};

section! {
    /// A service of Kubernetes.
    KubernetesSourceSection = "[cluster.discovery.kubernetes]" {
        /// The service.
        service: String,
        /// Its namespace.
        namespace: String,
        /// The name of the port.
        port: String,
        /// The API server.
        url: HttpUrl,
        /// Authorities for it, PEM.
        ca_file: PathBuf,
        /// File with the token that is shown.
        token_file: PathBuf,
    }
}

/// `[cluster.discovery.kubernetes]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KubernetesSourceConfig {
    /// Host and port of the API server.
    pub target: ProbeTarget,
    /// [`TlsMode::VerifyFull`] for `https`, else [`TlsMode::Disable`].
    pub tls: TlsMode,
    /// The service whose slices are asked for.
    pub service: Box<str>,
    /// Its namespace; that of the pod that Pointsman runs in if it is `None`.
    pub namespace: Option<Box<str>>,
    /// The name of the port that databases have there; the only port of a slice if it is `None`.
    pub port: Option<Box<str>>,
    /// File with the bearer token, read for each request: those of pods are replaced every hour.
    pub token_file: Option<PathBuf>,
}

/// How the API server is asked; `None` once a fault has been reported.
pub fn source(
    section: &KubernetesSourceSection,
    place: Range<usize>,
    conversion: &mut Conversion<'_>,
) -> Option<KubernetesSourceConfig> {
    let example = (KubernetesSourceSection::TITLE, "service = \"orders\"");
    let namespace = label("namespace", &section.namespace, conversion);
    let port = label("port", &section.port, conversion);
    let token_file = section.token_file.given().map(|path| conversion.path(path));
    let (target, tls, token_file) = match section.url.given() {
        Some(url) => {
            let at = section.url.span().unwrap_or_else(|| place.clone());
            let tls = tls::of_url(url.https, ("url", at.clone()), &section.ca_file, conversion);
            if !url.https && token_file.is_some() {
                let what =
                    "`token_file` beside a `url` by http: whoever listens could use the token";
                conversion.faults.add(at.clone(), what, "ask by https, or remove `token_file`");
            }
            if url.path != "/" {
                let what = "`url` has a path: which slices are asked for is known";
                conversion.faults.add(at, what, "write scheme, host and port alone");
            }
            (url.target.clone(), tls, token_file)
        }
        None => {
            let own = Spanned::new(place.clone(), PathBuf::from(POD_FILES).join("ca.crt"));
            let file = section.ca_file.given_with_place().unwrap_or(&own);
            let tls = TlsMode::VerifyFull { authorities: tls::certificates(file, conversion) };
            let host = TargetHost::Name(API_SERVER.into());
            let own = || PathBuf::from(POD_FILES).join("token");
            (ProbeTarget { host, port: 443 }, tls, Some(token_file.unwrap_or_else(own)))
        }
    };
    conversion.required(&section.service, &place, example)?;
    let service = label("service", &section.service, conversion)?;
    Some(KubernetesSourceConfig { target, tls, service, namespace, port, token_file })
}

/// A name of Kubernetes' (RFC 1123 label).
fn label(key: &str, field: &Field<String>, conversion: &mut Conversion<'_>) -> Option<Box<str>> {
    let text = field.given_with_place()?;
    let name = text.get_ref();
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if (1..=63).contains(&name.len()) && name.chars().all(is_plain) {
        return Some(name.as_str().into());
    }
    let what = format!("`{key}` = {name:?} is no name of Kubernetes'");
    let advice = "write at most 63 lower-case letters, digits and hyphens";
    conversion.faults.add(text.span(), what, advice);
    None
}

/// The API server's name inside a cluster.
const API_SERVER: &str = "kubernetes.default.svc";

/// Where a pod has its token, the authorities, and its namespace.
pub const POD_FILES: &str = "/var/run/secrets/kubernetes.io/serviceaccount";
