//! A broken house rule: where, which, and what to do.

use std::fmt;

/// One place that breaks a rule.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Fault {
    pub(crate) file: String,
    pub(crate) line: usize,
    /// The name of the rule.
    pub(crate) rule: &'static str,
    /// What is wrong, and what to do instead.
    pub(crate) advice: String,
}

impl Fault {
    pub(crate) fn new(
        file: &str,
        line: usize,
        rule: &'static str,
        advice: impl Into<String>,
    ) -> Self {
        Self { file: file.to_owned(), line, rule, advice: advice.into() }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, line, rule, advice } = self;
        write!(f, "{file}:{line}: [{rule}] {advice}")
    }
}

/// Panics with all of them, if there are any.
pub(crate) fn assert_none(mut faults: Vec<Fault>) {
    faults.sort();
    faults.dedup();
    let lines: Vec<_> = faults.iter().map(Fault::to_string).collect();
    assert!(lines.is_empty(), "{} broken house rules\n{}\n", lines.len(), lines.join("\n"));
}
