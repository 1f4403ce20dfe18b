//! The `pointsman` command: reads the command line, runs one command, returns its exit code.

use std::{
    io::{self, Write},
    process::ExitCode,
};

use clap::Parser;
use pointsman::{
    app,
    cli::{
        BAD_CONFIGURATION, CheckOptions, Command, CommandLine, DemoOptions, GrantsEngine,
        GrantsOptions, Out, ServeOptions, USAGE, change, check, events, hint, look, probe,
        sessions,
    },
    config::Config,
    demo,
    inherited::Inherited,
    probe::grants,
    telemetry,
};
use tokio::runtime::Runtime;
use tracing::error;

fn main() -> ExitCode {
    let (output, errors) = (&mut io::stdout(), &mut io::stderr());
    let out = Out { output, errors };
    let outcome = match CommandLine::parse().command {
        Command::Serve(options) => return serve(&options),
        Command::CheckConfig(options) => return check_config(&options),
        Command::Demo(options) => return demo(&options),
        Command::Grants(options) => return grants(&options),
        Command::Hint(options) => hint::run(&options, out.output, out.errors),
        Command::Status(options) => look::status(&options, out),
        Command::Why(options) => look::why(&options, out),
        Command::Sessions(options) => sessions::run(&options, out),
        Command::Explain(options) => look::explain(&options, out),
        Command::WhatIf(options) => look::what_if(&options, out),
        Command::Probe(options) => probe::run(&options, out),
        Command::Events(options) => events::run(&options, out),
        Command::Drain(options) => change::drain(&options, out),
        Command::Undrain(options) => change::undrain(&options, out),
        Command::Pin(options) => change::pin(&options, out),
        Command::Unpin(options) => change::unpin(&options, out),
        Command::Freeze(options) => change::freeze(&options, out),
        Command::Thaw(options) => change::thaw(&options, out),
        Command::Maintenance(options) => change::maintenance(&options, out),
        Command::Accept(options) => change::accept(&options, out),
        Command::Server(command) => change::server(&command, out),
        Command::Reload(options) => change::reload(&options, out),
        Command::Config(options) => change::config(&options, out),
    };
    outcome.map_or(ExitCode::FAILURE, ExitCode::from)
}

/// Answers DNS until a signal says otherwise.
fn serve(options: &ServeOptions) -> ExitCode {
    // First of all, for it changes the environment, which threads may read.
    let inherited = Inherited::from_environment();
    let config = match Config::load(&options.config) {
        Ok(config) => config,
        Err(faults) => {
            let reported = check::report(&faults, &mut io::stderr());
            return reported.map_or(ExitCode::FAILURE, |()| ExitCode::from(BAD_CONFIGURATION));
        }
    };
    let log = telemetry::start();
    let inherited = match inherited {
        Ok(inherited) => inherited,
        Err(fault) => {
            error!("cannot start: {}", telemetry::chain(&fault));
            return ExitCode::FAILURE;
        }
    };
    let runtime = match Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            error!("cannot start the runtime: {error}");
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(app::serve(config, inherited, log.losses())) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            error!("{}", telemetry::chain(&failure));
            ExitCode::FAILURE
        }
    }
}

fn check_config(options: &CheckOptions) -> ExitCode {
    let outcome = match options.json {
        true => check::run_json(&options.file, &mut io::stdout()),
        false => check::run(&options.file, &mut io::stdout(), &mut io::stderr()),
    };
    outcome.map_or(ExitCode::FAILURE, ExitCode::from)
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
    let version = options.server_version.as_deref();
    let sql = match options.engine {
        GrantsEngine::Postgres => grants::for_postgres(version),
        GrantsEngine::Mysql => grants::for_mysql(version),
    };
    match sql {
        Ok(sql) => {
            io::stdout().write_all(sql.as_bytes()).map_or(ExitCode::FAILURE, |()| ExitCode::SUCCESS)
        }
        Err(unknown) => {
            _ = writeln!(io::stderr(), "{unknown}");
            ExitCode::from(USAGE)
        }
    }
}
