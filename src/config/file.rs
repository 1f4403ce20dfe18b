//! The whole file: which sections it has, and the [`Config`] that they become together.

use std::{path::Path, sync::Arc};

use toml::Spanned;

use super::{
    Config,
    admin::{self, AdminSection},
    checks::WitnessConfig,
    cluster::{self, ClusterConfig, ClusterSection},
    discovery::{self, DefaultsSection, Whom},
    dns::{self, DnsSection, Listeners},
    hook::{self, HookAction, HookConfig, HookSection},
    log::{self, LogSection},
    publish::{self, PublishConfig, PublishSection},
    read::{ConfigError, Conversion, Faults, Field, Protected, Sources, section},
    state::{self, StateSection},
    transfer::{self, CatalogSection, KeySection, Keys, TransferConfig},
    zone::{self, ZoneSection, Zones},
};

section! {
    /// The whole file.
    FileSection = "the file" {
        /// Where DNS is answered.
        dns: DnsSection,
        /// Zones with their static records. At least one.
        zone: Vec<Spanned<ZoneSection>>,
        /// Secrets that are shared with other DNS servers.
        key: Vec<Spanned<KeySection>>,
        /// A zone that lists our zones.
        catalog: CatalogSection,
        /// What we say in zones of others.
        publish: Vec<Spanned<PublishSection>>,
        /// What survives restarts.
        state: StateSection,
        /// The operator's access.
        admin: AdminSection,
        /// How the log is written.
        log: LogSection,
        /// What clusters that discover their servers have in common.
        discovery: DefaultsSection,
        /// Who is told of changes.
        hook: Vec<Spanned<HookSection>>,
        /// Replication groups. At least one.
        cluster: Vec<Spanned<ClusterSection>>,
    }
}

/// The configuration of the whole `section`, read from `text`, which is that of `file`.
pub fn convert(
    section: &FileSection,
    (file, text): (&Path, &str),
    sources: &dyn Sources,
    faults: Faults<'_>,
) -> Result<Config, ConfigError> {
    let mut conversion = Conversion::new(file, sources, faults);
    let mut listeners = Listeners::new(&section.dns);
    let dns = dns::convert(&section.dns, &mut listeners, &mut conversion);
    let state = state::convert(&section.state, &mut conversion);
    let admin = admin::convert(&section.admin, &mut listeners, &mut conversion);
    let log = log::convert(&section.log);
    let keys = transfer::keys(&section.key, &mut conversion);
    let zones = zone::convert(&section.zone, (&dns, &keys), &mut conversion);
    let transfer = transfer(section, &zones, &mut conversion);
    let clusters =
        cluster::convert(&section.cluster, (&zones, &section.discovery), &mut conversion);
    note_first_servers(section, &mut conversion);
    let publish = publish(section, (&keys, &clusters), &mut conversion);
    let hooks = hook::convert(&section.hook, &section.cluster, &mut conversion);
    if runs_commands(&clusters, &hooks) {
        conversion.protect(file, Protected::Commands);
    }
    let open_files = conversion.open_files();
    let unseen = conversion.faults.warnings();
    conversion.finish(Config {
        file: file.into(),
        text: text.into(),
        added: Arc::default(),
        dns,
        zones: zones.into_zones(),
        transfer,
        publish,
        state,
        admin,
        log,
        hooks,
        clusters,
        open_files,
        unseen,
    })
}

/// What other servers may copy. Their copies rest on a serial that never goes back, which only `[state]` can
/// promise over a restart.
fn transfer(
    section: &FileSection,
    zones: &Zones,
    conversion: &mut Conversion<'_>,
) -> TransferConfig {
    let catalog =
        transfer::catalog(&section.catalog, zones.transferred(), zones.origins(), conversion);
    let sections = section.zone.given().into_iter().flatten();
    let first = sections.filter_map(|zone| zone.get_ref().secondary.span()).next();
    if let (false, Some(place)) = (section.state.is_present(), first) {
        conversion.faults.add(
            place,
            "a zone with secondaries needs [state]: without it the serial may go back at a \
             restart, and they would keep old addresses",
            "add [state] with directory = \"/var/lib/pointsman\"",
        );
    }
    TransferConfig { zones: zones.transferred().to_vec(), catalog }
}

/// What we say in zones of others. Its epochs never go back, which only `[state]` can promise over a restart.
fn publish(
    section: &FileSection,
    (keys, clusters): (&Keys, &[ClusterConfig]),
    conversion: &mut Conversion<'_>,
) -> Vec<PublishConfig> {
    let first = section.publish.given().and_then(|all| all.first());
    if let (false, Some(first)) = (section.state.is_present(), first) {
        conversion.faults.add(
            first.span(),
            "[[publish]] needs [state]: without it the epoch of our last change is forgotten at \
             a restart",
            "add [state] with directory = \"/var/lib/pointsman\"",
        );
    }
    publish::convert(&section.publish, (keys, clusters), conversion)
}

/// A cluster without a server in the file. Who vouched for its first would be asked again at each
/// restart.
fn note_first_servers(section: &FileSection, conversion: &mut Conversion<'_>) {
    if section.state.is_present() {
        return;
    }
    let clusters = section.cluster.given().into_iter().flatten();
    let mut without = clusters.filter(|cluster| {
        let cluster = cluster.get_ref();
        let is_empty = !matches!(cluster.server, Field::Faulty)
            && cluster.server.given().is_none_or(Vec::is_empty);
        let kind = cluster.engine.given().copied();
        let resulting = discovery::resulting(&cluster.discovery, &section.discovery, kind);
        is_empty && discovery::names_the_first(&resulting.section)
    });
    if let Some(first) = without.next() {
        conversion.faults.add(
            first.span(),
            "a cluster without a [[cluster.server]] has no [state] to keep its servers in: a \
             restart would forget them",
            "add [state] with directory = \"/var/lib/pointsman\", or a [[cluster.server]]",
        );
    }
}

/// Whether the file names a program that we start.
fn runs_commands(clusters: &[ClusterConfig], hooks: &[Arc<HookConfig>]) -> bool {
    let mut witnesses = clusters
        .iter()
        .flat_map(|cluster| &cluster.servers)
        .flat_map(|server| &server.checks.witnesses);
    let sources = clusters.iter().filter_map(|cluster| cluster.discovery.as_ref());
    let mut sources = sources.flat_map(|discovery| &discovery.sources);
    witnesses.any(|witness| matches!(**witness, WitnessConfig::Command { .. }))
        || sources.any(|source| matches!(source.whom, Whom::Command { .. }))
        || hooks.iter().any(|hook| matches!(hook.action, HookAction::Command { .. }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{
        admin::{AdminSection, TokenSection},
        checks::{AgentSection, CommandSection, HttpSection, PatroniSection},
        cluster::ClusterSection,
        discovery::{
            CommandSourceSection, DiscoverySection, DnsSourceSection, FileSourceSection,
            HttpSourceSection, KubernetesSourceSection, PatroniSourceSection, RuleSection,
        },
        dns::{DnsSection, ExposeSection, RateLimitSection, TcpSection, TlsListenSection},
        hook::HookSection,
        kick::KickSection,
        log::LogSection,
        probe::ProbeSection,
        publish::{PublishSection, RecordSection},
        read::Section,
        read_name::ReadSection,
        server::ServerSection,
        state::StateSection,
        transfer::{CatalogSection, KeySection, SecondarySection},
        write_name::WriteSection,
        zone::ZoneSection,
    };

    /// Every section with its keys.
    const FORMAT: [(&str, &[&str]); 35] = [
        (FileSection::TITLE, FileSection::KEYS),
        (DnsSection::TITLE, DnsSection::KEYS),
        (TcpSection::TITLE, TcpSection::KEYS),
        (TlsListenSection::TITLE, TlsListenSection::KEYS),
        (RateLimitSection::TITLE, RateLimitSection::KEYS),
        (ExposeSection::TITLE, ExposeSection::KEYS),
        (ZoneSection::TITLE, ZoneSection::KEYS),
        (SecondarySection::TITLE, SecondarySection::KEYS),
        (KeySection::TITLE, KeySection::KEYS),
        (CatalogSection::TITLE, CatalogSection::KEYS),
        (PublishSection::TITLE, PublishSection::KEYS),
        (RecordSection::TITLE, RecordSection::KEYS),
        (StateSection::TITLE, StateSection::KEYS),
        (AdminSection::TITLE, AdminSection::KEYS),
        (TokenSection::TITLE, TokenSection::KEYS),
        (LogSection::TITLE, LogSection::KEYS),
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
        (DefaultsSection::TITLE, DefaultsSection::KEYS),
        (DiscoverySection::TITLE, DiscoverySection::KEYS),
        (RuleSection::TITLE, RuleSection::KEYS),
        (FileSourceSection::TITLE, FileSourceSection::KEYS),
        (CommandSourceSection::TITLE, CommandSourceSection::KEYS),
        (DnsSourceSection::TITLE, DnsSourceSection::KEYS),
        (HttpSourceSection::TITLE, HttpSourceSection::KEYS),
        (PatroniSourceSection::TITLE, PatroniSourceSection::KEYS),
        (KubernetesSourceSection::TITLE, KubernetesSourceSection::KEYS),
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
