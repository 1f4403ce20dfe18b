//! Words that must not occur in code, and marks that must not be left in comments.

use crate::{
    fault::{Fault, assert_none},
    paths::{code_words, macro_calls, named_paths},
    rust_text::is_at,
    tree::{FOLDERS, RustFile, RustTree},
};

/// Words that some modules do without, and why. A module is named by its path.
struct Ban {
    modules: &'static [&'static str],
    words: &'static [&'static str],
    advice: &'static str,
}

/// Modules that are pure: the same inputs give the same outputs.
const PURE: &[&str] = &[
    "engine",
    "answers",
    "client_files::my_cnf",
    "client_files::pgpass",
    "discovery",
    "probe::rhythm",
    "push::ledger",
    "push::owner",
    "push::reading",
    "push::update",
    "rehearsal::attempts",
    "rehearsal::beat",
    "rehearsal::findings",
    "rehearsal::markdown",
    "rehearsal::record",
    "rehearsal::verdict",
];

const BANS: [Ban; 6] = [
    Ban {
        modules: PURE,
        words: &["Clock", "Instant", "SystemTime", "UNIX_EPOCH", "elapsed"],
        advice: "time is an argument here: take a Moment, or seconds",
    },
    Ban {
        modules: PURE,
        words: &["async", "await", "tokio", "spawn", "thread", "sleep"],
        advice: "pure code waits for nothing; let a shell wait and call it",
    },
    Ban {
        modules: PURE,
        words: &["Mutex", "RwLock", "RefCell", "Cell", "OnceLock", "LazyLock", "atomic", "static"],
        advice: "pure code keeps no hidden state; hold it in a value that its owner passes on",
    },
    Ban {
        modules: PURE,
        words: &["println", "print", "eprintln", "eprint", "dbg"],
        advice: "pure code talks to nobody; return a value, and let a shell act on it",
    },
    Ban {
        modules: &["engine", "discovery"],
        words: &["HashMap", "HashSet", "f32", "f64"],
        advice: "decisions may depend on no hash order and no rounding; use BTreeMap, integers or \
                 Duration",
    },
    Ban {
        modules: &["engine", "discovery", "probe::rhythm"],
        words: &["rand", "random"],
        advice: "decisions draw no random numbers; shuffling is for `answers`, jitter an argument",
    },
];

/// Parts of the standard library that reach out of the program.
const WORLD: [&str; 6] = ["env", "fs", "io", "os", "process", "thread"];

/// Macros that say "not done".
const UNDONE: [&str; 2] = ["todo", "unimplemented"];

#[test]
fn pure_modules_do_without_the_world() {
    assert_none(RustTree::read("src/").files.iter().flat_map(banned).collect());
}

#[test]
fn wall_time_is_read_in_one_place() {
    let advice = "only src/clock.rs reads the wall clock; ask it";
    assert_only_in("src/clock.rs", "SystemTime", "clock", advice);
}

#[test]
fn texts_of_strangers_are_made_harmless_in_one_place() {
    let advice = "only src/plain_text.rs says what a text may not have; ask it";
    assert_only_in("src/plain_text.rs", "is_control", "plain text", advice);
}

fn assert_only_in(home: &str, wanted: &str, rule: &'static str, advice: &str) {
    let tree = RustTree::read("src/");
    let elsewhere = tree.files.iter().filter(|file| file.path != home);
    let faults = elsewhere.flat_map(|file| {
        let found = code_words(&file.text).filter(|(_, word)| *word == wanted);
        found.map(|(line, _)| Fault::new(&file.path, line, rule, advice))
    });
    assert_none(faults.collect());
}

#[test]
fn nothing_is_left_undone() {
    let faults = FOLDERS.into_iter().flat_map(|folder| {
        let files = RustTree::read(folder).files;
        files.iter().flat_map(undone).collect::<Vec<_>>()
    });
    assert_none(faults.collect());
}

fn banned(file: &RustFile) -> Vec<Fault> {
    let bans = BANS.iter().filter_map(|ban| Some((ban, one_of(ban.modules, file)?)));
    let faults = bans.flat_map(|(ban, module)| {
        let words = code_words(&file.text).filter(|(_, word)| ban.words.contains(word));
        words.map(move |(line, word)| {
            let advice = format!("`{word}` in `{module}`: {}", ban.advice);
            Fault::new(&file.path, line, "purity", advice)
        })
    });
    faults.chain(worldly(file)).collect()
}

/// The one of these modules that has `file`, if it is no test.
fn one_of(modules: &[&'static str], file: &RustFile) -> Option<&'static str> {
    let has = |module: &&str| {
        let path: Vec<_> = module.split("::").collect();
        !file.is_test && file.module.iter().take(path.len()).eq(&path)
    };
    modules.iter().copied().find(has)
}

/// What a pure module takes from [`WORLD`].
fn worldly(file: &RustFile) -> impl Iterator<Item = Fault> {
    let pure = one_of(PURE, file);
    let paths = named_paths(&file.text, &file.module, "pointsman").into_iter();
    let worldly = paths.filter(|path| {
        let second = path.segments.get(1).map_or("", String::as_str);
        !path.in_test && path.segments[0] == "std" && WORLD.contains(&second)
    });
    worldly.filter_map(move |path| {
        let advice = format!(
            "`{}` in `{}`: pure code talks to nobody; return a value, and let a shell act on it",
            path.segments.join("::"),
            pure?
        );
        Some(Fault::new(&file.path, path.line, "purity", advice))
    })
}

fn undone(file: &RustFile) -> Vec<Fault> {
    let mut faults = Vec::new();
    for name in UNDONE {
        let advice = format!("{name}! may not stay; finish it, or do not begin it");
        let calls = macro_calls(&file.text, name);
        faults.extend(calls.map(|line| Fault::new(&file.path, line, "undone", &*advice)));
    }
    for (at, token) in file.text.tokens.iter().enumerate() {
        if is_at(&file.text.tokens[at..], &["#", "[", "ignore"]) {
            let advice = "a test that does not run proves nothing; make it run, or delete it";
            faults.push(Fault::new(&file.path, token.line, "undone", advice));
        }
    }
    for comment in &file.text.comments {
        let mut words = comment.text.split(|c: char| !c.is_alphanumeric());
        if let Some(mark) = words.find(|word| matches!(*word, "TODO" | "FIXME" | "XXX" | "HACK")) {
            let advice = format!("{mark} in a comment; do it, or say in words what the limit is");
            faults.push(Fault::new(&file.path, comment.line, "undone", advice));
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::{banned, undone};
    use crate::tree::{RustFile, RustTree};

    fn file(path: &str, source: &str) -> RustFile {
        let mut tree = RustTree::of("src/", [(path.to_owned(), source.to_owned())]);
        tree.files.remove(0)
    }

    #[test]
    fn each_kind_of_impurity_is_found_in_code_and_only_there() {
        for source in [
            "\nuse std::time::Instant;",
            "\nasync fn f() {}",
            "\nstruct A(std::sync::Mutex<u8>);",
            "\nstatic A: u8 = 1;",
            "\nuse std::collections::HashMap;",
            "\nfn f(a: f64) {}",
            "\nfn f() { println!() }",
            "\nuse std::{fmt, fs::File};",
            "\nfn f() { std::env::var(x) }",
        ] {
            let found = banned(&file("src/engine/a.rs", source));
            assert_eq!(found.len(), 1, "{source}: {found:?}");
            assert_eq!(found[0].line, 2, "{found:?}");
        }
        for source in [
            "\nfn f(clock: &Clock) {}",
            "\nuse tokio::time::sleep_until;",
            "\nasync fn f() {}",
            "\nfn f() -> f64 { rand::random() }",
            "\nuse std::io::Read;",
        ] {
            for path in ["src/probe/rhythm/a.rs", "src/probe/rhythm/mod.rs"] {
                let found = banned(&file(path, source));
                assert!(!found.is_empty(), "{source}");
                assert!(found.iter().all(|fault| fault.line == 2), "{found:?}");
            }
        }
        for source in [
            "// an Instant, async\n",
            "const A: &str = \"f64\";",
            "fn f(a: &'static str) {}",
            "#[cfg(test)] mod tests { use std::collections::HashMap; }",
            "fn instant(io: Io) {}",
        ] {
            assert_eq!(banned(&file("src/engine/a.rs", source)), [], "{source}");
        }
        assert_eq!(banned(&file("src/answers/a.rs", "fn f(a: f64) {}")), []);
        assert_eq!(banned(&file("src/probe/a.rs", "async fn f() {}")), []);
        assert_eq!(banned(&file("src/probe/rhythm/a.rs", "fn f(a: f64) {}")), []);
    }

    #[test]
    fn what_is_undone_is_found() {
        for source in [
            "\nfn f() { todo!() }",
            "\nfn f() { unimplemented!(\"later\") }",
            "\n#[test] #[ignore] fn f() {}",
            "\n#[ignore = \"slow\"] fn f() {}",
            "\n// FIXME: later",
            "\n/* XXX */",
            "\n/// TODO(me): later",
        ] {
            let found = undone(&file("src/a.rs", source));
            assert_eq!(found.len(), 1, "{source}: {found:?}");
            assert_eq!(found[0].line, 2, "{found:?}");
        }
        for source in ["let a = \"FIXME\";", "// mytodo, ignored", "let ignore = todo;"] {
            assert_eq!(undone(&file("src/a.rs", source)), [], "{source}");
        }
    }
}
