//! `checks` of `[cluster.probe]` and `[[cluster.server]]`: who is asked about a server beside itself,
//! and the sections that say how.

mod agent;
mod command;
mod http;
mod patroni;

use std::{ops::Range, path::PathBuf, sync::Arc};

use toml::Spanned;

pub use self::{
    agent::AgentSection, command::CommandSection, http::HttpSection, patroni::PatroniSection,
};
use super::{
    TlsMode,
    probe::ProbeSection,
    read::{Conversion, Field, Section, one_of},
    tls::{self, TlsWord},
};
use crate::engine::{Check, ClusterKind};

/// The checks of one server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checks {
    /// `database`: the server itself, by its own protocol; a connect for `tcp`.
    pub database: bool,
    /// The others, in the order of the file, each once. Not empty without `database`.
    pub witnesses: Vec<Arc<WitnessConfig>>,
    /// Whose replies are the server's own, when it is not asked itself: Patroni's for `postgres`,
    /// the first one's for `tcp`.
    pub speaker: Option<Check>,
}

/// How one of the other checks is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WitnessConfig {
    /// `[cluster.probe.patroni]`
    Patroni {
        /// Port of the REST API.
        port: u16,
        /// Encryption, never [`TlsMode::Prefer`]. Off by default.
        tls: TlsMode,
        /// Octets that a replica may be behind, as Patroni measures it.
        replica_lag: Option<u64>,
    },
    /// `[cluster.probe.http]`
    Http {
        /// TCP port.
        port: u16,
        /// Path and query, from `/` on. `/` by default.
        path: Box<str>,
        /// The `Host` header; the probed host by default.
        host: Option<Box<str>>,
        /// Statuses that are good; any 2xx if there is none.
        expect: Vec<u16>,
        /// Encryption, never [`TlsMode::Prefer`]. Off by default.
        tls: TlsMode,
    },
    /// `[cluster.probe.agent]`
    Agent {
        /// TCP port.
        port: u16,
    },
    /// `[cluster.probe.command]`
    Command {
        /// The program's file.
        program: PathBuf,
        /// Its arguments, in which `{server}`, `{address}`, `{port}` and `{cluster}` are replaced.
        arguments: Vec<Box<str>>,
    },
}

impl WitnessConfig {
    /// Which check this is.
    pub fn check(&self) -> Check {
        match self {
            Self::Patroni { .. } => Check::Patroni,
            Self::Http { .. } => Check::Http,
            Self::Agent { .. } => Check::Agent,
            Self::Command { .. } => Check::Command,
        }
    }
}

/// One of `checks`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckWord {
    /// The server itself.
    Database,
    /// Patroni's REST API.
    Patroni,
    /// The status of an HTTP reply.
    Http,
    /// A line of text.
    Agent,
    /// The exit status of a command.
    Command,
}

impl CheckWord {
    /// The witness that it means, if it is not the server itself.
    pub fn witness(self) -> Option<Check> {
        match self {
            Self::Database => None,
            Self::Patroni => Some(Check::Patroni),
            Self::Http => Some(Check::Http),
            Self::Agent => Some(Check::Agent),
            Self::Command => Some(Check::Command),
        }
    }

    /// The word itself.
    pub fn name(self) -> &'static str {
        self.witness().map_or("database", Check::name)
    }
}

one_of! { CheckWord, "a list of \"database\", \"patroni\", \"http\", \"agent\" and \"command\"",
    "database" => Self::Database,
    "patroni" => Self::Patroni,
    "http" => Self::Http,
    "agent" => Self::Agent,
    "command" => Self::Command,
}

/// The checks of a cluster: those of every server that has none of its own, and how each is made.
pub struct ClusterChecks {
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
    pub fn read(
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
            made(Check::Patroni, &section.patroni, conversion, patroni::convert),
            made(Check::Http, &section.http, conversion, http::convert),
            made(Check::Agent, &section.agent, conversion, agent::convert),
            made(Check::Command, &section.command, conversion, command::convert),
        ];
        if let Some(common) = checks.list(&section.checks, conversion) {
            checks.common = common;
        }
        checks
    }

    /// The checks of a server with its own list, if it has one.
    pub fn of_server(
        &mut self,
        field: &Field<Vec<Spanned<CheckWord>>>,
        conversion: &mut Conversion<'_>,
    ) -> Checks {
        let list = self.list(field, conversion).unwrap_or_else(|| self.common.clone());
        let checks = self.of_list(&list);
        self.database = Some(checks.database || self.database.unwrap_or(false));
        checks
    }

    /// Those of a server without a list of its own.
    pub fn usual(&self) -> Checks {
        self.of_list(&self.common)
    }

    fn of_list(&self, list: &[CheckWord]) -> Checks {
        let database = list.contains(&CheckWord::Database);
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
    pub fn ask_the_database(&self) -> bool {
        self.database.unwrap_or(true)
    }

    /// Reports the sections that are in nobody's list.
    pub fn finish(self, conversion: &mut Conversion<'_>) {
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

/// The encryption of an HTTP check: off unless asked for, and never tried both ways.
pub fn https(
    tls: &Field<TlsWord>,
    ca_file: &Field<PathBuf>,
    conversion: &mut Conversion<'_>,
) -> TlsMode {
    if let (Some(TlsWord::Prefer), Some(place)) = (tls.given(), tls.span()) {
        let advice = "write \"disable\", \"require\" or \"verify-full\"";
        conversion.faults.add(place, "`tls` = \"prefer\": HTTP is not asked both ways", advice);
        return TlsMode::Disable;
    }
    tls::convert(tls, ca_file, TlsWord::Disable, conversion)
}
