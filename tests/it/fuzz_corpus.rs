//! The corpus of the fuzz targets through the same checks as there, without a fuzzer: what was
//! found once stays fixed.

#[path = "../../fuzz/checks/config_file.rs"]
mod config_file;
#[path = "../../fuzz/checks/dns_query.rs"]
mod dns_query;
#[path = "../../fuzz/checks/state_file.rs"]
mod state_file;
#[path = "../../fuzz/checks/zone_file.rs"]
mod zone_file;

use std::{
    fs,
    panic::catch_unwind,
    path::{Path, PathBuf},
};

/// Panics when its input breaks a rule.
type Check = fn(&[u8]);

/// Each target with its check.
const TARGETS: [(&str, Check); 4] = [
    ("config_file", config_file::check),
    ("dns_query", dns_query::check),
    ("state_file", state_file::check),
    ("zone_file", zone_file::check),
];

/// Inputs of a corpus, and octets of all together: it is for reading by hand, too.
const MOST_INPUTS: usize = 250;
const MOST_OCTETS: usize = 200_000;

#[test]
fn every_input_of_every_corpus_passes_its_check() {
    let (mut inputs, mut octets) = (0, 0);
    for (target, check) in TARGETS {
        let files = files(&in_fuzz(&format!("corpus/{target}")));
        assert!(files.len() >= 20, "only {} inputs for {target}", files.len());
        for file in files {
            let input = fs::read(&file).expect("a readable input");
            let passed = catch_unwind(|| check(&input));
            assert!(passed.is_ok(), "{} fails: {}", file.display(), input.escape_ascii());
            inputs += 1;
            octets += input.len();
        }
    }
    assert!(inputs <= MOST_INPUTS, "{inputs} inputs; `cargo fuzz cmin`, then leave some out");
    assert!(octets <= MOST_OCTETS, "{octets} octets; `cargo fuzz cmin`, then leave some out");
}

/// Every octet of each input changed, and every length of it: a start for what a fuzzer does.
#[test]
fn damaged_inputs_pass_the_check_for_queries() {
    for file in files(&in_fuzz("corpus/dns_query")) {
        let input = fs::read(&file).expect("a readable input");
        for length in 0..input.len().min(200) {
            dns_query::check(&input[..length]);
            let mut damaged = input.clone();
            damaged[length] ^= 1 << (length % 8);
            dns_query::check(&damaged);
        }
    }
}

#[test]
fn each_target_has_a_check_a_corpus_and_a_dictionary() {
    let names = |folder: &str| -> Vec<String> {
        let files = files(&in_fuzz(folder)).into_iter();
        files
            .map(|file| file.file_stem().expect("a name").to_str().expect("ASCII").into())
            .collect()
    };
    for folder in ["checks", "corpus", "dictionaries", "targets"] {
        assert_eq!(names(folder), TARGETS.map(|(target, _)| target), "fuzz/{folder}");
    }
}

fn in_fuzz(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz").join(path)
}

/// What is in a folder, sorted.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{folder:?}: {error}"));
    let mut files: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    files
}
