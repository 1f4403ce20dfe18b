//! Each finding of those who looked from outside has a test or a reason, and the tests are there.

use crate::{
    fault::{Fault, assert_none},
    tree::{content, in_project},
};

const REGISTER: &str = "docs/decisions/findings.md";

/// As many findings as there were: B1 to B10, C1 to C12, D1 to D8 and E; H1 to H3, M1 to M8, L1 to L11.
const FINDINGS: usize = 31 + 22;

#[test]
fn each_finding_has_a_test_that_there_is_or_a_reason() {
    let register = content(REGISTER);
    let rows: Vec<_> = (1..).zip(register.lines()).filter_map(row).collect();
    assert_eq!(rows.len(), FINDINGS, "a finding is missing, or stands there twice");
    let faults = rows.iter().flat_map(|(line, id, holds)| {
        let faults: Vec<_> = match tests(holds).collect::<Vec<_>>() {
            none if none.is_empty() && !holds.contains("No") && !holds.contains("tests/") => {
                vec![format!("{id} has neither a test nor a reason")]
            }
            named => named.into_iter().filter_map(missing).collect(),
        };
        faults.into_iter().map(|advice| Fault::new(REGISTER, *line, "finding", advice))
    });
    assert_none(faults.collect());
}

/// The identifier of a row and what holds its finding.
fn row((line, text): (usize, &str)) -> Option<(usize, &str, &str)> {
    let cells: Vec<_> = text.split('|').map(str::trim).collect();
    let [_, id, _, holds, _] = cells[..] else { return None };
    let number = id.strip_prefix(|letter: char| letter.is_ascii_uppercase())?;
    number.chars().all(|digit| digit.is_ascii_digit()).then_some((line, id, holds))
}

/// The tests that are named: a file, and a function of it in brackets behind it.
fn tests(holds: &str) -> impl Iterator<Item = (&str, &str)> {
    holds.split(", ").flat_map(|part| part.split("; ")).filter_map(|part| {
        let (file, name) = part.split_once("` (`")?;
        let (_, file) = file.rsplit_once('`')?;
        Some((file, name.split_once('`')?.0))
    })
}

/// What is wrong with a test, if it is not there.
fn missing((file, name): (&str, &str)) -> Option<String> {
    if !in_project(file).is_file() {
        return Some(format!("there is no {file}"));
    }
    let is_there = content(file).contains(&format!("fn {name}("));
    (!is_there).then(|| format!("there is no test {name} in {file}"))
}

#[test]
fn a_test_that_is_not_there_is_found() {
    let holds =
        "`tests/tidy/findings.rs` (`missing`), `tests/tidy/findings.rs` (`gone`), `gone.rs` (`x`)";
    let faults: Vec<_> = tests(holds).filter_map(missing).collect();
    let expected = ["there is no test gone in tests/tidy/findings.rs", "there is no gone.rs"];
    assert_eq!(faults, expected);
    assert_eq!(row((7, "| B1 | so | `x` |")), Some((7, "B1", "`x`")));
    assert_eq!(row((7, "| | what was found | what holds it |")), None);
}
