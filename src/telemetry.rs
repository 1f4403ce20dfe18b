//! The log: one line per change, with from, to and reason; people's words on a terminal, JSON otherwise.
//!
//! `RUST_LOG` chooses what is logged, in the syntax of tracing-subscriber's `EnvFilter`.

use std::io::{self, IsTerminal};

use tracing::{Level, debug, error, info, warn};
use tracing_subscriber::{
    EnvFilter, filter::Directive, fmt, layer::SubscriberExt, util::SubscriberInitExt,
};

use crate::engine::{
    ClusterId, ClusterPolicy, Degradation, Engine, Event, ServerId, ServerIndex, ServerState,
    StateReason, WriteReason,
};

/// hickory logs each reply at info and each odd option at warn; a name server's log must not grow with its queries.
const QUIET: [&str; 3] = ["hickory_server=error", "hickory_net=error", "hickory_proto=error"];

/// Starts logging to standard error. Call it once, first.
pub fn start() {
    let quiet = QUIET.iter().filter_map(|text| text.parse::<Directive>().ok());
    let chosen = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let filter = quiet.fold(chosen, EnvFilter::add_directive);
    let registry = tracing_subscriber::registry().with(filter);
    if io::stderr().is_terminal() {
        registry.with(fmt::layer().with_writer(io::stderr).with_target(false)).init();
    } else {
        registry.with(fmt::layer().json().with_writer(io::stderr).with_target(false)).init();
    }
}

/// Logs one change.
pub fn log(event: &Event, engine: &Engine) {
    match event {
        Event::State { server, from, to, reason, detail } => {
            let policy = engine.policy(server.cluster);
            let (cluster, name) = (&*policy.name, server_name(policy, server.server));
            let line = Line { event: "state", cluster, server: name, detail };
            line.log(state_level(*to, *reason), from, to, reason);
        }
        Event::Write { cluster, from, to, reason } => {
            let policy = engine.policy(*cluster);
            let line = Line { event: "write", cluster: &policy.name, server: "", detail: "" };
            let (from, to) = (published(policy, *from), published(policy, *to));
            line.log(write_level(*reason), &from, &to, reason);
        }
        Event::Read { cluster, name: _, from, to, reason } => {
            let policy = engine.policy(*cluster);
            let line = Line { event: "read", cluster: &policy.name, server: "", detail: "" };
            let level = match reason.degradation() {
                Degradation::None | Degradation::NotReady => Level::INFO,
                Degradation::Stale | Degradation::Fallback => Level::WARN,
            };
            line.log(level, &all(policy, from), &all(policy, to), reason);
        }
        Event::Isolated => {
            warn!(
                event = "isolated",
                "no server of any cluster answers: our own network is suspected, answers stand still"
            );
        }
        Event::Reconnected => {
            info!(event = "reconnected", "a server answers again: answers follow the probes");
        }
    }
}

/// Reminds of everything that is wrong and stays wrong. Called once a minute.
pub fn remind(engine: &Engine, clusters: usize) {
    for id in (0..clusters).map(ClusterId) {
        let policy = engine.policy(id);
        for index in (0..policy.servers.len()).map(ServerIndex) {
            let server = ServerId { cluster: id, server: index };
            let standing = engine.standing(server);
            if state_level(standing.state, standing.reason) == Level::INFO {
                debug!(cluster = &*policy.name, server = server_name(policy, index), state = %standing.state);
                continue;
            }
            warn!(
                event = "still",
                cluster = &*policy.name,
                server = server_name(policy, index),
                to = %standing.state,
                reason = %standing.reason,
                detail = engine.failure_detail(server).unwrap_or_default(),
                "still {}",
                standing.state,
            );
        }
    }
}

/// The part of a log line that every event has.
struct Line<'a> {
    event: &'a str,
    cluster: &'a str,
    server: &'a str,
    detail: &'a str,
}

impl Line<'_> {
    fn log(
        &self,
        level: Level,
        from: &dyn std::fmt::Display,
        to: &dyn std::fmt::Display,
        reason: &dyn std::fmt::Display,
    ) {
        let Self { event, cluster, server, detail } = self;
        // The level of an event is a constant of its call site, so there is one call per level.
        macro_rules! line {
            ($level:ident) => {
                $level!(event, cluster, server, %from, %to, %reason, detail, "{from} -> {to}: {reason}")
            };
        }
        match level {
            Level::ERROR => line!(error),
            Level::WARN => line!(warn),
            _ => line!(info),
        }
    }
}

/// A primary may say that it is read-only because somebody wants it to be; nobody wants writes to
/// hang.
fn state_level(to: ServerState, reason: StateReason) -> Level {
    match (to, reason) {
        (ServerState::Down, _) | (_, StateReason::CannotWrite) => Level::WARN,
        (state, _) if state.is_alarming() => Level::WARN,
        _ => Level::INFO,
    }
}

fn write_level(reason: WriteReason) -> Level {
    match reason {
        WriteReason::HeldSplitBrain | WriteReason::SplitBrain => Level::ERROR,
        other if other.degradation() == Degradation::None => Level::INFO,
        _ => Level::WARN,
    }
}

fn server_name(policy: &ClusterPolicy, server: ServerIndex) -> &str {
    &policy.servers[server.0].name
}

fn published(policy: &ClusterPolicy, server: Option<ServerIndex>) -> String {
    server.map_or_else(|| "nobody".to_owned(), |server| server_name(policy, server).to_owned())
}

fn all(policy: &ClusterPolicy, servers: &[ServerIndex]) -> String {
    match servers {
        [] => "nobody".to_owned(),
        servers => {
            servers.iter().map(|server| server_name(policy, *server)).collect::<Vec<_>>().join(" ")
        }
    }
}
