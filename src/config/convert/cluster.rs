//! `[[cluster]]` with its write and read names.

use std::{ops::Range, time::Duration};

use hickory_proto::rr::LowerName;
use toml::Spanned;

use super::{Conversion, Seen, checks::ClusterChecks, kick, names::Names, probe, server};
use crate::{
    answers::{Balance, NameRole, ServedName},
    config::{
        ClusterConfig, ServerConfig, defaults,
        file::{ClusterSection, ReadSection, WriteSection},
        reading::{Field, Section},
    },
    duration::written,
    engine::{
        ClusterId, ClusterKind, Failback, OnNewerTimeline, OnNotWritable, OnSplitBrain, ReadPolicy,
        WritePolicy,
    },
};

/// One cluster; `None` once a fault has been reported that leaves too little of it.
pub(super) fn convert(
    id: ClusterId,
    section: &Spanned<ClusterSection>,
    seen: &mut Seen,
    names: &mut Names<'_>,
    conversion: &mut Conversion<'_>,
) -> Option<ClusterConfig> {
    let (place, section) = (section.span(), section.get_ref());
    let name = name(section, &place, seen, conversion);
    let example = (ClusterSection::TITLE, "engine = \"postgres\"");
    let kind = conversion.required(&section.engine, &place, example).copied();
    let mut checks = ClusterChecks::read(kind, &section.probe, conversion);
    let servers = servers(kind, section, &place, (seen, &mut checks), conversion);
    let mut rules = Rules {
        id,
        kind,
        servers: section.server.given().map_or(1, |list| list.len().max(1)),
        served: Vec::new(),
    };
    let write = rules.write(&section.write, names, conversion);
    let reads = rules.reads(&section.read, names, conversion);
    if !section.write.is_present() && !section.read.is_present() {
        conversion.faults.add(
            place.clone(),
            "the cluster has no name in DNS",
            "add a [cluster.write] or a [[cluster.read]]",
        );
    }
    let probe = probe::convert(kind, checks.ask_the_database(), &section.probe, &place, conversion);
    checks.finish(conversion);
    let around = kick::Around {
        kind,
        has_write: section.write.is_present(),
        probe_user: probe.as_ref().map(|(probe, _)| &*probe.user),
    };
    let kick = kick::convert(&section.kick, &around, conversion);
    let (name, kind) = (name?, kind?);
    let (probe, thresholds) = probe?;
    Some(ClusterConfig {
        name,
        kind,
        servers,
        write,
        reads,
        names: rules.served,
        probe,
        thresholds,
        kick,
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
    place: &Range<usize>,
    (seen, checks): (&mut Seen, &mut ClusterChecks),
    conversion: &mut Conversion<'_>,
) -> Vec<ServerConfig> {
    let sections = section.server.given().map_or(&[][..], Vec::as_slice);
    if sections.is_empty() && !matches!(section.server, Field::Faulty) {
        conversion.faults.add(
            place.clone(),
            "the cluster has no server",
            "add a [[cluster.server]] with name and address",
        );
    }
    sections
        .iter()
        .filter_map(|section| server::convert(kind, section, seen, checks, conversion))
        .collect()
}

/// The rules of one cluster's names, and the names themselves.
struct Rules {
    id: ClusterId,
    kind: Option<ClusterKind>,
    servers: usize,
    served: Vec<ServedName>,
}

/// Why a setting that depends on roles is of no use.
const NO_ROLES: &str = "\"tcp\" servers have no roles";

impl Rules {
    fn serve(&mut self, name: Option<LowerName>, role: NameRole, ttls: Ttls) {
        let Ttls { ttl, ttl_unstable } = ttls;
        self.served.extend(name.map(|name| ServedName {
            name,
            cluster: self.id,
            role,
            ttl,
            ttl_unstable,
        }));
    }

    fn write(
        &mut self,
        field: &Field<WriteSection>,
        names: &mut Names<'_>,
        conversion: &mut Conversion<'_>,
    ) -> Option<WritePolicy> {
        let Field::Given(section) = field else {
            return None;
        };
        let (place, section) = (section.span(), section.get_ref());
        let example = (WriteSection::TITLE, "name = \"db-write.internal.\"");
        conversion.required(&section.name, &place, example);
        let name = names.take(&section.name, conversion);
        let ttls = Ttls::read(&section.ttl, &section.ttl_unstable, defaults::WRITE_TTL, conversion);
        self.serve(name, NameRole::Write, ttls);
        if self.kind == Some(ClusterKind::Tcp) {
            conversion.useless(&section.on_not_writable, "on_not_writable", NO_ROLES);
            conversion.useless(&section.on_split_brain, "on_split_brain", NO_ROLES);
            conversion.useless(&section.shared_storage, "shared_storage", NO_ROLES);
        }
        match self.kind {
            Some(ClusterKind::MySql) => {
                let reason = "MySQL and MariaDB have no timelines";
                conversion.useless(&section.on_newer_timeline, "on_newer_timeline", reason);
            }
            Some(ClusterKind::Tcp) => {
                conversion.useless(&section.on_newer_timeline, "on_newer_timeline", NO_ROLES);
            }
            Some(ClusterKind::Postgres) | None => {}
        }
        Some(WritePolicy {
            on_not_writable: *section.on_not_writable.given().unwrap_or(&OnNotWritable::Empty),
            on_split_brain: *section.on_split_brain.given().unwrap_or(&OnSplitBrain::Keep),
            on_newer_timeline: *section
                .on_newer_timeline
                .given()
                .unwrap_or(&OnNewerTimeline::Follow),
            shared_storage: *section.shared_storage.given().unwrap_or(&false),
            failback: *section.failback.given().unwrap_or(&Failback::Stay),
            flap_block: conversion.time(
                &section.flap_block,
                "flap_block",
                &defaults::FLAP_BLOCK_RANGE,
                defaults::FLAP_BLOCK,
            ),
        })
    }

    fn reads(
        &mut self,
        field: &Field<Vec<Spanned<ReadSection>>>,
        names: &mut Names<'_>,
        conversion: &mut Conversion<'_>,
    ) -> Vec<ReadPolicy> {
        let sections = field.given().map_or(&[][..], Vec::as_slice);
        sections
            .iter()
            .enumerate()
            .map(|(index, section)| self.read(index, section, names, conversion))
            .collect()
    }

    fn read(
        &mut self,
        index: usize,
        section: &Spanned<ReadSection>,
        names: &mut Names<'_>,
        conversion: &mut Conversion<'_>,
    ) -> ReadPolicy {
        let (place, section) = (section.span(), section.get_ref());
        let example = (ReadSection::TITLE, "name = \"db-read.internal.\"");
        conversion.required(&section.name, &place, example);
        let name = names.take(&section.name, conversion);
        let ttls = Ttls::read(&section.ttl, &section.ttl_unstable, defaults::READ_TTL, conversion);
        let balance = *section.balance.given().unwrap_or(&Balance::Shuffle);
        if self.kind == Some(ClusterKind::Tcp) {
            conversion.useless(&section.max_lag, "max_lag", NO_ROLES);
            conversion.useless(&section.include_primary, "include_primary", NO_ROLES);
            if balance == Balance::LeastConnections {
                let reason = "\"tcp\" probes count no sessions";
                conversion.useless(&section.balance, "balance", reason);
            }
        }
        let most = i64::try_from(self.servers).unwrap_or(i64::MAX);
        let min_servers =
            conversion.number(&section.min_servers, "min_servers", 1..=most, defaults::MIN_SERVERS);
        let role = NameRole::Read {
            index,
            balance,
            max_answers: max_answers(section, min_servers, conversion),
        };
        self.serve(name, role, ttls);
        ReadPolicy {
            max_lag: conversion.time(
                &section.max_lag,
                "max_lag",
                &defaults::MAX_LAG_RANGE,
                defaults::MAX_LAG,
            ),
            min_servers,
            include_primary: *section.include_primary.given().unwrap_or(&false),
            by_sessions: balance == Balance::LeastConnections,
        }
    }
}

/// `max_answers`: not below `min_servers`, or the servers that this asks for could never be named.
fn max_answers(
    section: &ReadSection,
    min_servers: usize,
    conversion: &mut Conversion<'_>,
) -> Option<usize> {
    let place = section.max_answers.span()?;
    let most = i64::from(u16::MAX);
    let max_answers: usize =
        conversion.number(&section.max_answers, "max_answers", 1..=most, min_servers);
    if max_answers < min_servers {
        conversion.faults.add(
            place,
            format!("`max_answers` = {max_answers} is less than `min_servers` = {min_servers}"),
            "raise it or lower `min_servers`",
        );
    }
    Some(max_answers)
}

/// The TTLs of one name, in seconds.
struct Ttls {
    ttl: u32,
    ttl_unstable: u32,
}

impl Ttls {
    /// `ttl` and `ttl_unstable`, which is not the longer one.
    fn read(
        ttl: &Field<Duration>,
        ttl_unstable: &Field<Duration>,
        default: Duration,
        conversion: &mut Conversion<'_>,
    ) -> Self {
        let ttls = Self {
            ttl: seconds(ttl, "ttl", default, conversion),
            ttl_unstable: seconds(ttl_unstable, "ttl_unstable", defaults::TTL_UNSTABLE, conversion),
        };
        if let (Some(place), true) = (ttl_unstable.span(), ttls.ttl_unstable > ttls.ttl) {
            let times = [ttls.ttl_unstable, ttls.ttl];
            let [unstable, calm] = times.map(|time| written(Duration::from_secs(time.into())));
            conversion.faults.add(
                place,
                format!("`ttl_unstable` = \"{unstable}\" is longer than `ttl` = \"{calm}\""),
                "make it shorter: it is for the time of doubt",
            );
        }
        ttls
    }
}

/// A TTL in whole seconds, never 0.
fn seconds(
    field: &Field<Duration>,
    key: &str,
    default: Duration,
    conversion: &mut Conversion<'_>,
) -> u32 {
    let (place, what, advice) = match field {
        Field::Given(value) if value.get_ref().is_zero() => (
            value.span(),
            "= 0 would be kept for long by some resolvers and refused by others".to_owned(),
            "write \"1s\"",
        ),
        Field::Given(value) if value.get_ref().subsec_nanos() != 0 => (
            value.span(),
            format!("= \"{}\" is not in whole seconds", written(*value.get_ref())),
            "write \"1s\" or more",
        ),
        _ => {
            let time = conversion.time(field, key, &defaults::TTL, default);
            return u32::try_from(time.as_secs()).unwrap_or(u32::MAX);
        }
    };
    conversion.faults.add(place, format!("`{key}` {what}"), advice);
    u32::try_from(default.as_secs()).unwrap_or(u32::MAX)
}
