//! The log: one line per change, with from, to and reason; people's words, or JSON where `[log]` asks
//! for it.
//!
//! `RUST_LOG` chooses what is logged, in the syntax of tracing-subscriber's `EnvFilter`, and wins over
//! the `level` of `[log]`.
//!
//! | level | what |
//! | --- | --- |
//! | ERROR | two servers are writable; a part of Pointsman has failed |
//! | WARN | a server is gone or needs its operator; an answer is not what its name promises |
//! | INFO | every other change |
//!
//! What stays wrong is logged again once a minute, and not more often; so is a state that should have
//! passed by then. Nobody ever waits for the
//! log to be written.

mod output;

use std::{
    env,
    error::Error,
    fmt::Display,
    io::{self, IsTerminal},
    panic,
};

use tracing::{Level, error, info, warn};
use tracing_subscriber::{EnvFilter, fmt, layer::SubscriberExt, util::SubscriberInitExt};

pub use self::output::{Log, Losses};
use crate::{
    config::{LogConfig, LogFormat},
    engine::{
        ClusterId, ClusterPolicy, Degradation, Engine, Event, ServerId, ServerIndex, ServerState,
        Standing, StateReason, Word, WriteReason,
    },
};

/// What is logged of the libraries at any level of ours, unless `RUST_LOG` says otherwise. hickory
/// logs each reply at info and each odd option at warn; a name server's log must not grow with its
/// queries.
const LIBRARIES: &str = "hickory_server=error,hickory_net=error,hickory_proto=error";

/// Starts logging to standard error, panics included. Call it once, first, and keep what it returns
/// to the very end.
pub fn start(config: LogConfig) -> Log {
    let default = format!("{},{LIBRARIES}", config.level.word());
    // The later of two directives about the same thing counts.
    let chosen = env::var("RUST_LOG").unwrap_or_default();
    let parsed = EnvFilter::try_new(format!("{default},{chosen}"));
    let fault = parsed.as_ref().err().map(ToString::to_string);
    let filter = parsed.unwrap_or_else(|_| EnvFilter::new(default));
    let registry = tracing_subscriber::registry().with(filter);
    let (log, lines) = output::to_standard_error();
    let text = || fmt::layer().with_target(false).with_ansi(io::stderr().is_terminal());
    match config.format {
        LogFormat::Json => {
            registry.with(fmt::layer().json().with_writer(lines).with_target(false)).init();
        }
        // The journal has the time of each line (systemd.exec(5)).
        LogFormat::Text if env::var_os("JOURNAL_STREAM").is_some() => {
            registry.with(text().without_time().with_writer(lines)).init();
        }
        LogFormat::Text => registry.with(text().with_writer(lines)).init(),
    }
    panic::set_hook(Box::new(|panic| error!("{panic}")));
    if let Some(fault) = fault {
        warn!("RUST_LOG is left out of account: {fault}");
    }
    log
}

/// An error with all its causes, on one line.
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

/// Logs one change. `name` is the served name that it is about, if it is about one.
pub fn log(event: &Event, name: Option<&str>, engine: &Engine) {
    match event {
        Event::State { server, from, to, reason, detail } => {
            let policy = engine.policy(server.cluster);
            let subject = Subject {
                event: "state",
                cluster: &policy.name,
                server: Some(server_name(policy, server.server)),
                name: None,
                detail: Some(&**detail).filter(|detail| !detail.is_empty()),
            };
            subject.log(state_level(*to, *reason), from, to, reason);
        }
        Event::Witness { server, check, from, to, detail } => {
            let policy = engine.policy(server.cluster);
            let subject = Subject {
                event: "witness",
                cluster: &policy.name,
                server: Some(server_name(policy, server.server)),
                name: None,
                detail: Some(&**detail).filter(|detail| !detail.is_empty()),
            };
            let (from, to) = (word(*from), word(*to));
            subject.log(witness_level(event), &from, &to, check);
        }
        Event::Write { cluster, from, to, reason } => {
            let policy = engine.policy(*cluster);
            let subject = Subject::of_name("write", policy, name);
            let (from, to) = (names(policy, from.as_slice()), names(policy, to.as_slice()));
            subject.log(write_level(*reason), &from, &to, reason);
        }
        Event::Read { cluster, from, to, reason, .. } => {
            let policy = engine.policy(*cluster);
            let subject = Subject::of_name("read", policy, name);
            let (from, to) = (names(policy, from), names(policy, to));
            subject.log(level(reason.degradation()), &from, &to, reason);
        }
        Event::Override { cluster, laid, turn } => {
            let policy = engine.policy(*cluster);
            info!(
                event = "override",
                cluster = &*policy.name,
                server = laid.wish.server().map(|server| server_name(policy, server)),
                author = &*laid.author,
                reason = &*laid.reason,
                "{} {turn}",
                laid.wish,
            );
        }
        Event::Accepted { cluster, accepted } => {
            let policy = engine.policy(*cluster);
            warn!(
                event = "accepted",
                cluster = &*policy.name,
                server = server_name(policy, accepted.server),
                author = &*accepted.by,
                reason = &*accepted.because,
                "its history is the cluster's from now on, by an operator's word",
            );
        }
        Event::Isolated => warn!(
            event = "isolated",
            "no server of any cluster answers: our own network is suspected, answers stand still"
        ),
        Event::Reconnected => {
            info!(event = "reconnected", "a server answers again: answers follow the probes");
        }
    }
}

/// Reminds of every server that is wrong and stays wrong, or that `is_overdue` to be otherwise.
/// Called once a minute.
pub fn remind(engine: &Engine, clusters: usize, is_overdue: impl Fn(Standing) -> bool) {
    for id in (0..clusters).map(ClusterId) {
        let policy = engine.policy(id);
        for index in (0..policy.servers.len()).map(ServerIndex::new) {
            let server = ServerId { cluster: id, server: index };
            let standing = engine.standing(server);
            if !is_wrong(standing.state, standing.reason) && !is_overdue(standing) {
                continue;
            }
            warn!(
                event = "still",
                cluster = &*policy.name,
                server = server_name(policy, index),
                to = %standing.state,
                reason = %standing.reason,
                detail = engine.failure_detail(server),
                "{}: still {}: {}",
                server_name(policy, index),
                standing.state,
                standing.reason,
            );
        }
    }
}

/// What a change is about. Fields that are `None` are not in the line.
struct Subject<'a> {
    event: &'static str,
    cluster: &'a str,
    server: Option<&'a str>,
    /// The served name.
    name: Option<&'a str>,
    /// The words of the failure behind it.
    detail: Option<&'a str>,
}

impl<'a> Subject<'a> {
    fn of_name(event: &'static str, policy: &'a ClusterPolicy, name: Option<&'a str>) -> Self {
        Self { event, cluster: &policy.name, server: None, name, detail: None }
    }

    fn log(&self, level: Level, from: &dyn Display, to: &dyn Display, reason: &dyn Display) {
        let Self { event, cluster, server, name, detail } = *self;
        let subject = name.or(server).unwrap_or(cluster);
        // The level of a line is a constant of its call site, so there is one call per level.
        macro_rules! line {
            ($level:ident) => {
                $level!(
                    event,
                    cluster,
                    server,
                    name,
                    %from,
                    %to,
                    %reason,
                    detail,
                    "{subject}: {from} -> {to}: {reason}"
                )
            };
        }
        match level {
            Level::ERROR => line!(error),
            Level::WARN => line!(warn),
            _ => line!(info),
        }
    }
}

fn state_level(to: ServerState, reason: StateReason) -> Level {
    if is_wrong(to, reason) { Level::WARN } else { Level::INFO }
}

/// Whether a server's state is one that somebody should look at. A primary may be read-only because
/// somebody wants it to be; nobody wants writes to hang.
fn is_wrong(state: ServerState, reason: StateReason) -> bool {
    state == ServerState::Down || state.is_alarming() || reason == StateReason::CannotWrite
}

/// A witness that speaks against a server, or nothing any more, is worth a look; one that wishes it
/// out was asked to.
fn witness_level(event: &Event) -> Level {
    match event {
        Event::Witness { to: None | Some(Word::Down | Word::NotLeader), .. } => Level::WARN,
        _ => Level::INFO,
    }
}

/// The word of a witness; `silent` when it says nothing.
fn word(word: Option<Word>) -> String {
    word.map_or_else(|| "silent".to_owned(), |word| word.to_string())
}

fn write_level(reason: WriteReason) -> Level {
    match reason {
        WriteReason::HeldSplitBrain | WriteReason::SplitBrain => Level::ERROR,
        other => level(other.degradation()),
    }
}

fn level(degradation: Degradation) -> Level {
    match degradation {
        Degradation::None | Degradation::NotReady => Level::INFO,
        Degradation::Stale | Degradation::Fallback => Level::WARN,
    }
}

fn server_name(policy: &ClusterPolicy, server: ServerIndex) -> &str {
    &policy.servers[server.place()].name
}

/// `db1 db2`; `none` for no server.
fn names(policy: &ClusterPolicy, servers: &[ServerIndex]) -> String {
    let names: Vec<_> = servers.iter().map(|server| server_name(policy, *server)).collect();
    if names.is_empty() { "none".to_owned() } else { names.join(" ") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::ReadReason;

    #[test]
    fn an_error_is_told_with_its_causes() {
        #[derive(Debug, thiserror::Error)]
        #[error("cannot start")]
        struct Outer(#[source] io::Error);
        assert_eq!(chain(&Outer(io::Error::other("no room"))), "cannot start: no room");
        assert_eq!(chain(&io::Error::other("no room")), "no room");
    }

    #[test]
    fn the_default_filter_is_understood() {
        EnvFilter::try_new(LIBRARIES).expect("directives of the right form");
        EnvFilter::try_new(format!("info,{LIBRARIES},")).expect("and without any of RUST_LOG");
    }

    #[test]
    fn the_level_says_who_should_care() {
        for (state, reason, level) in [
            (ServerState::Down, StateReason::NotProbedYet, Level::WARN),
            (ServerState::StalePrimary, StateReason::NotRejoined, Level::WARN),
            (ServerState::ReadOnlyPrimary, StateReason::TransactionReadOnly, Level::INFO),
            (ServerState::ReadOnlyPrimary, StateReason::CannotWrite, Level::WARN),
            (ServerState::ReplicaLagging, StateReason::Fresh, Level::INFO),
        ] {
            assert_eq!(state_level(state, reason), level, "{state} {reason}");
        }
        assert_eq!(write_level(WriteReason::Primary), Level::INFO);
        assert_eq!(write_level(WriteReason::Held(ServerState::Down)), Level::WARN);
        assert_eq!(write_level(WriteReason::NoPrimaryKnown), Level::WARN);
        assert_eq!(write_level(WriteReason::SplitBrain), Level::ERROR);
        assert_eq!(level(ReadReason::Eligible.degradation()), Level::INFO);
        assert_eq!(level(ReadReason::LastKnown.degradation()), Level::WARN);
    }
}
