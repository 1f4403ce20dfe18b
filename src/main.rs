//! The `pointsman` command: reads the command line, runs one command, returns its exit code.

use std::{
    io::{self, Write},
    process::ExitCode,
};

use clap::Parser;
use pointsman::{
    app,
    cli::{
        self, BAD_CONFIGURATION, Command, CommandLine, DemoOptions, GrantsEngine, GrantsOptions,
        Out, ServeOptions, USAGE,
    },
    config::{Config, LogConfig},
    demo,
    inherited::Inherited,
    probe::grants,
    process_group, telemetry, threads,
};
use tokio::runtime::Runtime;
use tracing::{error, info};

fn main() -> ExitCode {
    let out = Out { output: &mut io::stdout(), errors: &mut io::stderr() };
    let outcome = match CommandLine::parse().command {
        Command::Serve(options) => return serve(&options),
        Command::CheckConfig(options) => cli::check_config(&options, out),
        Command::Demo(options) => return demo(&options),
        Command::Grants(options) => grants(&options, out),
        Command::SecondaryConfig(options) => cli::secondary_config(&options, out),
        Command::Version => {
            writeln!(out.output, "{} {}", env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"))
                .map(|()| 0)
        }
        Command::Service(command) => cli::run(&command, out),
    };
    outcome.map_or(ExitCode::FAILURE, ExitCode::from)
}

/// Answers DNS until a signal says otherwise.
fn serve(options: &ServeOptions) -> ExitCode {
    // First of all, for it changes the environment, which threads may read.
    let inherited = Inherited::from_environment();
    process_group::keep_rights_from_programs();
    let config = match Config::load(&options.config) {
        Ok(config) => config,
        Err(faults) => {
            let reported = cli::report(&faults, &mut io::stderr());
            return reported.map_or(ExitCode::FAILURE, |()| ExitCode::from(BAD_CONFIGURATION));
        }
    };
    // Before the log, which is a thread as well.
    if let Err(fault) = threads::provide(app::threads_needed(&config)) {
        _ = writeln!(io::stderr(), "cannot start: {fault}");
        return ExitCode::FAILURE;
    }
    let format = options.log_format.map_or(config.log.format, Into::into);
    let log = telemetry::start(LogConfig { format, ..config.log });
    info!(
        event = "start",
        version = env!("CARGO_PKG_VERSION"),
        config = %options.config.display(),
        "pointsman {} starts with {}: {}",
        env!("CARGO_PKG_VERSION"),
        options.config.display(),
        cli::summary(&config),
    );
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

/// Tells the demo's story. It has no log: the story says what happens.
fn demo(options: &DemoOptions) -> ExitCode {
    if let Err(fault) = threads::provide(app::runtime_threads()) {
        _ = writeln!(io::stderr(), "cannot start: {fault}");
        return ExitCode::FAILURE;
    }
    match Runtime::new() {
        Ok(runtime) => {
            let DemoOptions { once, port, http, socket } = options.clone();
            runtime.block_on(demo::run(demo::Options { once, port, http, socket }))
        }
        Err(error) => {
            _ = writeln!(io::stderr(), "cannot start the runtime: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Prints the SQL for the probe's user.
fn grants(options: &GrantsOptions, out: Out<'_>) -> io::Result<u8> {
    let version = options.server_version.as_deref();
    let sql = match options.engine {
        GrantsEngine::Postgres => grants::for_postgres(version),
        GrantsEngine::Mysql => grants::for_mysql(version),
        GrantsEngine::Mariadb => grants::for_mariadb(version),
    };
    match sql {
        Ok(sql) => out.output.write_all(sql.as_bytes()).map(|()| 0),
        Err(unknown) => {
            _ = writeln!(out.errors, "{unknown}");
            Ok(USAGE)
        }
    }
}
