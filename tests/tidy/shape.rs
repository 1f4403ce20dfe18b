//! How long files and lines may be, and how a file begins.

use std::collections::BTreeSet;

use crate::{
    fault::{Fault, assert_none},
    tree::{FOLDERS, RustFile, RustTree},
};

/// Lines of a file, those under `#[cfg(test)]` apart.
const FILE: usize = 400;

/// Columns of a line of code; rustfmt keeps to it, except in long strings and macros.
const CODE: usize = 100;

/// Columns of a line that is a comment and nothing else.
const COMMENT: usize = 120;

#[test]
fn files_are_short_enough_to_be_held_in_mind() {
    let all = ["src/", "tests/bench/"].into_iter().flat_map(|folder| RustTree::read(folder).files);
    assert_none(all.filter_map(|file| too_long(&file)).collect());
}

#[test]
fn lines_fit_beside_each_other_on_a_screen() {
    let all = FOLDERS.into_iter().flat_map(|folder| RustTree::read(folder).files);
    assert_none(all.flat_map(|file| wide_lines(&file)).collect());
}

#[test]
fn every_file_says_what_it_is_for() {
    let all = FOLDERS.into_iter().flat_map(|folder| RustTree::read(folder).files);
    assert_none(all.filter_map(|file| without_purpose(&file)).collect());
}

fn too_long(file: &RustFile) -> Option<Fault> {
    let lines = file.source.lines().count();
    let counted = if file.is_test { 0 } else { file.text.lines_without_tests(lines) };
    (counted > FILE).then(|| {
        let advice = format!(
            "{counted} lines without tests, and {FILE} is the limit; find the noun that wants a \
             file of its own"
        );
        Fault::new(&file.path, FILE + 1, "file length", advice)
    })
}

fn wide_lines(file: &RustFile) -> Vec<Fault> {
    let comments: BTreeSet<_> = file.text.comments.iter().map(|comment| comment.line).collect();
    let code: BTreeSet<_> = file.text.tokens.iter().map(|token| token.line).collect();
    let mut faults = Vec::new();
    for (number, line) in (1..).zip(file.source.lines()) {
        let is_comment = comments.contains(&number) && !code.contains(&number);
        let limit = if is_comment { COMMENT } else { CODE };
        let width = line.chars().count();
        if width > limit {
            let advice = format!("{width} columns, and {limit} is the limit; break the line");
            faults.push(Fault::new(&file.path, number, "line length", advice));
        }
    }
    faults
}

fn without_purpose(file: &RustFile) -> Option<Fault> {
    let first = file.source.lines().next().unwrap_or_default();
    let says_something = first.strip_prefix("//! ").is_some_and(|text| !text.trim().is_empty());
    (!says_something).then(|| {
        let advice = "begin the file with `//! ` and what it is for: purpose, rules, edge cases";
        Fault::new(&file.path, 1, "file doc", advice)
    })
}

#[cfg(test)]
mod tests {
    use super::{too_long, wide_lines, without_purpose};
    use crate::tree::{RustFile, RustTree};

    fn file(source: String) -> RustFile {
        RustTree::of("src/", [("src/a.rs".to_owned(), source)]).files.remove(0)
    }

    #[test]
    fn only_lines_without_tests_count() {
        let code = |lines: usize| "fn f() {}\n".repeat(lines);
        assert_eq!(too_long(&file(code(400))), None);
        assert!(too_long(&file(code(401))).is_some());
        let tests = format!("#[cfg(test)]\nmod tests {{\n{}}}\n", code(300));
        assert_eq!(too_long(&file(code(400) + &tests)), None);
        assert!(too_long(&file(code(401) + &tests)).is_some());
    }

    #[test]
    fn wide_lines_are_found_by_columns_not_octets() {
        let of = |columns: usize, start: &str, fill: &str| {
            format!("\n{start}{}\n", fill.repeat(columns - start.len()))
        };
        assert_eq!(wide_lines(&file(of(100, "fn ", "a"))), []);
        assert_eq!(wide_lines(&file(of(101, "fn ", "a")))[0].line, 2);
        assert_eq!(wide_lines(&file(of(120, "// ", "ä"))), []);
        assert_eq!(wide_lines(&file(of(121, "// ", "a"))).len(), 1);
        // A comment behind code, and text over several lines, are no lines of comment.
        assert_eq!(wide_lines(&file(of(101, "f; // ", "a"))).len(), 1);
        let text = format!("const A: &str = \"\n{}\n\";", "a".repeat(101));
        assert_eq!(wide_lines(&file(text))[0].line, 2);
    }

    #[test]
    fn a_file_begins_with_words() {
        for (source, fine) in [
            ("//! What it is for.\n", true),
            ("//! \n", false),
            ("// What.\n", false),
            ("\n//! What.\n", false),
            ("", false),
        ] {
            assert_eq!(without_purpose(&file(source.to_owned())).is_none(), fine, "{source:?}");
        }
    }
}
