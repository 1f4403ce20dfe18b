//! From a parsed TOML table to a section, tolerant: one wrong value does not hide the next.

use std::ops::Range;

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::Faults;

/// A key's value, as far as it could be read.
#[derive(Clone, Debug, Default)]
pub enum Field<T> {
    /// The key is not in the file.
    #[default]
    Absent,
    /// It is, and its value has been reported as wrong.
    Faulty,
    /// It is, and this is its value and its place.
    Given(Spanned<T>),
}

impl<T: Value> Field<T> {
    /// Looks up `key` and reads its value.
    pub fn read(key: &str, table: &DeTable<'_>, faults: &mut Faults<'_>) -> Self {
        table.get(key).map_or(Self::Absent, |value| match T::read(key, value, faults) {
            Some(read) => Self::Given(Spanned::new(faults.place(value.span()), read)),
            None => Self::Faulty,
        })
    }

    /// The same, and where the key is not in the file that of `below`. A section has its own keys and
    /// those of the section below.
    pub fn over(&self, below: &Self) -> Self {
        match (self, below) {
            (Self::Absent, below) => below.clone(),
            (Self::Given(own), Self::Given(below)) => {
                Self::Given(Spanned::new(own.span(), own.get_ref().over(below.get_ref())))
            }
            (own, _) => own.clone(),
        }
    }
}

impl<T> Field<T> {
    /// The value, if there is a readable one.
    pub fn given(&self) -> Option<&T> {
        match self {
            Self::Given(value) => Some(value.get_ref()),
            Self::Absent | Self::Faulty => None,
        }
    }

    /// The value with its place, if there is a readable one.
    pub fn given_with_place(&self) -> Option<&Spanned<T>> {
        match self {
            Self::Given(value) => Some(value),
            Self::Absent | Self::Faulty => None,
        }
    }

    /// The place of a readable value.
    pub fn span(&self) -> Option<Range<usize>> {
        match self {
            Self::Given(value) => Some(value.span()),
            Self::Absent | Self::Faulty => None,
        }
    }

    /// Whether the key is in the file, readable or not.
    pub fn is_present(&self) -> bool {
        !matches!(self, Self::Absent)
    }
}

/// A type that a key's value can have.
pub trait Value: Sized + Clone {
    /// The type in words, as in "must be a string".
    const KIND: &'static str;
    /// How it is written, after "write ".
    const FORM: &'static str;
    /// How a list of it is written.
    const LIST_FORM: &'static str = Self::FORM;

    /// The value of `key`; `None` once a fault has been reported.
    fn read(key: &str, value: &Spanned<DeValue<'_>>, faults: &mut Faults<'_>) -> Option<Self>;

    /// What counts of a value and the one that it stands over: all of it, but of sections.
    fn over(&self, _below: &Self) -> Self {
        self.clone()
    }

    /// Reports a value of another type.
    fn wrong_type(key: &str, value: &Spanned<DeValue<'_>>, faults: &mut Faults<'_>) {
        let found = match value.get_ref() {
            DeValue::String(_) => "a string",
            DeValue::Integer(_) => "a number",
            DeValue::Float(_) => "a number with a fraction",
            DeValue::Boolean(_) => "true or false",
            DeValue::Datetime(_) => "a date",
            DeValue::Array(_) => "a list",
            DeValue::Table(_) => "a table",
        };
        let what = format!("`{key}` must be {}, not {found}", Self::KIND);
        faults.add(value.span(), what, format!("write {}", Self::FORM));
    }
}

/// A table with a fixed set of keys. `section!` declares one.
pub trait Section: Sized + Clone {
    /// Its header, as in `[[cluster.read]]`.
    const TITLE: &'static str;
    /// How it is written, after "write ".
    const FORM: &'static str;
    /// Every key it may have.
    const KEYS: &'static [&'static str];

    /// Reads every key, and reports those that it does not have.
    fn from_table(table: &DeTable<'_>, faults: &mut Faults<'_>) -> Self;

    /// This section with those keys of `below` that it has not.
    fn over(&self, below: &Self) -> Self;
}

impl<S: Section> Value for S {
    const KIND: &'static str = "a section";
    const FORM: &'static str = S::FORM;

    fn read(key: &str, value: &Spanned<DeValue<'_>>, faults: &mut Faults<'_>) -> Option<Self> {
        let Some(table) = value.get_ref().as_table() else {
            Self::wrong_type(key, value, faults);
            return None;
        };
        Some(Self::from_table(table, faults))
    }

    fn over(&self, below: &Self) -> Self {
        Section::over(self, below)
    }
}

/// Reports every key of `table` that the section `S` does not have.
pub fn unknown_keys<S: Section>(table: &DeTable<'_>, faults: &mut Faults<'_>) {
    for key in table.keys() {
        let name = key.get_ref().as_ref();
        if S::KEYS.contains(&name) {
            continue;
        }
        // In quotes, a key may hold anything.
        let shown = name.escape_debug();
        let what = match S::TITLE.starts_with('[') {
            true => format!("unknown key `{shown}` in {}", S::TITLE),
            false => format!("unknown section `{shown}`"),
        };
        let advice = match *nearest(name, S::KEYS) {
            [] => format!("known here: {}", S::KEYS.join(", ")),
            [only] => format!("did you mean `{only}`?"),
            ref several => format!("did you mean one of {}?", several.join(", ")),
        };
        faults.add(key.span(), what, advice);
    }
}

/// The word most like `word`, if any is like it; all that begin with it, as `password` does with
/// several.
fn nearest<'a>(word: &str, words: &[&'a str]) -> Vec<&'a str> {
    let word = word.to_lowercase().replace('-', "_");
    let beginning = format!("{word}_");
    let family: Vec<&str> =
        words.iter().filter(|candidate| candidate.starts_with(&beginning)).copied().collect();
    if family.len() > 1 {
        return family;
    }
    words
        .iter()
        .map(|candidate| (strsim::jaro_winkler(&word, candidate), *candidate))
        .filter(|(likeness, _)| *likeness > LIKENESS)
        .max_by(|left, right| left.0.total_cmp(&right.0))
        .map(|(_, candidate)| candidate)
        .into_iter()
        .collect()
}

impl<T: Value> Value for Vec<Spanned<T>> {
    const KIND: &'static str = "a list";
    const FORM: &'static str = T::LIST_FORM;

    fn read(key: &str, value: &Spanned<DeValue<'_>>, faults: &mut Faults<'_>) -> Option<Self> {
        let Some(items) = value.get_ref().as_array() else {
            Self::wrong_type(key, value, faults);
            return None;
        };
        let read: Self = items
            .iter()
            .filter_map(|item| {
                let read = T::read(key, item, faults)?;
                Some(Spanned::new(faults.place(item.span()), read))
            })
            .collect();
        (read.len() == items.len()).then_some(read)
    }
}

/// Above this, two words are taken for one and a slip: `max-lag` and `max_lag`, `adress` and
/// `address`.
const LIKENESS: f64 = 0.85;
