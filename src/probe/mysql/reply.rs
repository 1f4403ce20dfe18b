//! What a statement returned: named columns and rows of text.
//!
//! Everything after the connection works on these and on nothing else, so that all of it can be
//! tested with the shapes the manuals document. Columns are found by name and never by place,
//! because every version adds some; names are compared without case.

use std::collections::BTreeMap;

/// One result set in the text protocol. `None` is SQL's NULL.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reply {
    columns: Vec<Box<str>>,
    rows: Vec<Vec<Option<Box<str>>>>,
    affected_rows: u64,
}

impl Reply {
    /// An empty set of these columns.
    pub(super) fn new(columns: Vec<Box<str>>) -> Self {
        Self { columns, ..Self::default() }
    }

    /// What a statement without a result set returns: how many rows it changed.
    pub(super) fn done(affected_rows: u64) -> Self {
        Self { affected_rows, ..Self::default() }
    }

    /// How many rows the statement changed.
    pub(super) fn affected_rows(&self) -> u64 {
        self.affected_rows
    }

    /// Adds one row; what it has less than columns counts as NULL.
    pub(super) fn push(&mut self, row: Vec<Option<Box<str>>>) {
        self.rows.push(row);
    }

    /// The rows in the server's order, to keep.
    pub(in crate::probe) fn into_rows(self) -> Vec<Vec<Option<Box<str>>>> {
        self.rows
    }

    /// The rows in the server's order.
    pub(super) fn rows(&self) -> impl Iterator<Item = Record<'_>> {
        self.rows.iter().map(|values| Record { columns: &self.columns, values })
    }

    /// The first row.
    pub(super) fn first(&self) -> Option<Record<'_>> {
        self.rows().next()
    }

    /// Reads the two columns of SHOW VARIABLES and SHOW STATUS as names and values.
    pub(super) fn settings(&self) -> Settings {
        let pairs = self.rows.iter().filter_map(|row| match &row[..] {
            [Some(name), value, ..] => {
                Some((name.to_ascii_lowercase(), value.clone().unwrap_or_default()))
            }
            _ => None,
        });
        Settings(pairs.collect())
    }
}

/// One row of a [`Reply`].
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    columns: &'a [Box<str>],
    values: &'a [Option<Box<str>>],
}

impl<'a> Record<'a> {
    /// The value of the first of `names` that is a column here; `None` for NULL and when none of
    /// them is.
    pub(super) fn text(&self, names: &[&str]) -> Option<&'a str> {
        let place = names.iter().find_map(|name| {
            self.columns.iter().position(|column| column.eq_ignore_ascii_case(name))
        })?;
        self.values.get(place)?.as_deref()
    }

    /// The value in column `place`, counted from 0.
    pub(super) fn at(&self, place: usize) -> Option<&'a str> {
        self.values.get(place)?.as_deref()
    }
}

/// Server variables or status counters by their lower-case names. Those a server does not have are
/// missing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings(BTreeMap<String, Box<str>>);

impl Settings {
    /// The value of `name`, given in lower case.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(|value| &**value)
    }

    /// Whether `name` exists and is switched on.
    pub fn is_on(&self, name: &str) -> bool {
        self.get(name).is_some_and(|value| value == "1" || value.eq_ignore_ascii_case("ON"))
    }
}

#[cfg(test)]
impl Reply {
    /// Rows as the `mysql` client prints them with `\G`: one `name: value` a line, rows begun by a
    /// line of stars.
    pub(super) fn vertical(text: &str) -> Self {
        let mut reply = Self::default();
        let mut row = Vec::new();
        for line in text.lines().chain(["*"]) {
            if let Some((name, value)) = line.split_once(':').filter(|_| !line.starts_with('*')) {
                if reply.rows.is_empty() {
                    reply.columns.push(name.trim().into());
                }
                let value = value.trim();
                row.push((value != "NULL").then(|| value.into()));
            } else if line.starts_with('*') && !row.is_empty() {
                reply.rows.push(std::mem::take(&mut row));
            }
        }
        reply
    }
}

#[cfg(test)]
impl Settings {
    /// Settings from `name = value` pairs.
    pub fn of(pairs: &[(&str, &str)]) -> Self {
        Self(pairs.iter().map(|&(name, value)| (name.to_owned(), value.into())).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::Reply;

    #[test]
    fn columns_are_found_by_any_spelling_and_null_is_none() {
        let reply =
            Reply::vertical("*** 1. row\n  Source_Host: db1\nLag: NULL\n*** 2. row\na:db2\nb:7");
        let rows: Vec<_> = reply.rows().collect();
        assert_eq!(rows.len(), 2);
        assert_eq!(rows[0].text(&["Master_Host", "source_host"]), Some("db1"));
        assert_eq!(rows[0].text(&["Lag"]), None);
        assert_eq!(rows[0].text(&["Absent"]), None);
        assert_eq!(rows[1].text(&["Lag"]), Some("7"));
    }

    #[test]
    fn settings_survive_rows_of_odd_shape() {
        let mut reply = Reply::new(vec!["Variable_name".into(), "Value".into()]);
        reply.push(vec![]);
        reply.push(vec![None, Some("x".into())]);
        reply.push(vec![Some("READ_ONLY".into())]);
        reply.push(vec![Some("log_bin".into()), Some("ON".into())]);
        reply.push(vec![Some("gtid_mode".into()), None]);
        let settings = reply.settings();
        assert_eq!(settings.get("read_only"), None);
        assert!(settings.is_on("log_bin") && !settings.is_on("gtid_mode"));
        assert_eq!(settings.get("gtid_mode"), Some(""));
    }
}
