//! `[[cluster]]`: one replication group.

use std::{
    collections::{HashMap, HashSet},
    ops::Range,
};

use toml::Spanned;

use super::{
    Checks, KickConfig, ProbeConfig, ServerConfig,
    checks::ClusterChecks,
    discovery::{self, DefaultsSection, DiscoveryConfig, DiscoverySection},
    kick::{self, KickSection},
    names::{Names, Ttls},
    probe::{self, ProbeSection},
    read::{Conversion, Field, Label, Section, one_of, section},
    read_name::{self, ReadSection},
    seen::Seen,
    server::{self, ServerSection},
    words::Words,
    write_name::{self, WriteSection},
    zone::Zones,
};
use crate::{
    answers::{ClusterListing, NameRole, ServedName},
    engine::{
        ClusterId, ClusterKind, ClusterPolicy, MayWrite, ReadPolicy, Thresholds, WritePolicy,
    },
};

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
        /// Servers that come and go by themselves.
        discovery: DiscoverySection,
        /// Its servers. At least one, if no source of discovery can name the first.
        server: Vec<Spanned<ServerSection>>,
    }
}

/// One replication group.
#[derive(Clone, Debug)]
pub struct ClusterConfig {
    /// Its name, unique among the clusters.
    pub name: Box<str>,
    /// What its servers speak.
    pub kind: ClusterKind,
    /// Their place is their [`crate::engine::ServerIndex`]. None while nobody vouches for the first
    /// of a cluster that discovers its servers.
    pub servers: Vec<ServerConfig>,
    /// Who is asked about a server that has no `checks` of its own, as one that joins at run time.
    pub usual_checks: Checks,
    /// Rules of its write name; `None` when it has none.
    pub write: Option<WritePolicy>,
    /// Rules of its read names, in the order of the file.
    pub reads: Vec<ReadPolicy>,
    /// The names that follow this cluster, the write name first. At least one.
    pub names: Vec<ServedName>,
    /// How to ask.
    pub probe: ProbeConfig,
    /// When evidence turns into a judgement.
    pub thresholds: Thresholds,
    /// Whose sessions are ended on a server that has lost the write name.
    pub kick: Option<Box<KickConfig>>,
    /// How its servers are discovered.
    pub discovery: Option<Box<DiscoveryConfig>>,
}

impl ClusterConfig {
    /// The server `name`, in any case of letters.
    pub fn server(&self, name: &str) -> Option<&ServerConfig> {
        server::named(&self.servers, name)
    }

    /// Its rules, for the engine.
    pub fn policy(&self) -> ClusterPolicy {
        ClusterPolicy {
            name: self.name.clone(),
            kind: self.kind,
            servers: self
                .servers
                .iter()
                .map(|server| server.policy(self.may_write(server)))
                .collect(),
            write: self.write,
            reads: self.reads.clone(),
            thresholds: self.thresholds,
        }
    }

    /// Whether one of its servers may be the writer. An operator vouches for those of the file.
    fn may_write(&self, server: &ServerConfig) -> MayWrite {
        match (&server.found, &self.discovery) {
            (None, _) => MayWrite::Always,
            (Some(_), Some(discovery)) => discovery.may_write,
            (Some(_), None) => MayWrite::SeenFollowing,
        }
    }

    /// What answers say of it.
    pub fn listing(&self) -> ClusterListing {
        ClusterListing {
            name: self.name.clone(),
            kind: self.kind,
            servers: self.servers.iter().map(ServerConfig::published).collect(),
        }
    }
}

/// The clusters of the file as far as they can be read. Their names lie in `zones`.
pub fn convert(
    field: &Field<Vec<Spanned<ClusterSection>>>,
    (zones, defaults): (&Zones, &Field<DefaultsSection>),
    conversion: &mut Conversion<'_>,
) -> Vec<ClusterConfig> {
    let sections = field.given().map_or(&[][..], Vec::as_slice);
    if sections.is_empty() && !matches!(field, Field::Faulty) {
        conversion
            .faults
            .add_whole("there is no cluster", "add a [[cluster]] with its names and servers");
    }
    let mut seen = Seen::default();
    let mut names = Names::new(zones);
    // A list that grows would keep room for thousands more than there are.
    let mut clusters = Vec::with_capacity(sections.len());
    clusters.extend(sections.iter().enumerate().filter_map(|(index, section)| {
        let id = ClusterId(index);
        cluster(id, (section, defaults), &mut seen, &mut names, conversion)
    }));
    clusters
}

/// One cluster; `None` once a fault has been reported that leaves too little of it.
fn cluster(
    id: ClusterId,
    (section, defaults): (&Spanned<ClusterSection>, &Field<DefaultsSection>),
    seen: &mut Seen,
    names: &mut Names<'_>,
    conversion: &mut Conversion<'_>,
) -> Option<ClusterConfig> {
    let (place, section) = (section.span(), section.get_ref());
    let name = name(section, &place, seen, conversion);
    let example = (ClusterSection::TITLE, "engine = \"postgres\"");
    let kind = conversion.required(&section.engine, &place, example).copied();
    let mut checks = ClusterChecks::read(kind, &section.probe, conversion);
    let discovery = discovery::resulting(&section.discovery, defaults, kind);
    let around = (&place, &discovery.section);
    let servers = servers(kind, section, around, (seen, &mut checks), conversion);
    let most = discovery::most_servers(&discovery.section);
    let Served { write, reads, names } = served((id, kind), (section, most), names, conversion);
    if !section.write.is_present() && !section.read.is_present() {
        conversion.faults.add(
            place.clone(),
            "the cluster has no name in DNS",
            "add a [cluster.write] or a [[cluster.read]]",
        );
    }
    let asks_servers = checks.ask_the_database();
    let usual_checks = checks.usual();
    let probe = probe::convert(kind, asks_servers, &section.probe, &place, conversion);
    checks.finish(conversion);
    let around = kick::Around {
        kind,
        has_write: section.write.is_present(),
        probe_user: probe.as_ref().map(|(probe, _)| &*probe.user),
    };
    let kick = kick::convert(&section.kick, &around, conversion);
    let around = discovery::Around {
        kind,
        servers: &servers,
        rise: probe.as_ref().map_or(1, |(_, thresholds)| thresholds.rise),
        asks_servers,
    };
    let discovery = discovery::convert(&discovery, &around, conversion);
    let (name, kind) = (name?, kind?);
    let (probe, thresholds) = probe?;
    Some(ClusterConfig {
        name,
        kind,
        servers,
        usual_checks,
        write,
        reads,
        names,
        probe,
        thresholds,
        kick: kick.map(Box::new),
        discovery: discovery.map(Box::new),
    })
}

fn name(
    section: &ClusterSection,
    place: &Range<usize>,
    seen: &mut Seen,
    conversion: &mut Conversion<'_>,
) -> Option<Box<str>> {
    let example = (ClusterSection::TITLE, "name = \"orders\"");
    let name = &conversion.required(&section.name, place, example)?.0;
    let place = section.name.span().unwrap_or_else(|| place.clone());
    if let Some(first) = seen.clusters.earlier(name.to_ascii_lowercase(), place.clone()) {
        let line = conversion.faults.line(&first);
        conversion.faults.add(
            place,
            format!("a second cluster named `{name}`, the first is on line {line}"),
            "give each cluster its own name",
        );
    }
    Some(name.as_str().into())
}

fn servers(
    kind: Option<ClusterKind>,
    section: &ClusterSection,
    (place, discovery): (&Range<usize>, &Field<DiscoverySection>),
    (seen, checks): (&mut Seen, &mut ClusterChecks),
    conversion: &mut Conversion<'_>,
) -> Vec<ServerConfig> {
    let sections = section.server.given().map_or(&[][..], Vec::as_slice);
    if sections.is_empty() && !matches!(section.server, Field::Faulty) {
        match discovery::names_the_first(discovery) {
            // As the first that comes will be asked.
            true => _ = checks.of_server(&Field::Absent, conversion),
            false => conversion.faults.add(place.clone(), NO_SERVER, discovery::FIRST_SERVER),
        }
    }
    // Here, too: most clusters have three.
    let mut servers = Vec::with_capacity(sections.len());
    servers.extend(sections.iter().filter_map(|section| {
        let checks = |list: &_, conversion: &mut Conversion<'_>| checks.of_server(list, conversion);
        server::convert(section, (kind, &mut *seen), checks, conversion)
    }));
    servers
}

/// The names of one cluster and their rules.
struct Served {
    write: Option<WritePolicy>,
    reads: Vec<ReadPolicy>,
    names: Vec<ServedName>,
}

fn served(
    (id, kind): (ClusterId, Option<ClusterKind>),
    (section, most): (&ClusterSection, usize),
    taken: &mut Names<'_>,
    conversion: &mut Conversion<'_>,
) -> Served {
    let reads = section.read.given().map_or(&[][..], Vec::as_slice);
    let mut names = Vec::with_capacity(1 + reads.len());
    let mut serve = |name: Option<_>, role, Ttls { ttl, ttl_unstable }| {
        names.extend(name.map(|name| ServedName { name, cluster: id, role, ttl, ttl_unstable }));
    };
    let write = section.write.given_with_place().map(|section| {
        let (name, ttls, policy) = write_name::convert(section, kind, taken, conversion);
        serve(name, NameRole::Write, ttls);
        policy
    });
    let listed = section.server.given().map_or(1, |list| list.len().max(1));
    let servers = listed.max(most);
    let reads = reads.iter().enumerate().map(|(index, section)| {
        let around = read_name::Around { kind, servers, index };
        let read = read_name::convert(section, around, taken, conversion);
        serve(read.name, read.role, read.ttls);
        read.policy
    });
    Served { write, reads: reads.collect(), names }
}

/// What a reload says of the clusters.
pub fn changes(before: &[ClusterConfig], after: &[ClusterConfig], words: &mut Words) {
    let by_name = |clusters: &[ClusterConfig]| -> HashMap<String, usize> {
        let names = clusters.iter().map(|cluster| cluster.name.to_string());
        names.zip(0..).collect()
    };
    let (earlier, later) = (by_name(before), by_name(after));
    for (index, cluster) in after.iter().enumerate() {
        let name = &cluster.name;
        let Some(&place) = earlier.get(&**name) else {
            words.add(format!("{name} is new, with {} servers", cluster.servers.len()));
            continue;
        };
        let mut of_it = Words::default();
        settings(&before[place], cluster, &mut of_it);
        if before.len() == after.len() && place != index {
            of_it.add("another place among the clusters");
        }
        words.add_about(name, of_it);
    }
    for cluster in before {
        if !later.contains_key(&*cluster.name) {
            words.add(format!("{} is gone", cluster.name));
        }
    }
}

fn settings(was: &ClusterConfig, is: &ClusterConfig, words: &mut Words) {
    words.setting("", "engine", (&was.kind, &is.kind));
    server::changes(&was.servers, &is.servers, words);
    changes_of_names(was, is, words);
    if let (Some(was), Some(is)) = (&was.write, &is.write) {
        write_name::changes(was, is, words);
    }
    probe::changes(&was.probe, &is.probe, words);
    kick::changes(was.kick.as_deref(), is.kick.as_deref(), words);
    discovery::changes(was.discovery.as_deref(), is.discovery.as_deref(), words);
    probe::changes_of_thresholds(&was.thresholds, &is.thresholds, words);
}

/// What a reload says of the names of a cluster.
fn changes_of_names(before: &ClusterConfig, after: &ClusterConfig, words: &mut Words) {
    fn by_name(names: &[ServedName]) -> HashMap<String, &ServedName> {
        names.iter().map(|name| (name.name.to_string(), name)).collect()
    }
    let earlier = by_name(&before.names);
    for name in &after.names {
        let Some(known) = earlier.get(&name.name.to_string()) else {
            words.add(format!("{} is served", name.name));
            continue;
        };
        let of = format!("{} ", name.name);
        words.setting(&of, "ttl", (&known.ttl, &name.ttl));
        words.setting(&of, "ttl_unstable", (&known.ttl_unstable, &name.ttl_unstable));
        match (known.role, name.role) {
            (NameRole::Write, NameRole::Write) => {}
            (NameRole::Read { .. }, NameRole::Read { .. }) => {
                let (was, is) = ((&*before.reads, known.role), (&*after.reads, name.role));
                read_name::changes(&of, was, is, words);
            }
            _ => words.add(format!("{of}is for something else")),
        }
    }
    let later: HashSet<_> = after.names.iter().map(|name| name.name.to_string()).collect();
    for name in earlier.keys().filter(|name| !later.contains(*name)) {
        words.add(format!("{name} is no longer served"));
    }
}

/// What is wrong with a cluster of nobody.
const NO_SERVER: &str = "the cluster has no server";

one_of! { ClusterKind, "\"postgres\", \"mysql\" or \"mariadb\" (the same), or \"tcp\"",
    "postgres" => Self::Postgres,
    "postgresql" => Self::Postgres,
    "mysql" => Self::MySql,
    "mariadb" => Self::MySql,
    "tcp" => Self::Tcp,
}
