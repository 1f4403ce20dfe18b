//! The mutants of the engine still mean what they say: each text that they replace is there, once.
//! Whether a test notices them is asked by `tests/mutants/run`.

use std::collections::BTreeSet;

use crate::{
    fault::{Fault, assert_none},
    tree::content,
};

const LIST: &str = "tests/mutants/list.txt";

/// Fewer would not touch every rule.
const ENOUGH: usize = 60;

#[test]
fn every_mutant_applies() {
    let list = content(LIST);
    let (mut faults, mut ids) = (vec![], BTreeSet::new());
    let mut lines = (1..).zip(list.lines());
    while let Some((line, head)) = lines.next() {
        if head.is_empty() || head.starts_with('#') {
            continue;
        }
        let mut until = |mark: &str| {
            let lines = lines.by_ref().map(|(_, line)| line).take_while(|line| *line != mark);
            lines.collect::<Vec<_>>().join("\n")
        };
        let (file, old, new) = (until("<<<"), until("==="), until(">>>"));
        let id = head.trim_start_matches("equivalent ").split(' ').next().unwrap_or_default();
        let count = content(&file).matches(&old).count();
        let wrong = match count {
            1 if old == new => "it changes nothing".to_owned(),
            1 if !ids.insert(id.to_owned()) => "another one has its id".to_owned(),
            1 => continue,
            _ => format!("its text occurs {count} times in {file}; fit it to the engine"),
        };
        faults.push(Fault::new(LIST, line, "mutant", format!("{id}: {wrong}")));
    }
    assert_none(faults);
    assert!(ids.len() >= ENOUGH, "{} mutants are too few", ids.len());
}
