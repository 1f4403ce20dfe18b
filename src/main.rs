//! The `pointsman` command: reads the command line, runs one command, returns its exit code.

use std::{
    io::{self, Write},
    process::ExitCode,
};

use clap::Parser;
use pointsman::cli::{Command, CommandLine, DemoOptions, GrantsOptions, ServeOptions, check};

fn main() -> ExitCode {
    match CommandLine::parse().command {
        Command::Serve(options) => serve(&options),
        Command::CheckConfig(options) => {
            let outcome = check::run(&options.file, &mut io::stdout(), &mut io::stderr());
            outcome.map_or(ExitCode::FAILURE, ExitCode::from)
        }
        Command::Demo(options) => demo(&options),
        Command::Grants(options) => grants(&options),
    }
}

// TO BE WIRED: the three arms below have no module to call on this branch.

fn serve(options: &ServeOptions) -> ExitCode {
    unwired(&format!("serve --config {}", options.config.display()))
}

fn demo(options: &DemoOptions) -> ExitCode {
    unwired(&format!("demo, once: {}, port: {:?}", options.once, options.port))
}

fn grants(options: &GrantsOptions) -> ExitCode {
    unwired(&format!("grants {:?}", options.engine))
}

fn unwired(command: &str) -> ExitCode {
    _ = writeln!(io::stderr(), "not wired: {command}");
    ExitCode::FAILURE
}
