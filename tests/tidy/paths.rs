//! The paths that a file names: in `use` trees and in the middle of code, `crate::`, `self::` and
//! `super::` resolved.

use crate::rust_text::{RustText, Token, is_at};

/// A path such as `tokio::sync::mpsc` or `crate::engine::Event`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NamedPath {
    pub(crate) line: usize,
    /// The first is `crate` for everything of ours.
    pub(crate) segments: Vec<String>,
    /// Named by an item under `#[cfg(test)]`.
    pub(crate) in_test: bool,
    pub(crate) by: NamedBy,
}

/// What names a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum NamedBy {
    /// `use`, for the file itself; what it is called from there on, `*` for everything.
    Import(String),
    /// `pub use`, for others too.
    Export(String),
    /// Code that goes there without an import.
    Code,
}

/// Every path with more than one segment that `text` names, and every import. `module` is where
/// the file stands in its crate; `own_crate` is what its binaries and tests call the crate.
pub(crate) fn named_paths(text: &RustText, module: &[String], own_crate: &str) -> Vec<NamedPath> {
    let mut reader = Reader {
        tokens: &text.tokens,
        at: 0,
        depth: 0,
        module: module.to_vec(),
        inline: Vec::new(),
        own_crate,
        found: Vec::new(),
    };
    while reader.at < reader.tokens.len() {
        reader.step();
    }
    reader.found
}

struct Reader<'a> {
    tokens: &'a [Token],
    at: usize,
    /// Braces that are open.
    depth: usize,
    module: Vec<String>,
    /// The depths at which modules within the file have opened.
    inline: Vec<usize>,
    own_crate: &'a str,
    found: Vec<NamedPath>,
}

impl Reader<'_> {
    fn step(&mut self) {
        let text = self.tokens[self.at].text.as_str();
        let before = self.at.checked_sub(1).map_or("", |before| &self.tokens[before].text);
        match text {
            "{" => self.depth += 1,
            "}" => self.close(),
            "mod" if self.text(2) == "{" => {
                self.module.push(self.text(1).to_owned());
                self.inline.push(self.depth);
                self.depth += 1;
                self.at += 3;
                return;
            }
            // `impl Trait + use<'a>` captures, and imports nothing.
            "use" if self.text(1) != "<" => {
                // `pub use` or `pub(…) use`.
                let by =
                    if matches!(before, "pub" | ")") { NamedBy::Export } else { NamedBy::Import };
                self.at += 1;
                self.tree(&[], by);
                return;
            }
            _ if is_word(text) && self.text(1) == "::" && before != "." => {
                let rooted = before == "::" && self.is_rooted();
                if before != "::" || rooted {
                    self.code_path();
                    return;
                }
            }
            _ => {}
        }
        self.at += 1;
    }

    /// Whether the `::` before this place begins a path, rather than going on with one.
    fn is_rooted(&self) -> bool {
        let before = self.at.checked_sub(2).map_or("", |before| &self.tokens[before].text);
        !is_word(before) && before != ">"
    }

    fn text(&self, ahead: usize) -> &str {
        self.tokens.get(self.at + ahead).map_or("", |token| &token.text)
    }

    fn close(&mut self) {
        self.depth = self.depth.saturating_sub(1);
        if self.inline.last() == Some(&self.depth) {
            self.inline.pop();
            self.module.pop();
        }
    }

    /// A path in the middle of code.
    fn code_path(&mut self) {
        let mut segments = vec![self.text(0).to_owned()];
        let first = self.at;
        while self.text(1) == "::" && is_word(self.text(2)) {
            segments.push(self.text(2).to_owned());
            self.at += 2;
        }
        self.at += 1;
        self.note(first, segments, NamedBy::Code);
    }

    /// A `use` tree below `prefix`, to its end.
    fn tree(&mut self, prefix: &[String], by: fn(String) -> NamedBy) {
        let mut segments = prefix.to_vec();
        let first = self.at;
        if self.text(0) == "::" {
            self.at += 1;
        }
        loop {
            match self.text(0) {
                "{" => {
                    self.at += 1;
                    while !matches!(self.text(0), "}" | "") {
                        self.tree(&segments, by);
                        if self.text(0) == "," {
                            self.at += 1;
                        }
                    }
                    self.at += 1;
                    return;
                }
                "self" if !segments.is_empty() => self.at += 1,
                word => {
                    segments.push(word.to_owned());
                    self.at += 1;
                }
            }
            if self.text(0) != "::" {
                break;
            }
            self.at += 1;
        }
        let mut name = segments.last().cloned().unwrap_or_default();
        if self.text(0) == "as" {
            self.text(1).clone_into(&mut name);
            self.at += 2;
        }
        self.note(first, segments, by(name));
    }

    fn note(&mut self, at: usize, segments: Vec<String>, by: NamedBy) {
        let Token { line, in_test, .. } = self.tokens[at.min(self.tokens.len() - 1)];
        let segments = self.resolve(segments);
        self.found.push(NamedPath { line, segments, in_test, by });
    }

    fn resolve(&self, segments: Vec<String>) -> Vec<String> {
        let ups = segments.iter().take_while(|segment| *segment == "super").count();
        let root = || vec!["crate".to_owned()];
        match segments[0].as_str() {
            first if first == self.own_crate => [root(), segments[1..].to_vec()].concat(),
            "self" => [root(), self.module.clone(), segments[1..].to_vec()].concat(),
            "super" => {
                let above = &self.module[..self.module.len().saturating_sub(ups)];
                [root(), above.to_vec(), segments[ups..].to_vec()].concat()
            }
            _ => segments,
        }
    }
}

fn is_word(text: &str) -> bool {
    text.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

/// Words that stand in code (not in an item for tests), each with its line.
pub(crate) fn code_words(text: &RustText) -> impl Iterator<Item = (usize, &str)> {
    text.tokens.iter().filter(|token| !token.in_test).map(|token| (token.line, &*token.text))
}

/// Lines on which code calls the macro `name`.
pub(crate) fn macro_calls<'a>(
    text: &'a RustText,
    name: &'a str,
) -> impl Iterator<Item = usize> + 'a {
    text.tokens.windows(2).filter(move |pair| is_at(pair, &[name, "!"])).map(|pair| pair[0].line)
}

#[cfg(test)]
mod tests {
    use super::{macro_calls, named_paths};
    use crate::rust_text::RustText;

    fn paths(source: &str) -> String {
        let module = ["probe".to_owned(), "mysql".to_owned()];
        let paths = named_paths(&RustText::read(source), &module, "pointsman");
        paths.iter().map(|path| path.segments.join("::")).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn imports_are_unfolded() {
        for (source, expected) in [
            ("use a::b;", "a::b"),
            ("pub(crate) use a::b as c;", "a::b"),
            ("use a::{b, c::{d, e as f}, g::*,};", "a::b a::c::d a::c::e a::g::*"),
            ("use a::b::{self, c};", "a::b a::b::c"),
            ("use ::a::b;", "a::b"),
            ("use {a::b, c};", "a::b c"),
            (
                "use crate::{dns::{self, X}, publish as p};",
                "crate::dns crate::dns::X crate::publish",
            ),
            ("use crate::*;", "crate::*"),
            ("use a;\nuse b;", "a b"),
            ("fn f() -> impl A + use<'a> {}", ""),
        ] {
            assert_eq!(paths(source), expected, "{source}");
        }
    }

    #[test]
    fn paths_in_code_are_found() {
        for (source, expected) in [
            ("fn f() { a::b::c(1) }", "a::b::c"),
            ("let x: Vec<a::B> = Vec::<c::D>::new();", "a::B Vec c::D"),
            ("let x = ::a::b();", "a::b"),
            ("#[a::test] fn f() { g!(c::d) }", "a::test c::d"),
            ("x.map(crate::dns::f)", "crate::dns::f"),
            ("\"a::b\" // c::d", ""),
            ("match x { 0 => A::B, _ => C }", "A::B"),
        ] {
            assert_eq!(paths(source), expected, "{source}");
        }
    }

    #[test]
    fn no_detour_hides_our_own_modules() {
        for (source, expected) in [
            ("use super::tls;", "crate::probe::tls"),
            ("use super::super::dns::X;", "crate::dns::X"),
            ("use self::link::Link;", "crate::probe::mysql::link::Link"),
            ("fn f() { super::super::dns::g() }", "crate::dns::g"),
            (
                "mod t { use super::super::run; } use super::run;",
                "crate::probe::run crate::probe::run",
            ),
            ("mod t { fn f() { if x { } } } use super::run;", "crate::probe::run"),
            ("use pointsman::dns;", "crate::dns"),
        ] {
            assert_eq!(paths(source), expected, "{source}");
        }
    }

    #[test]
    fn macros_are_found_and_names_alone_are_not() {
        let text = RustText::read("todo!();\nlet todo = 1;\n// todo!()\n\"todo!()\"");
        assert_eq!(macro_calls(&text, "todo").collect::<Vec<_>>(), [1]);
    }
}
