//! `tests/run` names the files of tests, for some are played side by side: it forgets none.

use std::{collections::BTreeSet, path::Path};

use toml_edit::{DocumentMut, Item, Table};

use crate::tree::{content, in_project, tracked};

const RUN: &str = "tests/run";

#[test]
fn every_file_of_tests_is_played() {
    let run = content(RUN);
    // The comments at its head are examples.
    let words: Vec<_> = run.split_whitespace().skip_while(|word| *word != "set").collect();
    let played = words.windows(2).filter(|pair| pair[0] == "--test");
    let played: BTreeSet<_> = played.map(|pair| pair[1].trim_end_matches(')').to_owned()).collect();
    let there: BTreeSet<_> = tracked().iter().flat_map(|path| targets(path)).collect();
    assert!(there.len() > 10, "{there:?}");
    assert_eq!(played, there, "{RUN} plays the first, and the second are there");
}

/// The names by which `cargo test --test` knows what `path` makes tests of: a file where Cargo looks
/// for them, or a manifest that names some.
fn targets(path: &str) -> Vec<String> {
    if path.ends_with("Cargo.toml") {
        return named(path);
    }
    let inside = path.strip_prefix("tests/").or_else(|| path.strip_prefix("packaging/tests/"));
    match inside.unwrap_or_default().split('/').collect::<Vec<_>>()[..] {
        [file] => file.strip_suffix(".rs").map(str::to_owned).into_iter().collect(),
        [folder, "main.rs"] if !is_package(path) => vec![folder.to_owned()],
        _ => vec![],
    }
}

fn named(manifest: &str) -> Vec<String> {
    let manifest: DocumentMut = content(manifest).parse().expect("a manifest is TOML");
    let tests = manifest.get("test").and_then(Item::as_array_of_tables).into_iter().flatten();
    let name = |test: &Table| test["name"].as_str().expect("a name is a text").to_owned();
    tests.map(name).collect()
}

/// Whether the folder of `path` is a package of its own.
fn is_package(path: &str) -> bool {
    in_project(path).parent().is_some_and(|folder: &Path| folder.join("Cargo.toml").is_file())
}
