//! From the sections of the file to a [`Config`], gathering every fault on the way.
//!
//! Where a value is missing or wrong, conversion goes on with the default: once there is a fault,
//! nothing of the result is used. Settings that would have no effect are faults too, because
//! whoever wrote them expects one.

mod checks;
mod cluster;
mod dns;
mod hook;
mod kick;
mod names;
mod pem;
mod probe;
mod server;
mod shell;
mod zones;

use std::{
    collections::{HashMap, hash_map::Entry},
    fmt,
    hash::Hash,
    io,
    ops::{Range, RangeInclusive},
    path::{Path, PathBuf},
    rc::Rc,
    sync::Arc,
    time::Duration,
};

use toml::Spanned;

use self::{dns::Listeners, names::Names, zones::Zones};
use super::{
    AdminConfig, Config, ConfigError, Sources,
    fault::Faults,
    file::{AdminSection, FileSection},
    reading::Field,
    values::WholeNumber,
};
use crate::{duration::written, engine::ClusterId};

/// The configuration of the whole `section`, read from `text`, which is that of `file`.
pub(super) fn config(
    section: &FileSection,
    (file, text): (&Path, &str),
    sources: &dyn Sources,
    faults: Faults<'_>,
) -> Result<Config, ConfigError> {
    let mut conversion = Conversion::new(file, sources, faults);
    let mut listeners = Listeners::new(&section.dns);
    let dns = dns::convert(&section.dns, &mut listeners, &mut conversion);
    let state = shell::state(&section.state, &conversion);
    let admin = shell::admin(&section.admin, &mut listeners, &mut conversion);
    let zones = zones::read(&section.zone, &mut conversion);
    let clusters = clusters(section, &zones, &mut conversion);
    let hooks = hook::hooks(&section.hook, &section.cluster, &mut conversion);
    match conversion.faults.is_empty() {
        true => Ok(Config {
            file: file.into(),
            text: text.into(),
            added: Arc::default(),
            dns,
            zones: zones.into_zones(),
            state,
            admin,
            hooks,
            clusters,
        }),
        false => Err(ConfigError::new(conversion.faults.into_sorted())),
    }
}

/// The settings of `[admin]` alone, read from `file`.
pub(super) fn admin(
    section: &Field<AdminSection>,
    file: &Path,
    sources: &dyn Sources,
    faults: Faults<'_>,
) -> Result<AdminConfig, ConfigError> {
    let mut conversion = Conversion::new(file, sources, faults);
    let mut listeners = Listeners::new(&Field::Faulty);
    let admin = shell::admin(section, &mut listeners, &mut conversion);
    match conversion.faults.is_empty() {
        true => Ok(admin),
        false => Err(ConfigError::new(conversion.faults.into_sorted())),
    }
}

fn clusters(
    section: &FileSection,
    zones: &Zones,
    conversion: &mut Conversion<'_>,
) -> Vec<super::ClusterConfig> {
    let sections = section.cluster.given().map_or(&[][..], Vec::as_slice);
    if sections.is_empty() && !matches!(section.cluster, Field::Faulty) {
        conversion
            .faults
            .add_whole("there is no cluster", "add a [[cluster]] with its names and servers");
    }
    let mut seen = Seen::default();
    let mut names = Names::new(zones);
    sections
        .iter()
        .enumerate()
        .filter_map(|(index, section)| {
            cluster::convert(ClusterId(index), section, &mut seen, &mut names, conversion)
        })
        .collect()
}

/// What all parts of the conversion share.
struct Conversion<'a> {
    faults: Faults<'a>,
    base: &'a Path,
    sources: &'a dyn Sources,
    /// Files that were read, because thousands of clusters may name the same.
    contents: HashMap<PathBuf, Rc<[u8]>>,
    /// What each `ca_file` holds, for the same reason.
    authorities: HashMap<PathBuf, Arc<[Vec<u8>]>>,
}

/// What must be unique in the whole configuration, and where it was first seen.
#[derive(Default)]
struct Seen {
    clusters: Firsts<String>,
    servers: Firsts<String>,
    published: Firsts<(std::net::IpAddr, u16)>,
}

impl<'a> Conversion<'a> {
    /// Of what is read from `file`, with the faults that have been found.
    fn new(file: &'a Path, sources: &'a dyn Sources, faults: Faults<'a>) -> Self {
        Self {
            faults,
            base: file.parent().unwrap_or_else(|| Path::new("")),
            sources,
            contents: HashMap::new(),
            authorities: HashMap::new(),
        }
    }
}

impl Conversion<'_> {
    /// `path`, from the configuration's folder if it is relative.
    fn path(&self, path: &Path) -> PathBuf {
        self.base.join(path)
    }

    /// What is in the file at `path`, which is read only once.
    fn read(&mut self, path: &Path) -> io::Result<Rc<[u8]>> {
        if let Some(content) = self.contents.get(path) {
            return Ok(Rc::clone(content));
        }
        let content: Rc<[u8]> = self.sources.read(path)?.into();
        self.contents.insert(path.to_owned(), Rc::clone(&content));
        Ok(content)
    }

    /// What `parse` makes of the file that a key names. Its error is what is wrong with the
    /// content, after the file's name; `advice` says what to do about any fault.
    fn content<T, E: fmt::Display>(
        &mut self,
        file: &Spanned<PathBuf>,
        parse: impl FnOnce(&[u8]) -> Result<T, E>,
        advice: &str,
    ) -> Option<T> {
        let path = self.path(file.get_ref());
        let content = self.read(&path);
        let what = match content.map(|octets| parse(&octets)) {
            Ok(Ok(parsed)) => return Some(parsed),
            Ok(Err(what)) => format!("`{}` {what}", path.display()),
            Err(error) => format!("cannot read `{}`: {error}", path.display()),
        };
        self.faults.add(file.span(), what, advice);
        None
    }

    /// The value of a key that cannot be left out of the section `title` at `section`.
    fn required<'f, T>(
        &mut self,
        field: &'f Field<T>,
        section: &Range<usize>,
        (title, example): (&str, &str),
    ) -> Option<&'f T> {
        if !field.is_present() {
            let key = example.split(' ').next().unwrap_or(example);
            self.faults.add(
                section.clone(),
                format!("{title} has no `{key}`"),
                format!("add {example}"),
            );
        }
        field.given()
    }

    /// A number within `range`, or `default`.
    fn number<N: TryFrom<i64>>(
        &mut self,
        field: &Field<WholeNumber>,
        key: &str,
        range: RangeInclusive<i64>,
        default: N,
    ) -> N {
        let Field::Given(value) = field else {
            return default;
        };
        let WholeNumber(number) = *value.get_ref();
        match N::try_from(number) {
            Ok(converted) if range.contains(&number) => converted,
            _ => {
                let (least, most) = range.into_inner();
                let advice = match least == most {
                    true => format!("write {least} or leave it out"),
                    false => format!("write a number from {least} to {most}"),
                };
                let what = format!("`{key}` = {number} is out of range");
                self.faults.add(value.span(), what, advice);
                default
            }
        }
    }

    /// A time within `range`, or `default`.
    fn time(
        &mut self,
        field: &Field<Duration>,
        key: &str,
        range: &RangeInclusive<Duration>,
        default: Duration,
    ) -> Duration {
        let Field::Given(value) = field else {
            return default;
        };
        let time = *value.get_ref();
        if range.contains(&time) {
            return time;
        }
        let what = format!("`{key}` = \"{}\" is out of range", written(time));
        let (least, most) = (written(*range.start()), written(*range.end()));
        let advice = format!("write a time from \"{least}\" to \"{most}\"");
        self.faults.add(value.span(), what, advice);
        default
    }

    /// Reports a key that `reason` makes useless.
    fn useless<T>(&mut self, field: &Field<T>, key: &str, reason: &str) {
        if let Some(span) = field.span() {
            let what = format!("`{key}` has no effect here: {reason}");
            self.faults.add(span, what, "remove it");
        }
    }
}

/// Where each of several things that must be unique was seen first.
struct Firsts<K>(HashMap<K, Range<usize>>);

impl<K> Default for Firsts<K> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<K: Eq + Hash> Firsts<K> {
    /// The place of an equal thing before; `None` when this is the first.
    fn earlier(&mut self, thing: K, place: Range<usize>) -> Option<Range<usize>> {
        match self.0.entry(thing) {
            Entry::Occupied(first) => Some(first.get().clone()),
            Entry::Vacant(free) => {
                free.insert(place);
                None
            }
        }
    }
}
