//! The types of single values in the file, and how each is read from its TOML text.
//!
//! Durations are strings with a unit. Words of a closed set are listed in the message when none
//! fits. Names and addresses are in `hosts.rs`.

use std::{path::PathBuf, time::Duration};

use toml::{Spanned, de::DeValue};

use super::{KickMode, defaults, fault::Faults, reading::Value};
use crate::{
    answers::Balance,
    duration,
    engine::{Check, ClusterKind, Failback, OnNewerTimeline, OnNotWritable, OnSplitBrain},
    plain_text::is_misleading,
};

/// A whole number, not yet in its range.
#[derive(Clone, Copy, Debug)]
pub(super) struct WholeNumber(pub(super) i64);

/// The name of an environment variable.
#[derive(Clone, Debug)]
pub(super) struct VariableName(pub(super) String);

/// What NSID and `id.server` say: any text that fits into one TXT string.
#[derive(Clone, Debug)]
pub(super) struct Identity(pub(super) String);

/// One value or a list of them, each with its place.
#[derive(Debug)]
pub(super) struct OneOrMany<T>(pub(super) Vec<Spanned<T>>);

/// `tls`, before `ca_file` is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TlsWord {
    /// `disable`
    Disable,
    /// `prefer`
    Prefer,
    /// `require`
    Require,
    /// `verify-full`
    VerifyFull,
}

/// One of `checks`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CheckWord {
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
    pub(super) fn witness(self) -> Option<Check> {
        match self {
            Self::Database => None,
            Self::Patroni => Some(Check::Patroni),
            Self::Http => Some(Check::Http),
            Self::Agent => Some(Check::Agent),
            Self::Command => Some(Check::Command),
        }
    }

    /// The word itself.
    pub(super) fn name(self) -> &'static str {
        self.witness().map_or("database", Check::name)
    }
}

/// A number of octets.
#[derive(Clone, Copy, Debug)]
pub(super) struct Size(pub(super) u64);

/// Path and query of a URL.
#[derive(Clone, Debug)]
pub(super) struct UrlPath(pub(super) String);

/// A text for an HTTP header.
#[derive(Clone, Debug)]
pub(super) struct HeaderText(pub(super) String);

/// Reads a string through `parse`, whose error is what is wrong with it, after "`key` ".
pub(super) fn parsed<T: Value>(
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
fn plain(text: &str) -> Result<&str, String> {
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

impl Value for VariableName {
    const KIND: &'static str = "a string";
    const FORM: &'static str = "the variable's name, as in \"ORDERS_PASSWORD\"";

    fn read(key: &str, value: &Spanned<DeValue<'_>>, faults: &mut Faults<'_>) -> Option<Self> {
        parsed(key, value, faults, |text| match plain(text)? {
            text if text.contains('=') => Err("is not the name of a variable".into()),
            text => Ok(Self(text.into())),
        })
    }
}

impl Value for Identity {
    const KIND: &'static str = "a string";
    const FORM: &'static str = "a text of at most 255 octets in quotes";

    fn read(key: &str, value: &Spanned<DeValue<'_>>, faults: &mut Faults<'_>) -> Option<Self> {
        parsed(key, value, faults, |text| match plain(text)? {
            text if defaults::IDENTITY.contains(&text.len()) => Ok(Self(text.into())),
            text => Err(format!("has {} octets, 255 is the limit", text.len())),
        })
    }
}

impl Value for Size {
    const KIND: &'static str = "a size in quotes";
    const FORM: &'static str = "a number with a unit, as in \"64kB\", \"16MB\" or \"1GB\"";

    fn read(key: &str, value: &Spanned<DeValue<'_>>, faults: &mut Faults<'_>) -> Option<Self> {
        parsed(key, value, faults, |text| {
            size(text).map(Self).ok_or_else(|| format!("= {text:?} is not a size"))
        })
    }
}

/// Whole kB, MB or GB of 1024, as Patroni and PostgreSQL count them.
fn size(text: &str) -> Option<u64> {
    let (digits, unit) = text.split_at(text.find(|next: char| !next.is_ascii_digit())?);
    let unit = match unit {
        "kB" => 1 << 10,
        "MB" => 1 << 20,
        "GB" => 1 << 30,
        _ => return None,
    };
    digits.parse::<u64>().ok()?.checked_mul(unit)
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
pub(super) fn is_url_path(text: &str) -> bool {
    let plain = |octet: u8| octet.is_ascii_graphic() && !b"\"#<>\\^`{|}".contains(&octet);
    text.starts_with('/') && text.bytes().all(plain)
}

impl Value for HeaderText {
    const KIND: &'static str = "a string";
    const FORM: &'static str = "a host name, with a port if need be";

    fn read(key: &str, value: &Spanned<DeValue<'_>>, faults: &mut Faults<'_>) -> Option<Self> {
        parsed(key, value, faults, |text| match text.bytes().all(|o| o.is_ascii_graphic()) {
            true if !text.is_empty() => Ok(Self(text.into())),
            _ => Err(format!("= {text:?} is no host")),
        })
    }
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

impl Value for WholeNumber {
    const KIND: &'static str = "a whole number";
    const FORM: &'static str = "digits without quotes, as in 3";

    fn read(key: &str, value: &Spanned<DeValue<'_>>, faults: &mut Faults<'_>) -> Option<Self> {
        let Some(integer) = value.get_ref().as_integer() else {
            Self::wrong_type(key, value, faults);
            return None;
        };
        let number = i64::from_str_radix(integer.as_str(), integer.radix());
        if number.is_err() {
            let what = format!("`{key}` is beyond any number that fits");
            faults.add(value.span(), what, "write a smaller number");
        }
        number.ok().map(Self)
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

/// Reads one of the words in the list.
macro_rules! words {
    ($type:ty, $form:literal, $($word:literal => $value:expr,)*) => {
        impl Value for $type {
            const KIND: &'static str = "a string";
            const FORM: &'static str = $form;

            fn read(
                key: &str,
                value: &Spanned<DeValue<'_>>,
                faults: &mut Faults<'_>,
            ) -> Option<Self> {
                parsed(key, value, faults, |text| match text {
                    $($word => Ok($value),)*
                    _ => Err(format!("= {text:?} is not known")),
                })
            }
        }
    };
}

words! { ClusterKind, "\"postgres\", \"mysql\" (also for MariaDB) or \"tcp\"",
    "postgres" => Self::Postgres,
    "mysql" => Self::MySql,
    "tcp" => Self::Tcp,
}

words! { TlsWord, "\"disable\", \"prefer\", \"require\" or \"verify-full\"",
    "disable" => Self::Disable,
    "prefer" => Self::Prefer,
    "require" => Self::Require,
    "verify-full" => Self::VerifyFull,
}

words! { CheckWord, "a list of \"database\", \"patroni\", \"http\", \"agent\" and \"command\"",
    "database" => Self::Database,
    "patroni" => Self::Patroni,
    "http" => Self::Http,
    "agent" => Self::Agent,
    "command" => Self::Command,
}

words! { Balance, "\"shuffle\", \"weighted\", \"least-connections\" or \"client-hash\"",
    "shuffle" => Self::Shuffle,
    "weighted" => Self::Weighted,
    "least-connections" => Self::LeastConnections,
    "client-hash" => Self::ClientHash,
}

words! { OnNotWritable, "\"empty\" or \"hold\"",
    "empty" => Self::Empty,
    "hold" => Self::Hold,
}

words! { OnSplitBrain, "\"keep\" or \"empty\"",
    "keep" => Self::Keep,
    "empty" => Self::Empty,
}

words! { OnNewerTimeline, "\"follow\" or \"hold\"",
    "follow" => Self::Follow,
    "hold" => Self::Hold,
}

words! { KickMode, "\"off\", \"dry-run\" or \"on\"",
    "off" => Self::Off,
    "dry-run" => Self::DryRun,
    "on" => Self::On,
}

words! { Failback, "\"stay\" or \"preferred\"",
    "stay" => Self::Stay,
    "preferred" => Self::Preferred,
}

#[cfg(test)]
mod tests {
    use super::size;

    #[test]
    fn sizes_need_a_unit() {
        assert_eq!(size("64kB"), Some(65_536));
        assert_eq!(size("16MB"), Some(16 << 20));
        assert_eq!(size("1GB"), Some(1 << 30));
        for odd in ["", "1", "MB", "1mb", "1 MB", "-1MB", "1TB", "99999999999999999999GB"] {
            assert_eq!(size(odd), None, "{odd:?}");
        }
    }
}
