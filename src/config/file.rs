//! The picture of the configuration file: every section, every key, the type of each. Nothing is
//! checked here.
//!
//! `section!` turns each picture into a struct whose fields remember where their value stands.
//! Unknown keys, wrong types and values that cannot be read are reported while reading
//! (`reading.rs`); whether the values make sense together is for `convert`.

use std::{net::IpAddr, net::SocketAddr, path::PathBuf, time::Duration};

use toml::Spanned;

use super::{
    KickMode, Networks,
    hosts::{HostName, HostPort, Label},
    reading::{Field, section},
    told::HookUrl,
    values::{
        CheckWord, HeaderText, Identity, OneOrMany, Size, TlsWord, UrlPath, VariableName,
        WholeNumber,
    },
};
use crate::{
    answers::Balance,
    engine::{ClusterKind, Failback, OnNewerTimeline, OnNotWritable, OnSplitBrain},
    report::ChangeKind,
};

section! {
    /// The whole file.
    FileSection = "the file" {
        /// Where DNS is answered.
        dns: DnsSection,
        /// Zones with their static records. At least one.
        zone: Vec<Spanned<ZoneSection>>,
        /// What survives restarts.
        state: StateSection,
        /// The operator's access.
        admin: AdminSection,
        /// Who is told of changes.
        hook: Vec<Spanned<HookSection>>,
        /// Replication groups. At least one.
        cluster: Vec<Spanned<ClusterSection>>,
    }
}

section! {
    /// Where DNS is answered.
    DnsSection = "[dns]" {
        /// Addresses and ports, each for UDP and TCP.
        listen: Vec<Spanned<SocketAddr>>,
        /// Threads.
        workers: WholeNumber,
        /// What we call ourselves.
        identity: Identity,
        /// Who may ask.
        allow_query: Networks,
        /// The secrets of server cookies.
        cookie_secret_file: PathBuf,
        /// Limits of connections.
        tcp: TcpSection,
        /// DNS over TLS.
        tls: TlsListenSection,
        /// Response rate limiting.
        rate_limit: RateLimitSection,
        /// Who may see what beside the served names.
        expose: ExposeSection,
    }
}

section! {
    /// Limits of DNS over TCP and TLS.
    TcpSection = "[dns.tcp]" {
        /// Connections in all.
        max_connections: WholeNumber,
        /// Connections of one client address.
        max_connections_per_client: WholeNumber,
        /// How long a connection may be of no use.
        idle_timeout: Duration,
    }
}

section! {
    /// DNS over TLS.
    TlsListenSection = "[dns.tls]" {
        /// Addresses and ports.
        listen: Vec<Spanned<SocketAddr>>,
        /// The certificate chain, PEM.
        certificate_file: PathBuf,
        /// Its private key, PEM.
        key_file: PathBuf,
    }
}

section! {
    /// Response rate limiting over UDP.
    RateLimitSection = "[dns.rate_limit]" {
        /// Replies per second to one client prefix.
        responses_per_second: WholeNumber,
        /// One in so many of the others is sent short.
        slip: WholeNumber,
        /// Bits of an IPv4 client prefix.
        ipv4_prefix: WholeNumber,
        /// Bits of an IPv6 client prefix.
        ipv6_prefix: WholeNumber,
        /// Who is never limited.
        exempt: Networks,
    }
}

section! {
    /// Who may see what beside the served names.
    ExposeSection = "[dns.expose]" {
        /// SRV of the served names.
        srv: Networks,
        /// Addresses of single servers.
        servers: Networks,
        /// How a served name comes about.
        status: Networks,
        /// How a server is judged.
        why: Networks,
        /// A cluster's last changes.
        events: Networks,
        /// Our version.
        version: Networks,
        /// Our identity.
        identity: Networks,
    }
}

section! {
    /// One zone.
    ZoneSection = "[[zone]]" {
        /// The apex.
        origin: HostName,
        /// The master file.
        file: PathBuf,
    }
}

section! {
    /// What survives restarts.
    StateSection = "[state]" {
        /// A folder that Pointsman may write to.
        directory: PathBuf,
    }
}

section! {
    /// The operator's access.
    AdminSection = "[admin]" {
        /// Socket of the CLI.
        socket: PathBuf,
        /// Address and port of the status page and the API.
        http: SocketAddr,
        /// The token that changes over HTTP need.
        token_file: PathBuf,
        /// Names by which clients call us over HTTP.
        hosts: Vec<Spanned<HostName>>,
    }
}

section! {
    /// Who is told of changes.
    HookSection = "[[hook]]" {
        /// Its name in Pointsman.
        name: Label,
        /// The kinds of changes. At least one.
        events: Vec<Spanned<ChangeKind>>,
        /// The clusters whose changes they are, if not all.
        clusters: Vec<Spanned<Label>>,
        /// The program to run and its arguments.
        command: Vec<Spanned<String>>,
        /// Where to POST to.
        webhook: HookUrl,
        /// File with the secret that signs.
        secret_file: PathBuf,
        /// Authorities for `https`, PEM.
        ca_file: PathBuf,
        /// Deadline of one attempt.
        timeout: Duration,
    }
}

section! {
    /// One replication group.
    ClusterSection = "[[cluster]]" {
        /// Its name in Pointsman.
        name: Label,
        /// What its servers speak.
        engine: ClusterKind,
        /// The name that follows the writable primary.
        write: WriteSection,
        /// The names that follow the replicas.
        read: Vec<Spanned<ReadSection>>,
        /// How its servers are asked.
        probe: ProbeSection,
        /// Whose sessions are ended on a server that has lost the write name.
        kick: KickSection,
        /// Its servers. At least one.
        server: Vec<Spanned<ServerSection>>,
    }
}

section! {
    /// The write name.
    WriteSection = "[cluster.write]" {
        /// The DNS name.
        name: HostName,
        /// TTL of its records.
        ttl: Duration,
        /// TTL of its records while in doubt.
        ttl_unstable: Duration,
        /// What to say when the last primary is known not to be writable.
        on_not_writable: OnNotWritable,
        /// What to say when two servers are writable and nothing tells which is right.
        on_split_brain: OnSplitBrain,
        /// PostgreSQL: what a newer timeline is worth beside a published primary that lives.
        on_newer_timeline: OnNewerTimeline,
        /// Whether the servers are started in turn on one shared volume.
        shared_storage: bool,
        /// Whether a healthy server is left for a preferred one.
        failback: Failback,
        /// How long the name does not return to the server that it was moved away from.
        flap_block: Duration,
    }
}

section! {
    /// One read name.
    ReadSection = "[[cluster.read]]" {
        /// The DNS name.
        name: HostName,
        /// TTL of its records.
        ttl: Duration,
        /// TTL of its records while in doubt.
        ttl_unstable: Duration,
        /// Lag up to which a replica is fresh.
        max_lag: Duration,
        /// Fit replicas below which others are added.
        min_servers: WholeNumber,
        /// Records in one answer, at most.
        max_answers: WholeNumber,
        /// Whether the primary always belongs to the set.
        include_primary: bool,
        /// The order of the servers in an answer.
        balance: Balance,
    }
}

section! {
    /// How servers are asked.
    ProbeSection = "[cluster.probe]" {
        /// Login role or user.
        user: String,
        /// File with the password.
        password_file: PathBuf,
        /// Environment variable with the password.
        password_env: VariableName,
        /// File with the password in the systemd credentials folder.
        password_credential: PathBuf,
        /// PostgreSQL database to connect to.
        database: String,
        /// Encryption.
        tls: TlsWord,
        /// Authorities for `verify-full`, PEM.
        ca_file: PathBuf,
        /// Calm cadence.
        interval: Duration,
        /// Cadence in doubt.
        fast_interval: Duration,
        /// Deadline of a probe.
        timeout: Duration,
        /// Soft failures in a row until Down.
        fall: WholeNumber,
        /// Successes in a row until a replica is back.
        rise: WholeNumber,
        /// Whether a row is updated on the primary with each probe.
        heartbeat_write: bool,
        /// Who is asked about each server.
        checks: Vec<Spanned<CheckWord>>,
        /// Patroni's REST API.
        patroni: PatroniSection,
        /// The status of an HTTP reply.
        http: HttpSection,
        /// A line of text in HAProxy's words.
        agent: AgentSection,
        /// The exit status of a command.
        command: CommandSection,
    }
}

section! {
    /// Patroni's REST API.
    PatroniSection = "[cluster.probe.patroni]" {
        /// Its port.
        port: WholeNumber,
        /// Encryption.
        tls: TlsWord,
        /// Authorities for `verify-full`, PEM.
        ca_file: PathBuf,
        /// How far a replica may be behind.
        replica_lag: Size,
    }
}

section! {
    /// The status of an HTTP reply.
    HttpSection = "[cluster.probe.http]" {
        /// The port.
        port: WholeNumber,
        /// Path and query.
        path: UrlPath,
        /// The `Host` header.
        host: HeaderText,
        /// Good statuses.
        expect: Vec<Spanned<WholeNumber>>,
        /// Encryption.
        tls: TlsWord,
        /// Authorities for `verify-full`, PEM.
        ca_file: PathBuf,
    }
}

section! {
    /// A line of text in HAProxy's words.
    AgentSection = "[cluster.probe.agent]" {
        /// The port.
        port: WholeNumber,
    }
}

section! {
    /// The exit status of a command.
    CommandSection = "[cluster.probe.command]" {
        /// The program and its arguments.
        run: Vec<Spanned<String>>,
    }
}

section! {
    /// Whose sessions are ended on a server that has lost the write name.
    KickSection = "[cluster.kick]" {
        /// Whether they are.
        mode: KickMode,
        /// The users whose sessions are meant.
        users: Vec<Spanned<String>>,
        /// The databases whose sessions are meant.
        databases: Vec<Spanned<String>>,
        /// Who ends them, if not the probe's user.
        user: String,
        /// File with the password.
        password_file: PathBuf,
        /// Environment variable with the password.
        password_env: VariableName,
        /// File with the password in the systemd credentials folder.
        password_credential: PathBuf,
    }
}

section! {
    /// One server.
    ServerSection = "[[cluster.server]]" {
        /// Its name in Pointsman.
        name: Label,
        /// What DNS says.
        address: OneOrMany<IpAddr>,
        /// The database port.
        port: WholeNumber,
        /// Where the choice is free: lower is preferred.
        priority: WholeNumber,
        /// Share under `balance = "weighted"`.
        weight: WholeNumber,
        /// Where it is asked, if not at its first address.
        probe_address: HostPort,
        /// Who is asked about it, if not those of its cluster.
        checks: Vec<Spanned<CheckWord>>,
    }
}

#[cfg(test)]
mod tests {
    use super::{super::reading::Section, *};

    /// Every section with its keys.
    const FORMAT: [(&str, &[&str]); 19] = [
        (FileSection::TITLE, FileSection::KEYS),
        (DnsSection::TITLE, DnsSection::KEYS),
        (TcpSection::TITLE, TcpSection::KEYS),
        (TlsListenSection::TITLE, TlsListenSection::KEYS),
        (RateLimitSection::TITLE, RateLimitSection::KEYS),
        (ExposeSection::TITLE, ExposeSection::KEYS),
        (ZoneSection::TITLE, ZoneSection::KEYS),
        (StateSection::TITLE, StateSection::KEYS),
        (AdminSection::TITLE, AdminSection::KEYS),
        (HookSection::TITLE, HookSection::KEYS),
        (ClusterSection::TITLE, ClusterSection::KEYS),
        (WriteSection::TITLE, WriteSection::KEYS),
        (ReadSection::TITLE, ReadSection::KEYS),
        (ProbeSection::TITLE, ProbeSection::KEYS),
        (PatroniSection::TITLE, PatroniSection::KEYS),
        (HttpSection::TITLE, HttpSection::KEYS),
        (AgentSection::TITLE, AgentSection::KEYS),
        (CommandSection::TITLE, CommandSection::KEYS),
        (KickSection::TITLE, KickSection::KEYS),
    ];

    /// The part of the reference under the heading of `title`.
    fn chapter<'a>(reference: &'a str, title: &str) -> &'a str {
        let heading = format!("\n## `{title}`");
        let (_, rest) = reference
            .split_once(&heading)
            .unwrap_or_else(|| panic!("docs/CONFIGURATION.md has no heading for {title}"));
        rest.split("\n## ").next().unwrap_or(rest)
    }

    #[test]
    fn the_reference_describes_every_key_of_every_section() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/CONFIGURATION.md");
        let reference = std::fs::read_to_string(path).expect("docs/CONFIGURATION.md");
        let server = (ServerSection::TITLE, ServerSection::KEYS);
        for (title, keys) in FORMAT[1..].iter().chain([&server]) {
            let chapter = chapter(&reference, title);
            for key in *keys {
                let path = format!("{}.{key}", title.trim_matches(['[', ']']));
                let is_section = FORMAT
                    .iter()
                    .chain([&server])
                    .any(|(title, _)| title.trim_matches(['[', ']']) == path);
                let has_row = chapter.contains(&format!("| `{key}` |"));
                assert!(is_section || has_row, "{title} lacks a row for `{key}`");
            }
        }
    }
}
