//! Metrics of what is now: clusters, names, servers, overrides and hooks, as the status has them.

use super::{
    encoder::{Encoder, Family},
    families as family,
};
use crate::{
    engine::{Degradation, ServerState, Stability},
    hooks::HookTally,
    metrics::DiscoveryReports,
    push::{PushState, PushView},
    report::{FindStanding, NameView, Override, ServerView, Severity},
    status::Status,
    transfer::SecondaryView,
    wall_time::WallTime,
};

/// Appends those of clusters.
pub fn encode(encoder: &mut Encoder, status: &Status, discovered: &DiscoveryReports) {
    names(encoder, status);
    clusters(encoder, status);
    servers(encoder, status);
    discovery(encoder, discovered);
    overrides(encoder, status);
}

/// What was found, and how old what the sources said is.
fn discovery(encoder: &mut Encoder, reports: &DiscoveryReports) {
    let reports = reports.all();
    encoder.family(&family::DISCOVERED);
    for (report, _) in &reports {
        for state in ["sighted", "examined", "kin", "member", "leaving", "forgotten"] {
            let so = report.finds.iter().filter(|find| *find.state == *state).count();
            encoder.sample(&family::DISCOVERED, &[&report.cluster, state], so);
        }
        let strangers =
            report.finds.iter().filter(|find| find.standing == FindStanding::Stranger).count();
        encoder.sample(&family::DISCOVERED, &[&report.cluster, "stranger"], strangers);
    }
    encoder.family(&family::SOURCE_AGE);
    for (report, age) in &reports {
        for source in &report.sources {
            if let Some(seconds) = source.age_seconds {
                let labels = [&*report.cluster, &*source.source];
                encoder.sample(&family::SOURCE_AGE, &labels, seconds + age.as_secs());
            }
        }
    }
}

/// Appends those of hooks.
pub fn hooks(encoder: &mut Encoder, hooks: &[HookTally]) {
    encoder.family(&family::HOOK_RUNS);
    for HookTally { name, runs, failures, .. } in hooks {
        let told = runs.saturating_sub(*failures);
        encoder.sample(&family::HOOK_RUNS, &[name, "told"], told);
        encoder.sample(&family::HOOK_RUNS, &[name, "failed"], failures);
    }
    let mut each = |family: &Family, value: &dyn Fn(&HookTally) -> u64| {
        encoder.family(family);
        for hook in hooks {
            encoder.sample(family, &[&hook.name], value(hook));
        }
    };
    each(&family::HOOK_PENDING, &|hook| u64::try_from(hook.pending).unwrap_or(u64::MAX));
    each(&family::HOOK_DROPPED, &|hook| hook.dropped);
    each(&family::HOOK_FAILING, &|hook| u64::from(hook.failing_since.is_some()));
}

/// Appends those of secondaries.
pub fn secondaries(encoder: &mut Encoder, secondaries: &[SecondaryView]) {
    encoder.family(&family::SECONDARY_SERIAL);
    for SecondaryView { zone, name, serial, .. } in secondaries {
        if let Some(serial) = serial {
            encoder.sample(&family::SECONDARY_SERIAL, &[zone, name], serial);
        }
    }
    encoder.family(&family::SECONDARY_LAG);
    for SecondaryView { zone, name, lag, .. } in secondaries {
        encoder.sample(&family::SECONDARY_LAG, &[zone, name], lag.as_secs_f64());
    }
}

/// Appends those of names in zones of others.
pub fn pushes(encoder: &mut Encoder, pushes: &[PushView]) {
    let mut each = |family: &Family, value: &dyn Fn(&PushView) -> u64| {
        encoder.family(family);
        for push in pushes {
            encoder.sample(family, &[&push.publish, &push.to], value(push));
        }
    };
    each(&family::PUBLISH_LEVEL, &|push| u64::from(push.state == PushState::Level));
    each(&family::PUBLISH_EPOCH, &|push| push.epoch);
    each(&family::PUBLISH_WRITTEN, &|push| push.written);
}

fn names(encoder: &mut Encoder, status: &Status) {
    let named = || {
        status
            .clusters
            .iter()
            .flat_map(|cluster| cluster.names.iter().map(move |name| (cluster, name)))
    };
    let mut each = |family: &Family, value: &dyn Fn(&NameView) -> Option<String>| {
        encoder.family(family);
        for (cluster, name) in named() {
            if let Some(value) = value(name) {
                encoder.sample(family, &[&cluster.name, &name.name, name.reason.role()], value);
            }
        }
    };
    let degraded = |name: &NameView, way| flag(name.reason.degradation() == way);
    each(&family::ANSWERS, &|name| Some(name.servers.len().to_string()));
    each(&family::NAME_SEVERITY, &|name| Some(severity(name.severity).to_string()));
    each(&family::STALE, &|name| Some(degraded(name, Degradation::Stale).to_string()));
    each(&family::FALLBACK, &|name| Some(degraded(name, Degradation::Fallback).to_string()));
    each(&family::NAME_READY, &|name| {
        Some(flag(name.reason.degradation() != Degradation::NotReady).to_string())
    });
    each(&family::CHANGED, &|name| Some(seconds(name.since)));
    encoder.family(&family::ELIGIBLE);
    for (cluster, name) in named() {
        for server in &cluster.servers {
            let labels = [&*cluster.name, &server.name, &name.name, name.reason.role()];
            let said = name.says(&server.name);
            encoder.sample(&family::ELIGIBLE, &labels, flag(said));
        }
    }
}

/// As the help of the families says.
fn severity(severity: Severity) -> u64 {
    match severity {
        Severity::Ok => 0,
        Severity::Wanted => 1,
        Severity::Degraded => 2,
        Severity::Outage => 3,
    }
}

fn clusters(encoder: &mut Encoder, status: &Status) {
    encoder.family(&family::SPLIT_BRAIN);
    for cluster in &status.clusters {
        let is_torn = cluster.names.iter().any(|name| name.reason.is_split_brain());
        encoder.sample(&family::SPLIT_BRAIN, &[&cluster.name], flag(is_torn));
    }
    encoder.family(&family::CLUSTER_SEVERITY);
    for cluster in &status.clusters {
        let value = severity(cluster.severity);
        encoder.sample(&family::CLUSTER_SEVERITY, &[&cluster.name], value);
    }
    for family in [&family::STABLE, &family::CALM] {
        encoder.family(family);
        for cluster in &status.clusters {
            let is_stable = cluster.stability == Stability::Stable;
            encoder.sample(family, &[&cluster.name], flag(is_stable));
        }
    }
}

fn servers(encoder: &mut Encoder, status: &Status) {
    let listed = || {
        status
            .clusters
            .iter()
            .flat_map(|cluster| cluster.servers.iter().map(move |server| (cluster, server)))
    };
    let mut each = |family: &Family, value: &dyn Fn(&ServerView) -> Option<String>| {
        encoder.family(family);
        for (cluster, server) in listed() {
            if let Some(value) = value(server) {
                encoder.sample(family, &[&cluster.name, &server.name], value);
            }
        }
    };
    let lives =
        |server: &ServerView| !matches!(server.state, ServerState::Down | ServerState::Unknown);
    each(&family::UP, &|server| Some(flag(lives(server)).to_string()));
    each(&family::STATE_SINCE, &|server| Some(seconds(server.since)));
    each(&family::LAG, &|server| server.lag.map(|lag| millis(lag.millis())));
    each(&family::DRAINED, &|server| Some(flag(server.drained).to_string()));
    each(&family::ADDED, &|server| Some(flag(server.added).to_string()));
    each(&family::NODE_SEVERITY, &|server| Some(severity(server.severity).to_string()));
    each(&family::TRANSIENT, &|server| Some(flag(server.transient).to_string()));
    encoder.family(&family::ROLE);
    for (cluster, server) in listed() {
        let now = role_of(server.state);
        for role in ["primary", "replica", "none"] {
            let labels = [&*cluster.name, &server.name, role];
            encoder.sample(&family::ROLE, &labels, flag(role == now));
        }
    }
    encoder.family(&family::STATE);
    for (cluster, server) in listed() {
        let state = server.state.to_string();
        encoder.sample(&family::STATE, &[&cluster.name, &server.name, &state], 1);
    }
}

fn overrides(encoder: &mut Encoder, status: &Status) {
    let laid = || {
        status
            .clusters
            .iter()
            .flat_map(|cluster| cluster.overrides.iter().map(move |laid| (&*cluster.name, laid)))
    };
    let node = |laid: &Override| laid.wish.as_ref().server().map(ToString::to_string);
    encoder.family(&family::OVERRIDE);
    for (cluster, one) in laid() {
        let force = if one.wish.is_forced() { "true" } else { "false" };
        let (kind, node) = (one.wish.to_string(), node(one).unwrap_or_default());
        encoder.sample(&family::OVERRIDE, &[cluster, &kind, &node, force], 1);
    }
    encoder.family(&family::OVERRIDE_END);
    for (cluster, one) in laid() {
        let end = one.until.map_or_else(|| "+Inf".to_owned(), seconds);
        let (kind, node) = (one.wish.to_string(), node(one).unwrap_or_default());
        encoder.sample(&family::OVERRIDE_END, &[cluster, &kind, &node], end);
    }
}

fn flag(is: bool) -> u8 {
    u8::from(is)
}

/// What a state says of the server's role.
fn role_of(state: ServerState) -> &'static str {
    match state {
        ServerState::Primary | ServerState::ReadOnlyPrimary | ServerState::StalePrimary => {
            "primary"
        }
        ServerState::Replica
        | ServerState::ReplicaLagging
        | ServerState::ReplicaDetached
        | ServerState::ReplicaBroken => "replica",
        _ => "none",
    }
}

/// Milliseconds in seconds.
pub fn millis(millis: u64) -> String {
    format!("{}.{:03}", millis / 1000, millis % 1000)
}

/// A time in seconds since 1970.
fn seconds(time: WallTime) -> String {
    millis(time.unix_millis())
}
