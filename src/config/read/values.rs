//! The types of single values in the file, and how each is read from its TOML text.
//!
//! Durations are strings with units. Words of a closed set are listed in the message when none
//! fits. Names and addresses are in `hosts.rs`.

use std::{fmt, marker::PhantomData, ops::RangeInclusive, path::PathBuf, time::Duration};

use toml::{Spanned, de::DeValue};

use super::{Faults, Value};
use crate::{
    duration::{self, written},
    plain_text::is_misleading,
};

/// A type whose values have a range.
pub trait Ranged {
    /// What a value is once it is in its range.
    type Within;

    /// The value, if it is within `range`.
    ///
    /// # Errors
    ///
    /// What is wrong, after the name of the key, and what to do.
    fn within(&self, range: &RangeInclusive<Self::Within>) -> Result<Self::Within, RangeError>;
}

/// Why a value is not what its key takes.
pub struct RangeError {
    /// What is wrong, after the name of the key.
    pub what: String,
    /// What to do.
    pub advice: String,
}

impl RangeError {
    /// Of a value that is beyond the limits.
    fn beyond(value: impl fmt::Display, advice: String) -> Self {
        Self { what: format!("= {value} is out of range"), advice }
    }
}

/// A whole number that is an `N` once it is in its range.
#[derive(Clone, Copy, Debug)]
pub struct Whole<N> {
    /// As it is in the file.
    pub number: i64,
    within: PhantomData<N>,
}

/// Every port (RFC 6335 section 6).
pub const PORTS: RangeInclusive<u16> = 1..=65_535;

/// One value or a list of them, each with its place.
#[derive(Clone, Debug)]
pub struct OneOrMany<T>(pub(in crate::config) Vec<Spanned<T>>);

/// Path and query of a URL.
#[derive(Clone, Debug)]
pub struct UrlPath(pub(in crate::config) String);

/// Reads a string through `parse`, whose error is what is wrong with it, after "`key` ".
pub fn parsed<T: Value>(
    key: &str,
    value: &Spanned<DeValue<'_>>,
    faults: &mut Faults<'_>,
    parse: impl FnOnce(&str) -> Result<T, String>,
) -> Option<T> {
    let Some(text) = value.get_ref().as_str() else {
        T::wrong_type(key, value, faults);
        return None;
    };
    match parse(text) {
        Ok(parsed) => Some(parsed),
        Err(what) => {
            let advice = format!("write {}", T::FORM);
            faults.add(value.span(), format!("`{key}` {what}"), advice);
            None
        }
    }
}

/// Refuses empty texts, control characters and marks of direction, which no path, user or database
/// name here has.
pub fn plain(text: &str) -> Result<&str, String> {
    match text {
        "" => Err("is empty".into()),
        text if text.contains(is_misleading) => Err("holds a control character".into()),
        text => Ok(text),
    }
}

impl Value for String {
    const KIND: &'static str = "a string";
    const FORM: &'static str = "a text in quotes";
    const LIST_FORM: &'static str = "a list of texts, as in [\"/usr/bin/check\", \"{server}\"]";

    fn read(key: &str, value: &Spanned<DeValue<'_>>, faults: &mut Faults<'_>) -> Option<Self> {
        parsed(key, value, faults, |text| plain(text).map(Into::into))
    }
}

impl Value for PathBuf {
    const KIND: &'static str = "a string";
    const FORM: &'static str = "a path in quotes";

    fn read(key: &str, value: &Spanned<DeValue<'_>>, faults: &mut Faults<'_>) -> Option<Self> {
        parsed(key, value, faults, |text| plain(text).map(Into::into))
    }
}

impl Value for UrlPath {
    const KIND: &'static str = "a string";
    const FORM: &'static str = "a path from / on, percent-encoded, as in \"/health?deep=1\"";

    fn read(key: &str, value: &Spanned<DeValue<'_>>, faults: &mut Faults<'_>) -> Option<Self> {
        parsed(key, value, faults, |text| match is_url_path(text) {
            true => Ok(Self(text.into())),
            false => Err(format!("= {text:?} is not the path of a URL")),
        })
    }
}

/// Whether it is a path with or without a query, percent-encoded (RFC 3986 section 3.3).
pub fn is_url_path(text: &str) -> bool {
    let plain = |octet: u8| octet.is_ascii_graphic() && !b"\"#<>\\^`{|}".contains(&octet);
    text.starts_with('/') && text.bytes().all(plain)
}

impl Value for bool {
    const KIND: &'static str = "true or false";
    const FORM: &'static str = "true or false without quotes";

    fn read(key: &str, value: &Spanned<DeValue<'_>>, faults: &mut Faults<'_>) -> Option<Self> {
        let read = value.get_ref().as_bool();
        if read.is_none() {
            Self::wrong_type(key, value, faults);
        }
        read
    }
}

impl<N: Clone> Value for Whole<N> {
    const KIND: &'static str = "a whole number";
    const FORM: &'static str = "digits without quotes, as in 3";

    fn read(key: &str, value: &Spanned<DeValue<'_>>, faults: &mut Faults<'_>) -> Option<Self> {
        let Some(integer) = value.get_ref().as_integer() else {
            match value.get_ref().as_str().map(str::parse::<i64>) {
                Some(Ok(number)) => {
                    let what = format!("`{key}` must be a whole number, not a string");
                    let advice = format!("write {key} = {number}, without quotes");
                    faults.add(value.span(), what, advice);
                }
                _ => Self::wrong_type(key, value, faults),
            }
            return None;
        };
        let number = i64::from_str_radix(integer.as_str(), integer.radix());
        if number.is_err() {
            let what = format!("`{key}` is beyond any number that fits");
            faults.add(value.span(), what, "write a smaller number");
        }
        number.ok().map(|number| Self { number, within: PhantomData })
    }
}

impl<N: TryFrom<i64> + PartialOrd + fmt::Display> Ranged for Whole<N> {
    type Within = N;

    fn within(&self, range: &RangeInclusive<N>) -> Result<N, RangeError> {
        let number = N::try_from(self.number).ok().filter(|number| range.contains(number));
        number.ok_or_else(|| {
            let (least, most) = (range.start(), range.end());
            let advice = match least == most {
                true => format!("write {least} or leave it out"),
                false => format!("write a number from {least} to {most}"),
            };
            RangeError::beyond(self.number, advice)
        })
    }
}

impl Value for Duration {
    const KIND: &'static str = "a duration with a unit";
    const FORM: &'static str = duration::FORM_IN_QUOTES;

    fn read(key: &str, value: &Spanned<DeValue<'_>>, faults: &mut Faults<'_>) -> Option<Self> {
        parsed(key, value, faults, |text| {
            duration::parse(text).map_err(|error| format!("= {text:?} {error}"))
        })
    }
}

impl Ranged for Duration {
    type Within = Self;

    fn within(&self, range: &RangeInclusive<Self>) -> Result<Self, RangeError> {
        if range.contains(self) {
            return Ok(*self);
        }
        let [time, least, most] = [*self, *range.start(), *range.end()].map(written);
        let advice = format!("write a time from \"{least}\" to \"{most}\"");
        Err(RangeError::beyond(format_args!("\"{time}\""), advice))
    }
}

impl<T: Value> Value for OneOrMany<T> {
    const KIND: &'static str = T::KIND;
    const FORM: &'static str = T::FORM;

    fn read(key: &str, value: &Spanned<DeValue<'_>>, faults: &mut Faults<'_>) -> Option<Self> {
        match value.get_ref() {
            DeValue::Array(_) => Vec::read(key, value, faults).map(Self),
            _ => {
                let one = T::read(key, value, faults)?;
                Some(Self(vec![Spanned::new(faults.place(value.span()), one)]))
            }
        }
    }
}

/// Declares the words of a type; the form lists them.
macro_rules! one_of {
    ($type:ty, $form:literal, $($word:literal => $value:expr,)*) => {
        impl $crate::config::read::Value for $type {
            const KIND: &'static str = "a string";
            const FORM: &'static str = $form;

            fn read(
                key: &str,
                value: &toml::Spanned<toml::de::DeValue<'_>>,
                faults: &mut $crate::config::read::Faults<'_>,
            ) -> Option<Self> {
                $crate::config::read::parsed(key, value, faults, |text| match text {
                    $($word => Ok($value),)*
                    _ => Err(format!("= {text:?} is not known")),
                })
            }
        }
    };
}
pub(crate) use one_of;
