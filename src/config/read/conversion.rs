//! From the values of a section to settings, gathering every fault on the way.
//!
//! Where a value is missing or wrong, conversion goes on with the default: once there is a fault,
//! nothing of the result is used. Settings that would have no effect are faults too, because
//! whoever wrote them expects one.

use std::{
    collections::{BTreeSet, HashMap, hash_map::Entry},
    fmt,
    hash::Hash,
    io,
    ops::{Range, RangeInclusive},
    path::{Path, PathBuf},
    rc::Rc,
    sync::Arc,
};

use toml::Spanned;

use super::{
    ConfigError, Faults, Field, OpenFile, Protected, RangeError, Ranged, Secrets, Sources, System,
};

/// What all sections share while they are converted.
pub struct Conversion<'a> {
    pub faults: Faults<'a>,
    base: &'a Path,
    pub sources: &'a dyn Sources,
    /// Files that were read, because thousands of clusters may name the same.
    contents: HashMap<PathBuf, Rc<[u8]>>,
    /// Files that are open to others.
    open_files: BTreeSet<OpenFile>,
    /// What each `ca_file` holds, for the same reason.
    pub authorities: HashMap<PathBuf, Arc<[Vec<u8>]>>,
}

impl<'a> Conversion<'a> {
    /// Of what is read from `file`, with the faults that have been found.
    pub fn new(file: &'a Path, sources: &'a dyn Sources, faults: Faults<'a>) -> Self {
        Self {
            faults,
            base: file.parent().unwrap_or_else(|| Path::new("")),
            sources,
            contents: HashMap::new(),
            open_files: BTreeSet::new(),
            authorities: HashMap::new(),
        }
    }

    /// Of no file: all that it can be asked for is defaults.
    pub fn of_nothing() -> Self {
        let nowhere = Path::new("");
        Self::new(nowhere, &System, Faults::new(nowhere, ""))
    }

    /// `made`, unless there is any fault.
    pub fn finish<T>(self, made: T) -> Result<T, ConfigError> {
        match self.faults.is_empty() {
            true => Ok(made),
            false => Err(ConfigError::new(self.faults.into_sorted())),
        }
    }
}

impl Conversion<'_> {
    /// `path`, from the configuration's folder if it is relative.
    pub fn path(&self, path: &Path) -> PathBuf {
        self.base.join(path)
    }

    /// Notes that the file at `path` is not for everybody.
    pub fn protect(&mut self, path: &Path, what: Protected) {
        let mode = self.sources.mode(path);
        self.open_files.extend(mode.and_then(|mode| OpenFile::of(path, what, mode)));
    }

    /// What is noted and nevertheless open to others, by path.
    pub fn open_files(&self) -> Box<[OpenFile]> {
        self.open_files.iter().cloned().collect()
    }

    /// What is in the file at `path`, which is read only once.
    pub fn read(&mut self, path: &Path) -> io::Result<Rc<[u8]>> {
        if let Some(content) = self.contents.get(path) {
            return Ok(Rc::clone(content));
        }
        let content: Rc<[u8]> = self.sources.read(path)?.into();
        self.contents.insert(path.to_owned(), Rc::clone(&content));
        Ok(content)
    }

    /// What `parse` makes of the file that a key names. Its error is what is wrong with the
    /// content, after the file's name; `advice` says what to do about any fault.
    pub fn content<T, E: fmt::Display>(
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

    /// The same for a file that holds a secret.
    pub fn secret_content<T, E: fmt::Display>(
        &mut self,
        file: &Spanned<PathBuf>,
        parse: impl FnOnce(&[u8]) -> Result<T, E>,
        advice: &str,
    ) -> Option<T> {
        if self.sources.secrets() == Secrets::LeftOut {
            return None;
        }
        let path = self.path(file.get_ref());
        self.protect(&path, Protected::Secret);
        if let Err(error) = self.read(&path)
            && error.kind() == io::ErrorKind::PermissionDenied
        {
            let what = format!("cannot read `{}`: {error}", path.display());
            self.lacking(file.span(), what, READABLE);
            return None;
        }
        self.content(file, parse, advice)
    }

    /// Reports what the environment or the user of the service has and this process lacks: a fault
    /// of the service, and a warning anywhere else.
    pub fn lacking(&mut self, place: Range<usize>, what: String, advice: &str) {
        match self.sources.secrets() {
            Secrets::Needed => self.faults.add(place, what, advice),
            Secrets::OfTheService | Secrets::LeftOut => self.faults.warn(
                place,
                format!("{what} here, so the secret was not looked at"),
                format!("all is well if the service can read it, else {advice}"),
            ),
        }
    }

    /// A program of the operator's and its arguments, of the list that `key` is at `place`. Whoever may change the
    /// program decides what this process runs.
    pub fn program<'f>(
        &mut self,
        words: &'f [Spanned<String>],
        (key, place): (&str, Range<usize>),
    ) -> Option<(PathBuf, &'f [Spanned<String>])> {
        let [program, arguments @ ..] = words else {
            let advice = "write the program's path, then its arguments";
            self.faults.add(place, format!("`{key}` is an empty list"), advice);
            return None;
        };
        let program = self.path(Path::new(program.get_ref()));
        self.protect(&program, Protected::Commands);
        Some((program, arguments))
    }

    /// The value of a key that cannot be left out of the section `title` at `section`.
    pub fn required<'f, T>(
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

    /// The value of `key` if it is within `range`, else `default`.
    pub fn within<T: Ranged>(
        &mut self,
        field: &Field<T>,
        key: &str,
        range: &RangeInclusive<T::Within>,
        default: T::Within,
    ) -> T::Within {
        let Field::Given(value) = field else {
            return default;
        };
        value.get_ref().within(range).unwrap_or_else(|RangeError { what, advice }| {
            self.faults.add(value.span(), format!("`{key}` {what}"), advice);
            default
        })
    }

    /// Reports a key that `reason` makes useless.
    pub fn useless<T>(&mut self, field: &Field<T>, key: &str, reason: &str) {
        if let Some(span) = field.span() {
            let what = format!("`{key}` has no effect here: {reason}");
            self.faults.add(span, what, "remove it");
        }
    }
}

/// What to do about a secret that this user may not read.
pub const READABLE: &str = "let the service's user or its group read it (chgrp, chmod 640), or \
                            hand it over with LoadCredential=";

/// Where each of several things that must be unique was seen first.
pub struct Firsts<K>(HashMap<K, Range<usize>>);

impl<K> Default for Firsts<K> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<K: Eq + Hash> Firsts<K> {
    /// The place of an equal thing before; `None` when this is the first.
    pub fn earlier(&mut self, thing: K, place: Range<usize>) -> Option<Range<usize>> {
        match self.0.entry(thing) {
            Entry::Occupied(first) => Some(first.get().clone()),
            Entry::Vacant(free) => {
                free.insert(place);
                None
            }
        }
    }
}
