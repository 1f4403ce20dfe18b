//! Files that nothing reads, places that only one machine has, documents that name what is gone.

use std::{collections::BTreeSet, path::Path};

use crate::{
    fault::{Fault, assert_none},
    tree::{content, in_project, tracked},
};

/// Folders that a test walks, with the kinds of files that it takes. Each file in them is a case.
const WALKED: [(&str, &[&str]); 2] =
    [("tests/scenarios/", &["txt"]), ("tests/config_faults/", &["toml", "zone"])];

/// Text that is not ours: lists of packages, licences, and what a fuzzer has found.
const NOT_OURS: [&str; 5] =
    ["Cargo.lock", "LICENSE-APACHE", "LICENSE-MIT", "fuzz/Cargo.lock", "fuzz/corpus/"];

#[test]
fn every_file_of_the_tests_is_read_by_a_test() {
    let tracked = tracked();
    let is_data = |path: &&String| path.starts_with("tests/") && !path.ends_with(".rs");
    let data: BTreeSet<_> = tracked.iter().filter(is_data).cloned().collect();
    for (folder, _) in WALKED {
        assert!(data.iter().any(|path| path.starts_with(folder)), "{folder} holds no case");
    }
    let readers: String = tracked
        .iter()
        .filter(|path| path.ends_with(".rs") || path.starts_with("tests/config_faults/"))
        .filter(|path| !path.starts_with("tests/tidy/"))
        .map(|path| content(path))
        .collect();
    assert_none(data.iter().filter_map(|path| unread(path, &readers)).collect());
}

#[test]
fn no_file_knows_this_machine_or_names_a_registry() {
    let is_ours = |path: &String| !NOT_OURS.iter().any(|foreign| path.starts_with(foreign));
    let ours = tracked().into_iter().filter(is_ours);
    let faults = ours.flat_map(|path| foreign(&path, &content(&path)));
    assert_none(faults.collect());
}

#[test]
fn documents_name_files_that_exist() {
    let documents = tracked().into_iter().filter(|path| path.ends_with(".md"));
    let faults = documents.flat_map(|path| {
        let exists = |named: &str| in_project(named).exists();
        missing(&path, &content(&path), exists)
    });
    assert_none(faults.collect());
}

/// A fault unless a test walks over the file, or names it.
fn unread(path: &str, readers: &str) -> Option<Fault> {
    // The script that runs the tests, and programs of their own.
    if path == "tests/run"
        || path.starts_with("tests/bench/")
        || path.starts_with("tests/mutants/") // `mutants.rs` reads it
        || path.ends_with("/Cargo.toml") && path.starts_with("tests/")
    {
        return None;
    }
    let name = path.rsplit('/').next().unwrap_or(path);
    let kind = Path::new(name).extension().and_then(|kind| kind.to_str()).unwrap_or_default();
    let walked = WALKED
        .iter()
        .find(|(folder, _)| path.strip_prefix(folder).is_some_and(|rest| !rest.contains('/')));
    let advice = match walked {
        Some((_, kinds)) if kinds.contains(&kind) => return None,
        Some((_, kinds)) => format!("the test that walks this folder takes only {kinds:?}"),
        None if is_named(name, readers) => return None,
        None => "no test names this file; use it, or delete it".to_owned(),
    };
    Some(Fault::new(path, 1, "orphan", advice))
}

/// Whether `readers` name the file, or what is left of its name without extension and first word:
/// `replica-mysql-8.0.txt` may be read as `replica-` and `mysql-8.0`.
fn is_named(name: &str, readers: &str) -> bool {
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    let rest = stem.split_once('-').map(|(_, rest)| format!("\"{rest}\""));
    readers.contains(name) || rest.is_some_and(|rest| readers.contains(&rest))
}

/// Places that exist on the machine of whoever wrote the file, and hosts that packages come from.
/// The words are put together here, so that this file does not name them.
fn foreign(path: &str, text: &str) -> Vec<Fault> {
    let homes = ["work", "root", "home", "Users"].map(|folder| format!("/{folder}/"));
    let registries = [
        ["crates", "io"],
        ["npmjs", "org"],
        ["npmjs", "com"],
        ["pypi", "org"],
        ["pythonhosted", "org"],
        ["debian", "org"],
        ["golang", "org"],
        ["docker", "io"],
    ]
    .map(|parts| parts.join("."));
    let mut faults = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let home = homes
            .iter()
            .find(|home| line.match_indices(*home).any(|(at, _)| is_start_of_path(&line[..at])));
        if let Some(home) = home {
            let advice =
                format!("{home} is a place of one machine; name it from the project's root");
            faults.push(Fault::new(path, number, "machine", advice));
        }
        if let Some(host) = registries.iter().find(|host| line.contains(*host)) {
            let advice = format!("{host} is for the package manager's settings, not for this file");
            faults.push(Fault::new(path, number, "registry", advice));
        }
    }
    faults
}

/// Whether a slash behind `before` begins an absolute path.
fn is_start_of_path(before: &str) -> bool {
    !before
        .ends_with(|c: char| c.is_alphanumeric() || matches!(c, '.' | '_' | '-' | '/' | '}' | '~'))
}

/// Paths of this project that the document shows in backticks and that are not there. `*` stands
/// for the rest of a name.
fn missing(path: &str, text: &str, exists: impl Fn(&str) -> bool) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let quoted = line.split('`').skip(1).step_by(2);
        let named = quoted.filter(|word| {
            ["src/", "tests/", "docs/", "config/", "fuzz/"]
                .iter()
                .any(|folder| word.starts_with(folder))
        });
        for name in named {
            let words = name.split_whitespace().next().unwrap_or(name);
            let fixed = match words.split_once('*') {
                Some((before, _)) => before.rsplit_once('/').map_or(before, |(folder, _)| folder),
                None => words,
            };
            if !exists(fixed) {
                let advice = format!("`{fixed}` does not exist; name what is there now");
                faults.push(Fault::new(path, number, "document", advice));
            }
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::{foreign, missing, unread};

    #[test]
    fn a_file_is_walked_over_or_named() {
        let readers = "include_str!(\"../fixtures/one.txt\") vertical(\"mysql-8.0\")";
        for (path, fine) in [
            ("tests/scenarios/01_a.txt", true),
            ("tests/scenarios/01_a.text", false),
            ("tests/config_faults/a.toml", true),
            ("tests/config_faults/a.txt", false),
            ("tests/config_faults/parts/unknown.pem", false),
            ("tests/fixtures/one.txt", true),
            ("tests/fixtures/two.txt", false),
            ("tests/fixtures/replica-mysql-8.0.txt", true),
            ("tests/fixtures/replica-mysql-8.txt", false),
            ("tests/run", true),
        ] {
            assert_eq!(unread(path, readers).is_none(), fine, "{path}");
        }
    }

    #[test]
    fn places_of_one_machine_and_registries_are_found() {
        for line in [
            "cd /wo~rk/main",
            "(/ro~ot/.cargo)",
            "file:\"/ho~me/me/x\"",
            "https://cra~tes.io/x",
            "ftp.deb~ian.org",
        ] {
            let found = foreign("a.md", &format!("fine\n{}\n", line.replace('~', "")));
            assert_eq!(found.len(), 1, "{line}: {found:?}");
            assert_eq!(found[0].line, 2);
        }
        for line in ["src/work/a.rs", "a/root/b", "/etc/pointsman/x", "/var/lib/pointsman"] {
            assert_eq!(foreign("a.md", line), [], "{line}");
        }
    }

    #[test]
    fn a_document_that_names_what_is_gone_is_found() {
        let there = |path: &str| matches!(path, "src/a.rs" | "tests/scenarios");
        let text = "`src/a.rs`\n`tests/scenarios/*.txt` and `src/b.rs`\n`cargo test` src/c.rs\n";
        let found = missing("a.md", text, there);
        assert_eq!(found.iter().map(|fault| fault.line).collect::<Vec<_>>(), [2], "{found:?}");
    }
}
