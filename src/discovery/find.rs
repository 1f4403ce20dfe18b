//! One server as a source names it.

use std::{collections::BTreeMap, fmt, net::IpAddr};

use super::SourceKind;
use crate::plain_text::start_of_line;

/// A server that a source names. Nothing of it is proven.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Find {
    /// Who names it.
    pub source: SourceKind,
    /// What it may be called.
    pub name: Option<NameHint>,
    /// Where it is.
    pub host: FindHost,
    /// Its database port, never 0; `None` when the source does not know it: the cluster's own.
    pub port: Option<u16>,
    /// What the source says of it beside that.
    pub labels: Labels,
}

/// Where a find is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FindHost {
    /// A fixed address.
    Address(IpAddr),
    /// A name that is yet to be resolved. Only addresses that it has then are contacted or
    /// published.
    Name(Box<str>),
}

/// A DNS label for a find: 1 to 63 lower case letters, digits and inner hyphens.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NameHint(Box<str>);

impl NameHint {
    /// What is left of `text` as a label: the first 63 characters, in lower case, a hyphen for
    /// everything that a label may not have. `None` when nothing is left, or only a word that
    /// replicas are called by default and that names nobody (`walreceiver`).
    pub fn reduced(text: &str) -> Option<Self> {
        let mut label = String::new();
        for c in text.chars() {
            match c.to_ascii_lowercase() {
                c if c.is_ascii_alphanumeric() => label.push(c),
                _ if label.ends_with('-') => {}
                _ => label.push('-'),
            }
        }
        let cut: String = label.trim_matches('-').chars().take(LABEL_MAX).collect();
        let label = cut.trim_matches('-');
        let names_nobody = label.is_empty() || NOBODY.contains(&label);
        (!names_nobody).then(|| Self(label.into()))
    }

    /// The label for a find that nobody gives a name: `host-10-0-0-4`.
    pub fn of_address(address: IpAddr) -> Self {
        let text: String = address.to_string().replace(['.', ':'], "-");
        Self::reduced(&format!("host-{text}")).unwrap_or_else(|| Self("host".into()))
    }

    /// The same with `-2` or another number behind it, for a name that is taken.
    #[must_use]
    pub fn numbered(&self, number: u32) -> Self {
        let suffix = format!("-{number}");
        let room = LABEL_MAX - suffix.len();
        let start = &self.0[..self.0.len().min(room)];
        Self(format!("{}{suffix}", start.trim_end_matches('-')).into())
    }

    /// The label.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for NameHint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Characters of a label (RFC 1035 section 2.3.4), and of everything else from outside that is
/// shown.
const LABEL_MAX: usize = 63;

/// What PostgreSQL's tools call a connection when nobody names it.
const NOBODY: [&str; 3] = ["walreceiver", "pg-basebackup", "pg-receivewal"];

/// Texts by which a source describes a find, such as `site`. At most [`Labels::MOST`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Labels(BTreeMap<Box<str>, Box<str>>);

impl Labels {
    /// Labels that are kept of one find; others are left out.
    pub const MOST: usize = 16;

    /// Adds a label, both texts on one line and cut to 63 characters. The first of a key counts.
    pub fn add(&mut self, key: &str, value: &str) {
        if self.0.len() < Self::MOST {
            let cut = |text| Box::from(start_of_line(text, LABEL_MAX));
            self.0.entry(cut(key)).or_insert_with(|| cut(value));
        }
    }

    /// Adds the labels of another source; what is known already stays.
    pub fn add_all(&mut self, others: &Self) {
        for (key, value) in others.iter() {
            self.add(key, value);
        }
    }

    /// The value of a label.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(|value| &**value)
    }

    /// All, by their keys.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (&**key, &**value))
    }
}

impl fmt::Display for FindHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => write!(f, "{address}"),
            Self::Name(name) => f.write_str(name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Labels, NameHint};

    #[test]
    fn any_text_becomes_a_label_or_none() {
        let reduced = |text: &str| NameHint::reduced(text).map(|hint| hint.as_str().to_owned());
        for (text, label) in [
            ("db2", "db2"),
            ("DB_2.example", "db-2-example"),
            ("--a..b--", "a-b"),
            ("\u{202e}evil\n", "evil"),
        ] {
            assert_eq!(reduced(text).as_deref(), Some(label), "{text:?}");
        }
        for nothing in ["", "---", "\u{1b}", "walreceiver", "ü"] {
            assert_eq!(reduced(nothing), None, "{nothing:?}");
        }
        let long = "a".repeat(62) + "-b";
        assert_eq!(reduced(&long), Some("a".repeat(62)));
    }

    #[test]
    fn a_name_that_is_taken_gets_a_number_and_stays_a_label() {
        let name = NameHint::reduced("db2").expect("a label");
        assert_eq!(name.numbered(2).as_str(), "db2-2");
        let long = NameHint::reduced(&"x".repeat(99)).expect("a label").numbered(10);
        assert_eq!((long.as_str().len(), long.as_str().ends_with("x-10")), (63, true));
        let address = NameHint::of_address("10.0.0.4".parse().expect("an address"));
        assert_eq!(address.as_str(), "host-10-0-0-4");
    }

    #[test]
    fn labels_are_few_short_and_harmless() {
        let mut labels = Labels::default();
        labels.add("site", "az1\n\u{1b}[31m");
        labels.add("site", "another");
        assert_eq!(labels.get("site"), Some("az1  [31m"));
        for number in 0..99 {
            labels.add(&number.to_string(), &"y".repeat(99));
        }
        assert_eq!(labels.iter().count(), Labels::MOST);
        assert!(labels.iter().all(|(_, value)| value.len() <= 63));
    }
}
