//! `[cluster.discovery.file]` and its neighbours: how each source is asked.

use std::{
    net::SocketAddr,
    ops::{Range, RangeInclusive},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use hickory_proto::rr::Name;
use toml::Spanned;

use super::{
    DiscoverySection,
    kubernetes::{self, KubernetesSourceConfig, KubernetesSourceSection},
};
use crate::{
    config::{
        ProbeTarget, Secret, TargetHost, TlsMode,
        checks::https,
        password,
        read::{Conversion, Field, HostName, HostPort, HttpUrl, PORTS, Section, Whole, section},
        tls::{self, TlsWord},
    },
    discovery::SourceKind,
};

section! {
    /// A file that names servers.
    FileSourceSection = "[cluster.discovery.file]" {
        /// Where it is.
        path: PathBuf,
    }
}

section! {
    /// A command that names servers.
    CommandSourceSection = "[cluster.discovery.command]" {
        /// The program and its arguments.
        run: Vec<Spanned<String>>,
        /// How often it is run.
        interval(usual: Duration): Duration [SOURCE_INTERVAL] = usual,
        /// Commands that ask a cloud take seconds.
        timeout: Duration [SOURCE_TIMEOUT] = Duration::from_secs(10),
    }
}

section! {
    /// A service that names servers.
    HttpSourceSection = "[cluster.discovery.http]" {
        /// What is asked for.
        url: HttpUrl,
        /// Authorities for `https`, PEM.
        ca_file: PathBuf,
        /// File with the token that is shown.
        token_file: PathBuf,
        /// How often it is asked.
        interval(usual: Duration): Duration [SOURCE_INTERVAL] = usual,
        /// A service that asks others takes seconds.
        timeout: Duration [SOURCE_TIMEOUT] = Duration::from_secs(10),
    }
}

section! {
    /// Patroni's members.
    PatroniSourceSection = "[cluster.discovery.patroni]" {
        /// Who is asked beside the cluster's servers.
        hosts: Vec<Spanned<HostPort>>,
        /// Its port.
        port: Whole<u16> [PORTS] = 8008,
        /// Encryption.
        tls: TlsWord,
        /// Authorities for `verify-full`, PEM.
        ca_file: PathBuf,
    }
}

section! {
    /// A DNS name that has the servers.
    DnsSourceSection = "[cluster.discovery.dns]" {
        /// The name.
        name: HostName,
        /// Who is asked for it.
        resolver: HostPort,
    }
}

/// How a source is asked that is not the members themselves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceConfig {
    /// The time between two questions.
    pub interval: Duration,
    /// How long one may take.
    pub timeout: Duration,
    /// Who is asked.
    pub whom: Whom,
}

/// Who is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whom {
    /// `[cluster.discovery.file]`
    File(PathBuf),
    /// `[cluster.discovery.command]`
    Command {
        /// The program's file.
        program: PathBuf,
        /// Its arguments.
        arguments: Vec<Box<str>>,
    },
    /// `[cluster.discovery.http]`
    Http(HttpSourceConfig),
    /// `[cluster.discovery.dns]`
    Dns(DnsSourceConfig),
    /// `[cluster.discovery.kubernetes]`
    Kubernetes(KubernetesSourceConfig),
    /// `[cluster.discovery.patroni]`: the REST API of any server.
    Patroni {
        /// Who is asked beside the cluster's servers.
        hosts: Vec<ProbeTarget>,
        /// Its port.
        port: u16,
        /// Encryption, never [`TlsMode::Prefer`]. Off by default.
        tls: TlsMode,
    },
}

/// `[cluster.discovery.dns]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DnsSourceConfig {
    /// The name: of SRV records if its first label begins with `_`, else of A and AAAA records.
    pub name: Name,
    /// Who is asked; the system's resolvers if it is `None`.
    pub resolver: Option<SocketAddr>,
}

/// `[cluster.discovery.http]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpSourceConfig {
    /// Host and port.
    pub target: ProbeTarget,
    /// Path and query, from `/` on. It may hold a secret: no log shows it.
    pub path: Box<str>,
    /// [`TlsMode::VerifyFull`] for `https`, else [`TlsMode::Disable`].
    pub tls: TlsMode,
    /// What requests show as a bearer token.
    pub token: Option<Secret>,
}

impl SourceConfig {
    /// Which source this is.
    pub fn kind(&self) -> SourceKind {
        match self.whom {
            Whom::File(_) => SourceKind::File,
            Whom::Command { .. } => SourceKind::Command,
            Whom::Http(_) => SourceKind::Http,
            Whom::Dns(_) => SourceKind::Dns,
            Whom::Kubernetes(_) => SourceKind::Kubernetes,
            Whom::Patroni { .. } => SourceKind::Patroni,
        }
    }
}

/// How each of `sources` is asked: every `usual` unless its section says otherwise. A section that
/// nobody needs, and one that is missing, is a fault.
pub fn convert(
    section: &DiscoverySection,
    sources: &[SourceKind],
    usual: Duration,
    conversion: &mut Conversion<'_>,
) -> Vec<Arc<SourceConfig>> {
    let place = section.sources.span();
    let mut reading = Reading { sources, place, usual, conversion };
    let made = [
        reading.usual(SourceKind::Patroni, &section.patroni, patroni),
        reading.made(SourceKind::Dns, &section.dns, dns),
        reading.made(SourceKind::Kubernetes, &section.kubernetes, kubernetes),
        reading.made(SourceKind::Http, &section.http, http),
        reading.made(SourceKind::File, &section.file, file),
        reading.made(SourceKind::Command, &section.command, command),
    ];
    made.into_iter().flatten().map(Arc::new).collect()
}

/// The sections of one cluster while they are read.
struct Reading<'r, 'c> {
    sources: &'r [SourceKind],
    /// Where they are named.
    place: Option<Range<usize>>,
    usual: Duration,
    conversion: &'r mut Conversion<'c>,
}

/// What makes a source of a section, its place, and the usual interval.
type Make<S> = fn(&S, Range<usize>, Duration, &mut Conversion<'_>) -> Option<SourceConfig>;

impl Reading<'_, '_> {
    /// A source that needs its section.
    fn made<S: Section>(
        &mut self,
        kind: SourceKind,
        field: &Field<S>,
        make: Make<S>,
    ) -> Option<SourceConfig> {
        if self.sources.contains(&kind) && !field.is_present() {
            let title = S::TITLE;
            let what = format!("`sources` names \"{kind}\", and there is no {title}");
            let advice = format!("add {title}, or remove \"{kind}\"");
            let place = self.place.clone().unwrap_or_default();
            self.conversion.faults.add(place, what, advice);
        }
        self.given(kind, field, make)
    }

    /// A source that has a usual form without its section.
    fn usual<S: Section + Default>(
        &mut self,
        kind: SourceKind,
        field: &Field<S>,
        make: Make<S>,
    ) -> Option<SourceConfig> {
        if self.sources.contains(&kind) && !field.is_present() {
            return make(&S::default(), 0..0, self.usual, self.conversion);
        }
        self.given(kind, field, make)
    }

    fn given<S: Section>(
        &mut self,
        kind: SourceKind,
        field: &Field<S>,
        make: Make<S>,
    ) -> Option<SourceConfig> {
        let section = field.given_with_place()?;
        if !self.sources.contains(&kind) {
            let title = S::TITLE;
            let what = format!("{title} has no effect here: `sources` does not name \"{kind}\"");
            let advice = format!("add \"{kind}\" to `sources`, or remove the section");
            self.conversion.faults.add(section.span(), what, advice);
            return None;
        }
        make(section.get_ref(), section.span(), self.usual, self.conversion)
    }
}

fn dns(
    section: &DnsSourceSection,
    place: Range<usize>,
    usual: Duration,
    conversion: &mut Conversion<'_>,
) -> Option<SourceConfig> {
    let example = (DnsSourceSection::TITLE, "name = \"_postgresql._tcp.orders.example.\"");
    let name = conversion.required(&section.name, &place, example);
    let resolver = section.resolver.given_with_place().and_then(|resolver| {
        let HostPort { host, port } = resolver.get_ref();
        match host {
            TargetHost::Address(address) => Some(SocketAddr::new(*address, port.unwrap_or(53))),
            TargetHost::Name(_) => {
                let what = "`resolver` is a name, which nobody could resolve";
                conversion.faults.add(
                    resolver.span(),
                    what,
                    "write its address, as in \"10.96.0.10:53\"",
                );
                None
            }
        }
    });
    let name = Name::from(&name?.0);
    let whom = Whom::Dns(DnsSourceConfig { name, resolver });
    Some(SourceConfig { interval: usual, timeout: DNS_TIMEOUT, whom })
}

fn kubernetes(
    section: &KubernetesSourceSection,
    place: Range<usize>,
    usual: Duration,
    conversion: &mut Conversion<'_>,
) -> Option<SourceConfig> {
    let whom = Whom::Kubernetes(kubernetes::source(section, place, conversion)?);
    Some(SourceConfig { interval: usual, timeout: KUBERNETES_TIMEOUT, whom })
}

fn http(
    section: &HttpSourceSection,
    place: Range<usize>,
    usual: Duration,
    conversion: &mut Conversion<'_>,
) -> Option<SourceConfig> {
    let example = (HttpSourceSection::TITLE, "url = \"https://inventory.example/orders\"");
    let interval = section.interval(usual, conversion);
    let timeout = section.timeout(conversion);
    let advice = "store the token alone, as one line of UTF-8";
    let token = section
        .token_file
        .given_with_place()
        .and_then(|file| conversion.secret_content(file, password::secret, advice));
    let url = conversion.required(&section.url, &place, example)?;
    let at = section.url.span().unwrap_or(place);
    let tls = tls::of_url(url.https, ("url", at.clone()), &section.ca_file, conversion);
    if !url.https && section.token_file.is_present() {
        let what = "`token_file` beside a `url` by http: whoever listens could use the token";
        conversion.faults.add(at, what, "ask by https, or remove `token_file`");
    }
    let (target, path) = (url.target.clone(), url.path.as_str().into());
    let whom = Whom::Http(HttpSourceConfig { target, path, tls, token });
    Some(SourceConfig { interval, timeout, whom })
}

fn patroni(
    section: &PatroniSourceSection,
    place: Range<usize>,
    usual: Duration,
    conversion: &mut Conversion<'_>,
) -> Option<SourceConfig> {
    let port = section.port(conversion);
    let tls = https(&section.tls, &section.ca_file, conversion);
    if section.hosts.given().is_some_and(Vec::is_empty) {
        let place = section.hosts.span().unwrap_or(place);
        let advice = "name a host, or remove it: the cluster's own servers are asked anyway";
        conversion.faults.add(place, "`hosts` is an empty list", advice);
    }
    let hosts = section.hosts.given().into_iter().flatten().map(|host| {
        let HostPort { host, port: own } = host.get_ref();
        ProbeTarget { host: host.clone(), port: own.unwrap_or(port) }
    });
    let whom = Whom::Patroni { hosts: hosts.collect(), port, tls };
    Some(SourceConfig { interval: usual, timeout: PATRONI_TIMEOUT, whom })
}

fn file(
    section: &FileSourceSection,
    place: Range<usize>,
    usual: Duration,
    conversion: &mut Conversion<'_>,
) -> Option<SourceConfig> {
    let example = (FileSourceSection::TITLE, "path = \"orders.targets.json\"");
    let path = conversion.required(&section.path, &place, example)?;
    let whom = Whom::File(conversion.path(path));
    Some(SourceConfig { interval: usual, timeout: FILE_TIMEOUT, whom })
}

fn command(
    section: &CommandSourceSection,
    place: Range<usize>,
    usual: Duration,
    conversion: &mut Conversion<'_>,
) -> Option<SourceConfig> {
    let example = (CommandSourceSection::TITLE, "run = [\"/usr/local/bin/servers\", \"orders\"]");
    let interval = section.interval(usual, conversion);
    let timeout = section.timeout(conversion);
    let run = conversion.required(&section.run, &place, example)?;
    let at = section.run.span().unwrap_or(place);
    let (program, arguments) = conversion.program(run, ("run", at))?;
    let arguments = arguments.iter().map(|argument| argument.get_ref().as_str().into()).collect();
    Some(SourceConfig { interval, timeout, whom: Whom::Command { program, arguments } })
}

/// Whoever asks a cloud's interface pays for each question.
const SOURCE_INTERVAL: RangeInclusive<Duration> =
    Duration::from_secs(1)..=Duration::from_secs(3600);

/// Less than a second cuts off honest work; what takes longer than a minute says nothing of now.
const SOURCE_TIMEOUT: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(60);

/// Five members that say nothing; then the next ones are asked.
const PATRONI_TIMEOUT: Duration = Duration::from_secs(10);

/// The API server of a large cluster takes a second at times.
const KUBERNETES_TIMEOUT: Duration = Duration::from_secs(10);

/// Three resolvers that say nothing, and some names beside.
const DNS_TIMEOUT: Duration = Duration::from_secs(20);

/// A disk that needs longer is a file system of the network without its server.
const FILE_TIMEOUT: Duration = Duration::from_secs(5);
