//! The `pointsman` command: reads the command line, runs one command, returns its exit code.

use std::{
    io::{self, Write},
    process::ExitCode,
};

use clap::Parser;
use pointsman::{
    app::App,
    cli::{
        BAD_CONFIGURATION, Command, CommandLine, DemoOptions, GrantsOptions, ServeOptions, USAGE,
        check, grants,
    },
    config::Config,
    demo, telemetry,
};
use tokio::runtime::Runtime;
use tracing::{error, info};

fn main() -> ExitCode {
    match CommandLine::parse().command {
        Command::Serve(options) => serve(&options),
        Command::CheckConfig(options) => {
            let outcome = match options.json {
                true => check::run_json(&options.file, &mut io::stdout()),
                false => check::run(&options.file, &mut io::stdout(), &mut io::stderr()),
            };
            outcome.map_or(ExitCode::FAILURE, ExitCode::from)
        }
        Command::Demo(options) => demo(&options),
        Command::Grants(options) => grants(&options),
    }
}

/// Answers DNS until a signal says otherwise.
fn serve(options: &ServeOptions) -> ExitCode {
    let config = match Config::load(&options.config) {
        Ok(config) => config,
        Err(faults) => {
            let reported = check::report(&faults, &mut io::stderr());
            return reported.map_or(ExitCode::FAILURE, |()| ExitCode::from(BAD_CONFIGURATION));
        }
    };
    telemetry::start();
    let runtime = match Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            error!("cannot start the runtime: {error}");
            return ExitCode::FAILURE;
        }
    };
    runtime.block_on(async {
        match App::start(config, None) {
            Ok(app) => {
                for address in app.local_addresses() {
                    info!(%address, "answering DNS by UDP and TCP");
                }
                app.run().await
            }
            Err(error) => {
                error!("cannot start: {error}");
                ExitCode::FAILURE
            }
        }
    })
}

/// Tells the demo's story. It has no log: the story says what happens.
fn demo(options: &DemoOptions) -> ExitCode {
    match Runtime::new() {
        Ok(runtime) => {
            runtime.block_on(demo::run(demo::Options { once: options.once, port: options.port }))
        }
        Err(error) => {
            _ = writeln!(io::stderr(), "cannot start the runtime: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Prints the SQL for the probe's user.
fn grants(options: &GrantsOptions) -> ExitCode {
    match grants::text(options) {
        Ok(sql) => {
            io::stdout().write_all(sql.as_bytes()).map_or(ExitCode::FAILURE, |()| ExitCode::SUCCESS)
        }
        Err(fault) => {
            _ = writeln!(io::stderr(), "{fault}");
            ExitCode::from(USAGE)
        }
    }
}
