//! Writes what a package ships beside the program, from the same definitions that parse the command
//! line: `pointsman-packaging FOLDER` fills `FOLDER/man` and `FOLDER/completions`.
//!
//! Nothing of it is kept in the repository, so that nothing of it can be out of date.

#![expect(clippy::print_stderr, reason = "a tool for whoever builds a package")]

use std::{env, fs, io, path::Path, process::ExitCode};

use clap::CommandFactory;
use clap_complete::{Shell, generate_to};
use pointsman::cli::CommandLine;

/// The shells that packages of Debian have a folder for.
const SHELLS: [Shell; 3] = [Shell::Bash, Shell::Zsh, Shell::Fish];

fn main() -> ExitCode {
    let mut arguments = env::args_os().skip(1);
    let (Some(folder), None) = (arguments.next(), arguments.next()) else {
        eprintln!("usage: pointsman-packaging FOLDER");
        return ExitCode::from(2);
    };
    match write(Path::new(&folder)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("cannot write below {}: {error}", Path::new(&folder).display());
            ExitCode::FAILURE
        }
    }
}

fn write(folder: &Path) -> io::Result<()> {
    let (pages, completions) = (folder.join("man"), folder.join("completions"));
    for made in [&pages, &completions] {
        // What an earlier version wrote, and this one has no more, must not stay.
        if made.exists() {
            fs::remove_dir_all(made)?;
        }
        fs::create_dir_all(made)?;
    }
    for shell in SHELLS {
        generate_to(shell, &mut CommandLine::command(), "pointsman", &completions)?;
    }
    // One page for each command that is not hidden: `pointsman-server-add.1`.
    clap_mangen::generate_to(CommandLine::command(), &pages)
}
