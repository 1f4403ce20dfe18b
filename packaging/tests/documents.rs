//! What goes with the program speaks of the commands that it has: the man pages, the completions and
//! the run-books.

use std::{fs, path::Path, process::Command};

use clap::{CommandFactory, Parser};
use pointsman::cli::CommandLine;
use pointsman_testbed::account::run;

const RUN_BOOKS: &str = include_str!("../../docs/OPERATING.md");

#[test]
fn every_command_has_its_page_and_is_completed() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    run(Command::new(env!("CARGO_BIN_EXE_pointsman-packaging")).arg(folder.path()));
    let pages = folder.path().join("man");
    let mut expected = Vec::new();
    names_below(&CommandLine::command(), "pointsman", &mut expected);
    assert!(expected.len() > 5, "{expected:?}");
    for name in &expected {
        let page = text(&pages.join(format!("{name}.1")));
        assert!(page.contains(".SH SYNOPSIS"), "{name}: {page}");
    }
    assert_eq!(fs::read_dir(&pages).expect("it is there").count(), expected.len());
    for shell in ["pointsman.bash", "_pointsman", "pointsman.fish"] {
        let script = text(&folder.path().join("completions").join(shell));
        for command in CommandLine::command().get_subcommands() {
            assert!(script.contains(command.get_name()), "{shell} lacks {}", command.get_name());
        }
    }
}

/// The names of the pages of `command`, which is called `name`, and of all below it.
fn names_below(command: &clap::Command, name: &str, names: &mut Vec<String>) {
    names.push(name.to_owned());
    for below in command.get_subcommands().filter(|below| !below.is_hide_set()) {
        names_below(below, &format!("{name}-{}", below.get_name()), names);
    }
}

#[test]
fn the_run_books_say_commands_that_there_are() {
    let mut said: Vec<_> = RUN_BOOKS
        .lines()
        .filter(|line| line.starts_with("pointsman "))
        .map(|line| line.split(" #").next().unwrap_or(line))
        .collect();
    // Those in the text, between backticks; placeholders in capitals are words like others.
    said.extend(
        RUN_BOOKS.split('`').skip(1).step_by(2).filter(|code| code.starts_with("pointsman ")),
    );
    assert!(said.len() > 20, "{said:?}");
    for line in said {
        let read = CommandLine::try_parse_from(words(line));
        assert!(
            read.is_ok(),
            "`{line}`: {}",
            read.err().map(|e| e.to_string()).unwrap_or_default()
        );
    }
}

/// The words of a shell's line, where quotes hold several together.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (number, part) in line.split('"').enumerate() {
        if number % 2 == 1 {
            words.push(part.to_owned());
        } else {
            words.extend(part.split_whitespace().map(str::to_owned));
        }
    }
    words
}

fn text(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
