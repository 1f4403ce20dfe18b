//! `[[publish]]`: what we say, in a zone of somebody else (RFC 2136).

use std::{net::SocketAddr, sync::Arc};

use hickory_proto::rr::LowerName;
use toml::Spanned;

use super::{
    cluster::ClusterConfig,
    read::{Conversion, Field, Firsts, HostName, Label, Section, one_of, section},
    transfer::{KeyConfig, Keys},
    words::Words,
};

section! {
    /// Records in a zone of somebody else that say what we say.
    PublishSection = "[[publish]]" {
        /// What it is called in our words.
        name: Label,
        /// How the zone is changed.
        kind: PublishKind = PublishKind::Rfc2136,
        /// Servers of the zone that take changes; the first that answers is told.
        servers: Vec<Spanned<SocketAddr>>,
        /// The zone's apex.
        zone: HostName,
        /// The key that changes are signed with.
        key: HostName,
        /// Which names.
        records: Vec<Spanned<RecordSection>>,
        /// The label below each name at which a TXT record says whose it is.
        owner_label: HostName,
        /// Whether a name with addresses and without that record may be taken over.
        adopt: bool = false,
        /// Whether a name without a server loses its addresses there as well.
        push_empty: bool = false,
    }
}

section! {
    /// One name.
    RecordSection = "[[publish.records]]" {
        /// A served name of ours.
        from: HostName,
        /// The name in the zone of somebody else.
        to: HostName,
    }
}

/// How a zone is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PublishKind {
    /// By signed updates (RFC 2136, RFC 8945).
    Rfc2136,
}

one_of! { PublishKind, "\"rfc2136\"",
    "rfc2136" => Self::Rfc2136,
}

/// Records in a zone of somebody else that say what we say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublishConfig {
    /// What it is called in our words.
    pub name: Box<str>,
    /// Servers of the zone, at least one.
    pub servers: Vec<SocketAddr>,
    /// The zone's apex.
    pub zone: LowerName,
    /// The key that changes are signed with.
    pub key: Arc<KeyConfig>,
    /// Which names; at least one.
    pub records: Vec<PublishedRecord>,
    /// The label of the owner record.
    pub owner_label: Box<str>,
    /// Whether addresses without an owner record may be taken over.
    pub adopt: bool,
    /// Whether a name without a server loses its addresses there as well.
    pub push_empty: bool,
}

/// One name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublishedRecord {
    /// The cluster of the served name.
    pub cluster: Box<str>,
    /// The served name.
    pub from: LowerName,
    /// The name in the zone of somebody else.
    pub to: LowerName,
}

/// The label of owner records unless another is said.
const OWNER_LABEL: &str = "_pointsman";

/// Reads all of them.
pub fn convert(
    field: &Field<Vec<Spanned<PublishSection>>>,
    (keys, clusters): (&Keys, &[ClusterConfig]),
    conversion: &mut Conversion<'_>,
) -> Vec<PublishConfig> {
    let sections = field.given().map_or(&[][..], Vec::as_slice);
    let (mut seen, mut names) = (Firsts::default(), Firsts::default());
    let read = sections.iter().filter_map(|section| {
        let published = one(section, (keys, clusters), &mut names, conversion)?;
        let place = section.get_ref().name.span().unwrap_or_else(|| section.span());
        if let Some(first) = seen.earlier(published.name.clone(), place.clone()) {
            let line = conversion.faults.line(&first);
            let what =
                format!("a second [[publish]] `{}`, the first is on line {line}", published.name);
            conversion.faults.add(place, what, "give each a name of its own");
        }
        Some(published)
    });
    read.collect()
}

fn one(
    section: &Spanned<PublishSection>,
    (keys, clusters): (&Keys, &[ClusterConfig]),
    names: &mut Firsts<LowerName>,
    conversion: &mut Conversion<'_>,
) -> Option<PublishConfig> {
    let (place, section) = (section.span(), section.get_ref());
    let title = PublishSection::TITLE;
    let name = conversion.required(&section.name, &place, (title, "name = \"corp-bind\""));
    let servers =
        conversion.required(&section.servers, &place, (title, "servers = [\"10.0.0.1:53\"]"));
    let zone = conversion.required(&section.zone, &place, (title, "zone = \"corp.example.\""));
    conversion.required(&section.key, &place, (title, "key = \"upd.corp.example.\""));
    let key = keys.take(&section.key, conversion);
    let example = "records = [{ from = \"write.db.internal.\", to = \"db.corp.example.\" }]";
    let records = conversion.required(&section.records, &place, (title, example));
    let PublishKind::Rfc2136 = section.kind();
    if servers.is_some_and(Vec::is_empty) {
        let place = section.servers.span().unwrap_or_default();
        conversion.faults.add(place, "`servers` is empty", "name the servers that take changes");
    }
    if records.is_some_and(Vec::is_empty) {
        let place = section.records.span().unwrap_or_default();
        conversion.faults.add(place, "`records` is empty", format!("write {example}"));
    }
    let zone = zone.map(|zone| &zone.0)?;
    let records: Vec<_> = records?
        .iter()
        .filter_map(|section| record(section, (zone, clusters), names, conversion))
        .collect();
    let owner_label = section.owner_label.given().map(|label| label.0.to_string());
    let owner_label = owner_label.as_ref().map_or(OWNER_LABEL, |label| label.trim_end_matches('.'));
    if owner_label.contains('.') {
        conversion.faults.add(
            section.owner_label.span().unwrap_or_default(),
            format!("`owner_label` = \"{owner_label}\" is more than one label"),
            "write one label, as in \"_pointsman\"",
        );
    }
    Some(PublishConfig {
        name: name?.0.as_str().into(),
        servers: servers?.iter().map(|server| *server.get_ref()).collect(),
        zone: zone.clone(),
        key: key?,
        records,
        owner_label: owner_label.into(),
        adopt: section.adopt(),
        push_empty: section.push_empty(),
    })
}

fn record(
    section: &Spanned<RecordSection>,
    (zone, clusters): (&LowerName, &[ClusterConfig]),
    names: &mut Firsts<LowerName>,
    conversion: &mut Conversion<'_>,
) -> Option<PublishedRecord> {
    let (place, section) = (section.span(), section.get_ref());
    let title = RecordSection::TITLE;
    let from = conversion.required(&section.from, &place, (title, "from = \"write.db.internal.\""));
    let to = conversion.required(&section.to, &place, (title, "to = \"db.corp.example.\""));
    let (from, to) = (&from?.0, &to?.0);
    let to_place = section.to.span().unwrap_or_else(|| place.clone());
    if !zone.zone_of(to) || zone == to {
        conversion.faults.add(
            to_place.clone(),
            format!("`to` = \"{to}\" is not below the zone `{zone}`"),
            "write a name below `zone`; the apex has records of others",
        );
    }
    if let Some(first) = names.earlier(to.clone(), to_place.clone()) {
        let line = conversion.faults.line(&first);
        let what = format!("a second record for `{to}`, the first is on line {line}");
        conversion.faults.add(to_place, what, "one name follows one name");
    }
    let serves = |cluster: &&ClusterConfig| cluster.names.iter().any(|served| served.name == *from);
    let cluster = clusters.iter().find(serves);
    // What a faulty cluster serves is not known.
    if cluster.is_none() && conversion.faults.is_empty() {
        conversion.faults.add(
            section.from.span().unwrap_or(place),
            format!("`from` = \"{from}\" is no name of a cluster"),
            "write the name of a [cluster.write] or [[cluster.read]]",
        );
    }
    Some(PublishedRecord { cluster: cluster?.name.clone(), from: from.clone(), to: to.clone() })
}

/// What a reload says of them.
pub fn changes(before: &[PublishConfig], after: &[PublishConfig], words: &mut Words) {
    for one in after {
        match before.iter().find(|known| known.name == one.name) {
            None => words.add(format!("publish {} is new", one.name)),
            Some(known) if known != one => {
                words.add(format!("publish {} has other settings", one.name));
            }
            Some(_) => {}
        }
    }
    for gone in before.iter().filter(|known| !after.iter().any(|kept| kept.name == known.name)) {
        words.add(format!("publish {} is gone: its records stay as they are", gone.name));
    }
}
