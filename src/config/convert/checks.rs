//! `checks` and the sections that they need.

use std::{ops::Range, path::PathBuf, sync::Arc};

use toml::Spanned;

use super::{Conversion, probe};
use crate::{
    config::{
        Checks, TlsMode, WitnessConfig, defaults,
        file::{AgentSection, CommandSection, HttpSection, PatroniSection, ProbeSection},
        reading::{Field, Section},
        values::{CheckWord, TlsWord, WholeNumber},
    },
    engine::{Check, ClusterKind},
};

/// The checks of a cluster: those of every server that has none of its own, and how each is made.
pub(super) struct ClusterChecks {
    kind: Option<ClusterKind>,
    common: Vec<CheckWord>,
    made: Vec<Made>,
    /// Whether any server is asked itself; `None` while there is no server.
    database: Option<bool>,
}

/// One of the sections.
struct Made {
    check: Check,
    title: &'static str,
    /// Where it is, if it is there.
    place: Option<Range<usize>>,
    /// `None` when it is needed and not there, or once a fault has been reported.
    config: Option<Arc<WitnessConfig>>,
    used: bool,
}

impl ClusterChecks {
    /// Reads `checks` and its sections of a cluster of `kind`, if that is known.
    pub(super) fn read(
        kind: Option<ClusterKind>,
        field: &Field<ProbeSection>,
        conversion: &mut Conversion<'_>,
    ) -> Self {
        let mut checks =
            Self { kind, common: vec![CheckWord::Database], made: vec![], database: None };
        let Field::Given(section) = field else {
            return checks;
        };
        let section = section.get_ref();
        checks.made = vec![
            made(Check::Patroni, &section.patroni, conversion, patroni),
            made(Check::Http, &section.http, conversion, http),
            made(Check::Agent, &section.agent, conversion, agent),
            made(Check::Command, &section.command, conversion, command),
        ];
        if let Some(common) = checks.list(&section.checks, conversion) {
            checks.common = common;
        }
        checks
    }

    /// The checks of a server with its own list, if it has one.
    pub(super) fn of_server(
        &mut self,
        field: &Field<Vec<Spanned<CheckWord>>>,
        conversion: &mut Conversion<'_>,
    ) -> Checks {
        let list = self.list(field, conversion).unwrap_or_else(|| self.common.clone());
        let database = list.contains(&CheckWord::Database);
        self.database = Some(database || self.database.unwrap_or(false));
        let witnesses: Vec<_> = list
            .iter()
            .filter_map(|word| {
                let made = self.made.iter().find(|made| Some(made.check) == word.witness())?;
                made.config.clone()
            })
            .collect();
        let speaker = match self.kind {
            _ if database => None,
            Some(ClusterKind::Tcp) => witnesses.first().map(|first| first.check()),
            _ => Some(Check::Patroni),
        };
        Checks { database, witnesses, speaker }
    }

    /// Whether any server is asked itself, as is the rule.
    pub(super) fn ask_the_database(&self) -> bool {
        self.database.unwrap_or(true)
    }

    /// Reports the sections that are in nobody's list.
    pub(super) fn finish(self, conversion: &mut Conversion<'_>) {
        for Made { check, title, place, used, .. } in self.made {
            if let (Some(place), false) = (place, used) {
                let name = check.name();
                let what = format!("{title} has no effect here: nobody's `checks` name {name:?}");
                let advice = format!("add {name:?} to `checks`, or remove the section");
                conversion.faults.add(place, what, advice);
            }
        }
    }

    /// A list with its faults reported; `None` when there is none, or none of any use.
    fn list(
        &mut self,
        field: &Field<Vec<Spanned<CheckWord>>>,
        conversion: &mut Conversion<'_>,
    ) -> Option<Vec<CheckWord>> {
        if !field.is_present() {
            for word in self.common.clone() {
                self.use_section(word, None, conversion);
            }
            return None;
        }
        let list = field.given_with_place()?;
        let mut words: Vec<CheckWord> = Vec::new();
        for item in list.get_ref() {
            let word = *item.get_ref();
            if words.contains(&word) {
                let what = format!("{:?} twice in `checks`", word.name());
                conversion.faults.add(item.span(), what, "name every check once");
                continue;
            }
            words.push(word);
            if word == CheckWord::Patroni && self.kind.is_some_and(|k| k != ClusterKind::Postgres) {
                let what = "\"patroni\" in `checks`: Patroni runs PostgreSQL and nothing else";
                conversion.faults.add(item.span(), what, "remove it");
                continue;
            }
            self.use_section(word, Some(item.span()), conversion);
        }
        let has = |word| words.contains(&word);
        let (what, advice) = match self.kind {
            _ if words.is_empty() => ("is an empty list", "name at least \"database\""),
            Some(ClusterKind::MySql) if !has(CheckWord::Database) => {
                ("lacks \"database\"", "add it: nothing else tells the role of a MySQL server")
            }
            Some(ClusterKind::Postgres)
                if !has(CheckWord::Database) && !has(CheckWord::Patroni) =>
            {
                let advice = "add one of them: nothing else tells the role of a PostgreSQL server";
                ("lacks \"database\" and \"patroni\"", advice)
            }
            _ => return Some(words),
        };
        conversion.faults.add(list.span(), format!("`checks` {what}"), advice);
        None
    }

    /// Marks the section of `word` as used, and reports when it is needed and not there.
    fn use_section(
        &mut self,
        word: CheckWord,
        place: Option<Range<usize>>,
        conversion: &mut Conversion<'_>,
    ) {
        let made = self.made.iter_mut().find(|made| Some(made.check) == word.witness());
        let Some(made) = made else { return };
        made.used = true;
        let missing = made.place.is_none() && made.config.is_none();
        if let (Some(place), true) = (place, missing) {
            let (title, name) = (made.title, made.check.name());
            let what = format!("`checks` name {name:?}, and there is no {title}");
            conversion.faults.add(place, what, format!("add {title}, or remove {name:?}"));
        }
    }
}

/// What makes a check of a section and its place.
type Convert<S> = fn(Option<(&S, Range<usize>)>, &mut Conversion<'_>) -> Option<WitnessConfig>;

/// A section as far as it is there. `convert` makes the check; given nothing, its default if it has
/// one.
fn made<S: Section>(
    check: Check,
    field: &Field<S>,
    conversion: &mut Conversion<'_>,
    convert: Convert<S>,
) -> Made {
    let config = match field {
        Field::Given(section) => convert(Some((section.get_ref(), section.span())), conversion),
        Field::Absent => convert(None, conversion),
        Field::Faulty => None,
    };
    // One that cannot be read has been reported, and is there all the same.
    let place = field.span().or_else(|| field.is_present().then_some(0..0));
    let used = matches!(field, Field::Faulty);
    Made { check, title: S::TITLE, place, config: config.map(Arc::new), used }
}

fn patroni(
    section: Option<(&PatroniSection, Range<usize>)>,
    conversion: &mut Conversion<'_>,
) -> Option<WitnessConfig> {
    let Some((section, _)) = section else {
        let (port, tls) = (defaults::PATRONI_PORT, TlsMode::Disable);
        return Some(WitnessConfig::Patroni { port, tls, replica_lag: None });
    };
    Some(WitnessConfig::Patroni {
        port: conversion.number(&section.port, "port", PORTS, defaults::PATRONI_PORT),
        tls: https(&section.tls, &section.ca_file, conversion),
        replica_lag: section.replica_lag.given().map(|size| size.0),
    })
}

fn http(
    section: Option<(&HttpSection, Range<usize>)>,
    conversion: &mut Conversion<'_>,
) -> Option<WitnessConfig> {
    let (section, place) = section?;
    conversion.required(&section.port, &place, (HttpSection::TITLE, "port = 8080"));
    let statuses = section.expect.given_with_place();
    if let Some(empty) = statuses.filter(|list| list.get_ref().is_empty()) {
        let advice = "name the statuses that are good, or remove it: then every 2xx is";
        conversion.faults.add(empty.span(), "`expect` is an empty list", advice);
    }
    let mut expect = Vec::new();
    for status in statuses.map_or(&[][..], |list| list.get_ref()) {
        expect.push(status_code(status, conversion));
    }
    Some(WitnessConfig::Http {
        port: conversion.number(&section.port, "port", PORTS, 1),
        path: section.path.given().map_or("/", |path| &path.0).into(),
        host: section.host.given().map(|host| host.0.as_str().into()),
        expect,
        tls: https(&section.tls, &section.ca_file, conversion),
    })
}

fn status_code(status: &Spanned<WholeNumber>, conversion: &mut Conversion<'_>) -> u16 {
    let WholeNumber(code) = *status.get_ref();
    u16::try_from(code).ok().filter(|code| defaults::HTTP_STATUS.contains(code)).unwrap_or_else(
        || {
            let what = format!("`expect` has {code}, which no reply ends with");
            conversion.faults.add(status.span(), what, "write statuses from 200 to 599");
            200
        },
    )
}

fn agent(
    section: Option<(&AgentSection, Range<usize>)>,
    conversion: &mut Conversion<'_>,
) -> Option<WitnessConfig> {
    let (section, place) = section?;
    conversion.required(&section.port, &place, (AgentSection::TITLE, "port = 9777"));
    Some(WitnessConfig::Agent { port: conversion.number(&section.port, "port", PORTS, 1) })
}

fn command(
    section: Option<(&CommandSection, Range<usize>)>,
    conversion: &mut Conversion<'_>,
) -> Option<WitnessConfig> {
    let (section, place) = section?;
    let example = (CommandSection::TITLE, "run = [\"/usr/local/bin/check\", \"{server}\"]");
    let run = conversion.required(&section.run, &place, example)?;
    let [program, arguments @ ..] = &run[..] else {
        let place = section.run.span().unwrap_or(place);
        let advice = "write the program's path, then its arguments";
        conversion.faults.add(place, "`run` is an empty list", advice);
        return None;
    };
    for argument in arguments {
        if let Some(odd) = unknown_placeholder(argument.get_ref()) {
            let known = defaults::PLACEHOLDERS.map(|name| format!("{{{name}}}")).join(", ");
            let what = format!("`run` has {{{odd}}}, which stands for nothing");
            conversion.faults.add(argument.span(), what, format!("known here: {known}"));
        }
    }
    Some(WitnessConfig::Command {
        program: conversion.path(&PathBuf::from(program.get_ref())),
        arguments: arguments.iter().map(|argument| argument.get_ref().as_str().into()).collect(),
    })
}

/// A word between braces that looks like a placeholder and is none. Other braces may be JSON.
fn unknown_placeholder(argument: &str) -> Option<&str> {
    let words = argument.split('{').skip(1).filter_map(|rest| Some(rest.split_once('}')?.0));
    let mut plain = words.filter(|word| {
        !word.is_empty() && word.bytes().all(|octet| octet.is_ascii_lowercase() || octet == b'_')
    });
    plain.find(|word| !defaults::PLACEHOLDERS.contains(word))
}

/// The encryption of an HTTP check: off unless asked for, and never tried both ways.
fn https(
    tls: &Field<TlsWord>,
    ca_file: &Field<PathBuf>,
    conversion: &mut Conversion<'_>,
) -> TlsMode {
    if let (Some(TlsWord::Prefer), Some(place)) = (tls.given(), tls.span()) {
        let advice = "write \"disable\", \"require\" or \"verify-full\"";
        conversion.faults.add(place, "`tls` = \"prefer\": HTTP is not asked both ways", advice);
        return TlsMode::Disable;
    }
    probe::tls(tls, ca_file, TlsWord::Disable, conversion)
}

const PORTS: std::ops::RangeInclusive<i64> = 1..=65_535;
