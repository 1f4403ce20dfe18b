//! The `pointsman` command: reads the command line, runs one command, returns its exit code.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    io::{self, Write},
    process::ExitCode,
};

use clap::Parser;
use pointsman::{
    app,
    cli::{
        self, ActionWord, BAD_CONFIGURATION, ClientError, Command, CommandLine, DemoOptions,
        FAILED, FollowOptions, GrantsEngine, GrantsOptions, INTERRUPTED, InitOptions, OUT_OF_TIME,
        Out, ReasonWord, RehearseOptions, ServeOptions, TlsChoice, USAGE,
    },
    config::{Config, LogConfig, TlsMode},
    demo,
    follow::{self, Action, CutReason, Limits, Port, Rules, Settings},
    inherited::Inherited,
    init::{self, EngineKind, InitError},
    probe::grants,
    process_group,
    rehearsal::{self, Credentials, End, RehearsalError},
    resolv_conf, telemetry, threads,
};
use tokio::runtime::Runtime;
use tracing::{error, info};

fn main() -> ExitCode {
    let out = Out { output: &mut io::stdout(), errors: &mut io::stderr() };
    let outcome = match CommandLine::parse().command {
        Command::Init(options) => init(*options, out),
        Command::Serve(options) => return serve(&options),
        Command::CheckConfig(options) => cli::check_config(&options, out),
        Command::Demo(options) => return demo(&options),
        Command::Follow(options) => return follow(*options),
        Command::Rehearse(options) => rehearse(&options, out),
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

/// Follows names until a signal says otherwise, or shows what somebody who follows tells.
fn follow(options: FollowOptions) -> ExitCode {
    if options.status || options.metrics {
        let told = match follow::ask(&options.socket) {
            Ok(report) if options.metrics => io::stdout().write_all(report.metrics().as_bytes()),
            Ok(report) => io::stdout().write_all(report.picture().as_bytes()),
            Err(error) => {
                _ = writeln!(io::stderr(), "{error}");
                return ExitCode::FAILURE;
            }
        };
        return told.map_or(ExitCode::FAILURE, |()| ExitCode::SUCCESS);
    }
    process_group::keep_rights_from_programs();
    let format = options.log_format.map_or_else(Default::default, Into::into);
    let settings = match settings(options) {
        Ok(settings) => settings,
        Err(what) => {
            _ = writeln!(io::stderr(), "{what}");
            return ExitCode::from(USAGE);
        }
    };
    let _log = telemetry::start(LogConfig { format, ..LogConfig::default() });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => {
            error!("cannot start the runtime: {error}");
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(follow::run(settings)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            error!("{}", telemetry::chain(&fault));
            ExitCode::FAILURE
        }
    }
}

/// What the options of `follow` come to.
fn settings(options: FollowOptions) -> Result<Settings, String> {
    let user = |text: &String| {
        let number = follow::user(text);
        number.ok_or_else(|| format!("there is no user `{text}` on this host; give its number"))
    };
    let mut never_uids = follow::database_accounts();
    for text in &options.never_uid {
        never_uids.insert(user(text)?);
    }
    let mut cgroups = BTreeSet::new();
    for path in &options.cgroup {
        let numbers = follow::cgroups(path);
        if numbers.is_empty() {
            return Err(format!("there is no control group `{path}` below /sys/fs/cgroup"));
        }
        cgroups.extend(numbers);
    }
    let limits = Limits {
        uids: options.uid.iter().map(user).collect::<Result<_, _>>()?,
        never_uids,
        processes: options.process.into_iter().map(Into::into).collect(),
        cgroups,
        ports: options.only_port.into_iter().collect(),
        never_networks: options.ignore,
        at_most: options.at_most,
    };
    let rules = options.rules.iter().fold(Rules::default(), |rules, (reason, action)| {
        let reason = match reason {
            ReasonWord::Down => CutReason::Down,
            ReasonWord::Writable => CutReason::Writable,
            ReasonWord::Alive => CutReason::Alive,
            ReasonWord::Untold => CutReason::Untold,
            ReasonWord::Silent => CutReason::Silent,
        };
        let action = match action {
            ActionWord::Leave => Action::Leave,
            ActionWord::Grace => Action::Grace,
            ActionWord::Now => Action::Now,
        };
        rules.with(reason, action)
    });
    Ok(Settings {
        names: options.names.into_iter().map(Into::into).collect(),
        server: options.server.ok_or("--server says who is asked")?,
        port: options.port.map_or(Port::BySrv, Port::Given),
        interval: options.interval,
        grace: options.grace,
        rules,
        limits,
        dry_run: options.dry_run,
        flush: !options.no_flush,
        hooks: options.hook,
        socket: Some(options.socket),
    })
}

/// Watches a switchover, and writes the report. Returns the exit code.
fn rehearse(options: &RehearseOptions, out: Out<'_>) -> io::Result<u8> {
    let Out { output, errors } = out;
    // Before somebody switches over for a report that cannot be written.
    for path in [&options.report, &options.json].into_iter().flatten() {
        if let Err(error) = File::create(path) {
            writeln!(errors, "cannot write the report to `{}`: {error}", path.display())?;
            return Ok(FAILED);
        }
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let told = options.service.client().map_err(RehearsalError::from).and_then(|client| {
        let settings = rehearsal_settings(options, client);
        runtime.block_on(rehearsal::run(settings, |line| _ = writeln!(errors, "{line}")))
    });
    let findings = match told {
        Ok(findings) => findings,
        Err(RehearsalError::Service(ClientError::Config(faults))) => {
            return cli::report(&faults, errors).map(|()| BAD_CONFIGURATION);
        }
        Err(error) => return writeln!(errors, "{error}").map(|()| FAILED),
    };
    match &options.report {
        Some(path) => fs::write(path, findings.markdown())?,
        None => output.write_all(findings.markdown().as_bytes())?,
    }
    if let Some(path) = &options.json {
        fs::write(path, findings.json())?;
    }
    writeln!(errors, "{}", findings.headline())?;
    Ok(match findings.end {
        End::Interrupted => INTERRUPTED,
        End::TimedOut if !findings.has_moved() => OUT_OF_TIME,
        End::Complete | End::TimedOut if findings.has_passed() => 0,
        End::Complete | End::TimedOut => FAILED,
    })
}

/// What the options of `rehearse` come to.
fn rehearsal_settings(options: &RehearseOptions, client: cli::Client) -> rehearsal::Settings {
    let resolvers = match &options.resolver[..] {
        [] => resolv_conf::named(&fs::read_to_string(resolv_conf::FILE).unwrap_or_default()),
        given => given.to_vec(),
    };
    rehearsal::Settings {
        cluster: options.cluster.clone(),
        client,
        resolvers,
        credentials: Credentials {
            user: options.user.clone(),
            password_file: options.password_file.clone(),
            database: options.database.clone(),
            tls: match options.tls {
                TlsChoice::Disable => TlsMode::Disable,
                TlsChoice::Prefer => TlsMode::Prefer,
                TlsChoice::Require => TlsMode::Require,
            },
        },
        table: options.table.clone(),
        target: options.target,
        timeout: options.timeout,
    }
}

/// Writes the configuration for a cluster that is found.
fn init(options: InitOptions, out: Out<'_>) -> io::Result<u8> {
    let settings = init::Settings {
        from: options.from,
        zone: options.zone.into(),
        engine: options.engine.map(|engine| match engine {
            GrantsEngine::Postgres => EngineKind::Postgres,
            GrantsEngine::Mysql => EngineKind::MySql,
            GrantsEngine::Mariadb => EngineKind::MariaDb,
        }),
        cluster: options.cluster.map(Into::into),
        user: options.user.map(Into::into),
        out: options.out,
        listen: options.listen,
        create_user: options.create_user,
        yes: options.yes,
        dry_run: options.dry_run,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let Err(fault) = runtime.block_on(init::run(&settings, out.output)) else { return Ok(0) };
    out.output.flush()?;
    writeln!(out.errors, "{fault}")?;
    Ok(match fault {
        InitError::Faults(_) => BAD_CONFIGURATION,
        InitError::NobodyToAsk => USAGE,
        _ => FAILED,
    })
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
