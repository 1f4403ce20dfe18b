//! One mistake in the configuration, and the collection of all of them.
//!
//! A fault says where it is, what is wrong and what to do. It never shows the value of a password,
//! and no key of the format holds one.

use std::{
    cell::OnceCell,
    fmt,
    ops::Range,
    path::{Path, PathBuf},
};

/// One mistake: where, what, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Fault {
    /// The configuration file or the zone file.
    pub file: PathBuf,
    /// Where in it; `None` when the file as a whole is at fault.
    #[serde(flatten)]
    pub position: Option<Position>,
    /// What is wrong.
    pub what: String,
    /// What to do.
    pub advice: String,
}

/// `config/x.toml:12:8: what is wrong; what to do`
impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.file.display())?;
        if let Some(position) = self.position {
            write!(f, "{}:{}:", position.line, position.column)?;
        }
        write!(f, " {}; {}", self.what, self.advice)
    }
}

/// A place in a text, both parts counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct Position {
    /// Line.
    pub line: usize,
    /// Character in the line.
    pub column: usize,
}

/// Collects the faults of one configuration file and the zone files that it names.
#[derive(Debug)]
pub struct Faults<'a> {
    file: &'a Path,
    text: &'a str,
    /// Where in `text` the piece begins that spans count from.
    base: usize,
    /// Where each line begins, so that thousands of faults are placed at once.
    line_starts: OnceCell<Vec<usize>>,
    list: Vec<Fault>,
    /// What is told and keeps nobody from using the configuration.
    warnings: Vec<Fault>,
}

impl<'a> Faults<'a> {
    /// None yet, for the configuration `text` read from `file`.
    pub fn new(file: &'a Path, text: &'a str) -> Self {
        Self {
            file,
            text,
            base: 0,
            line_starts: OnceCell::new(),
            list: Vec::new(),
            warnings: Vec::new(),
        }
    }

    /// From now on spans count from `base`, in octets of the configuration's text.
    pub fn begin_at(&mut self, base: usize) {
        self.base = base;
    }

    /// `span` in the configuration's text as a whole.
    pub fn place(&self, span: Range<usize>) -> Range<usize> {
        self.base + span.start..self.base + span.end
    }

    /// A fault at `span`, in octets from the beginning of the piece that is read.
    pub fn add(&mut self, span: Range<usize>, what: impl Into<String>, advice: impl Into<String>) {
        let position = Some(self.position(span.start));
        self.list.push(Fault {
            file: self.file.to_owned(),
            position,
            what: what.into(),
            advice: advice.into(),
        });
    }

    /// The same for what is a fault only where the configuration is used.
    pub fn warn(&mut self, span: Range<usize>, what: impl Into<String>, advice: impl Into<String>) {
        let position = Some(self.position(span.start));
        let (what, advice) = (what.into(), advice.into());
        self.warnings.push(Fault { file: self.file.to_owned(), position, what, advice });
    }

    /// All warnings, in the order of the file.
    pub fn warnings(&self) -> Box<[Fault]> {
        let mut warnings = self.warnings.clone();
        warnings.sort_by_key(|warning| warning.position);
        warnings.into()
    }

    /// A fault of the configuration as a whole.
    pub fn add_whole(&mut self, what: impl Into<String>, advice: impl Into<String>) {
        self.list.push(Fault {
            file: self.file.to_owned(),
            position: None,
            what: what.into(),
            advice: advice.into(),
        });
    }

    /// A fault in another file.
    pub fn add_elsewhere(&mut self, fault: Fault) {
        self.list.push(fault);
    }

    /// The line on which `span` begins, for messages that point at an earlier place.
    pub fn line(&self, span: &Range<usize>) -> usize {
        self.position(span.start).line
    }

    /// How many faults there are.
    pub fn mark(&self) -> usize {
        self.list.len()
    }

    /// Forgets all faults since `mark`.
    pub fn revert(&mut self, mark: usize) {
        self.list.truncate(mark);
    }

    /// Whether nothing is wrong so far.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// All faults: the configuration file's first, then each zone file's, each in the order of its
    /// file.
    pub fn into_sorted(mut self) -> Vec<Fault> {
        let mut files = vec![self.file.to_owned()];
        for fault in &self.list {
            if !files.contains(&fault.file) {
                files.push(fault.file.clone());
            }
        }
        self.list.sort_by_key(|fault| {
            let file = files.iter().position(|file| *file == fault.file);
            (file, fault.position)
        });
        // What many clusters have from one template is wrong once.
        self.list.dedup();
        self.list
    }

    fn position(&self, offset: usize) -> Position {
        let offset = self.base + offset;
        let end = (0..=offset.min(self.text.len()))
            .rev()
            .find(|at| self.text.is_char_boundary(*at))
            .unwrap_or(0);
        let line_starts = self.line_starts.get_or_init(|| {
            let after_newlines = self.text.match_indices('\n').map(|(newline, _)| newline + 1);
            [0].into_iter().chain(after_newlines).collect()
        });
        let line = line_starts.partition_point(|start| *start <= end);
        let line_start = line_starts[line - 1];
        Position { line, column: self.text[line_start..end].chars().count() + 1 }
    }
}
