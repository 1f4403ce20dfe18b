//! `[cluster.discovery.file]` and its neighbours: how each source is asked.

use std::{
    ops::{Range, RangeInclusive},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use toml::Spanned;

use super::DiscoverySection;
use crate::{
    config::read::{Conversion, Field, Protected, Section, section},
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
}

impl SourceConfig {
    /// Which source this is.
    pub fn kind(&self) -> SourceKind {
        match self.whom {
            Whom::File(_) => SourceKind::File,
            Whom::Command { .. } => SourceKind::Command,
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
    fn made<S: Section>(
        &mut self,
        kind: SourceKind,
        field: &Field<S>,
        make: Make<S>,
    ) -> Option<SourceConfig> {
        let title = S::TITLE;
        match (self.sources.contains(&kind), field) {
            (true, Field::Given(section)) => {
                make(section.get_ref(), section.span(), self.usual, self.conversion)
            }
            (false, Field::Given(section)) => {
                let what =
                    format!("{title} has no effect here: `sources` does not name \"{kind}\"");
                let advice = format!("add \"{kind}\" to `sources`, or remove the section");
                self.conversion.faults.add(section.span(), what, advice);
                None
            }
            (true, Field::Absent) => {
                let what = format!("`sources` names \"{kind}\", and there is no {title}");
                let advice = format!("add {title}, or remove \"{kind}\"");
                let place = self.place.clone().unwrap_or_default();
                self.conversion.faults.add(place, what, advice);
                None
            }
            (_, Field::Faulty) | (false, Field::Absent) => None,
        }
    }
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
    let [program, arguments @ ..] = &run[..] else {
        let place = section.run.span().unwrap_or(place);
        let advice = "write the program's path, then its arguments";
        conversion.faults.add(place, "`run` is an empty list", advice);
        return None;
    };
    let program = conversion.path(&PathBuf::from(program.get_ref()));
    conversion.protect(&program, Protected::Commands);
    let arguments = arguments.iter().map(|argument| argument.get_ref().as_str().into()).collect();
    Some(SourceConfig { interval, timeout, whom: Whom::Command { program, arguments } })
}

/// Whoever asks a cloud's interface pays for each question.
const SOURCE_INTERVAL: RangeInclusive<Duration> =
    Duration::from_secs(1)..=Duration::from_secs(3600);

/// Less than a second cuts off honest work; what takes longer than a minute says nothing of now.
const SOURCE_TIMEOUT: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(60);

/// A disk that needs longer is a file system of the network without its server.
const FILE_TIMEOUT: Duration = Duration::from_secs(5);
