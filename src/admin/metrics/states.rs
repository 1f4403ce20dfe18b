//! Metrics of what is now: clusters, names, servers, overrides and hooks, as the status has them.

use jiff::Timestamp;

use super::{
    encoder::{Encoder, Family},
    families as family,
};
use crate::{
    api::{
        ClusterStatus, HookStatus, NameRole, NameStatus, OverrideKind, OverrideStatus,
        ServerStatus, Status,
    },
    engine::{ServerState, WriteReason},
};

/// Appends those of clusters.
pub(super) fn encode(encoder: &mut Encoder, status: &Status) {
    names(encoder, status);
    clusters(encoder, status);
    servers(encoder, status);
    overrides(encoder, status);
}

/// Appends those of hooks.
pub(super) fn hooks(encoder: &mut Encoder, hooks: &[HookStatus]) {
    encoder.family(&family::HOOK_RUNS);
    for HookStatus { name, runs, failures, .. } in hooks {
        let told = runs.saturating_sub(*failures);
        encoder.sample(&family::HOOK_RUNS, &[name, "told"], told);
        encoder.sample(&family::HOOK_RUNS, &[name, "failed"], failures);
    }
    let mut each = |family: &Family, value: &dyn Fn(&HookStatus) -> u64| {
        encoder.family(family);
        for hook in hooks {
            encoder.sample(family, &[&hook.name], value(hook));
        }
    };
    each(&family::HOOK_PENDING, &|hook| hook.pending);
    each(&family::HOOK_DROPPED, &|hook| hook.dropped);
    each(&family::HOOK_FAILING, &|hook| u64::from(hook.failing_since.is_some()));
}

fn names(encoder: &mut Encoder, status: &Status) {
    let named = || {
        status
            .clusters
            .iter()
            .flat_map(|cluster| cluster.names.iter().map(move |name| (cluster, name)))
    };
    let mut each = |family: &Family, value: &dyn Fn(&NameStatus) -> Option<String>| {
        encoder.family(family);
        for (cluster, name) in named() {
            if let Some(value) = value(name) {
                encoder.sample(family, &[&cluster.name, &name.name, role(name.role)], value);
            }
        }
    };
    let degraded = |name: &NameStatus, way: &str| flag(name.degradation == way);
    each(&family::ANSWERS, &|name| Some(name.servers.len().to_string()));
    each(&family::STALE, &|name| Some(degraded(name, "stale").to_string()));
    each(&family::FALLBACK, &|name| Some(degraded(name, "fallback").to_string()));
    each(&family::NAME_READY, &|name| Some(flag(name.degradation != "not-ready").to_string()));
    each(&family::CHANGED, &|name| seconds(&name.since));
    encoder.family(&family::ELIGIBLE);
    for (cluster, name) in named() {
        for server in &cluster.servers {
            let labels = [&*cluster.name, &server.name, &name.name, role(name.role)];
            let said = name.servers.contains(&server.name);
            encoder.sample(&family::ELIGIBLE, &labels, flag(said));
        }
    }
}

fn clusters(encoder: &mut Encoder, status: &Status) {
    let torn = [WriteReason::HeldSplitBrain, WriteReason::SplitBrain].map(|one| one.to_string());
    let is_torn =
        |cluster: &ClusterStatus| cluster.names.iter().any(|name| torn.contains(&name.reason));
    encoder.family(&family::SPLIT_BRAIN);
    for cluster in &status.clusters {
        encoder.sample(&family::SPLIT_BRAIN, &[&cluster.name], flag(is_torn(cluster)));
    }
    encoder.family(&family::CALM);
    for cluster in &status.clusters {
        encoder.sample(&family::CALM, &[&cluster.name], flag(cluster.stability == "calm"));
    }
}

fn servers(encoder: &mut Encoder, status: &Status) {
    let listed = || {
        status
            .clusters
            .iter()
            .flat_map(|cluster| cluster.servers.iter().map(move |server| (cluster, server)))
    };
    let mut each = |family: &Family, value: &dyn Fn(&ServerStatus) -> Option<String>| {
        encoder.family(family);
        for (cluster, server) in listed() {
            if let Some(value) = value(server) {
                encoder.sample(family, &[&cluster.name, &server.name], value);
            }
        }
    };
    let [down, unknown] = [ServerState::Down, ServerState::Unknown].map(|state| state.to_string());
    let lives = |server: &ServerStatus| server.state != down && server.state != unknown;
    each(&family::UP, &|server| Some(flag(lives(server)).to_string()));
    each(&family::STATE_SINCE, &|server| seconds(&server.since));
    each(&family::LAG, &|server| server.lag_ms.map(millis));
    each(&family::DRAINED, &|server| Some(flag(server.drained).to_string()));
    each(&family::ADDED, &|server| Some(flag(server.added).to_string()));
    each(&family::TRANSIENT, &|server| Some(flag(server.transient).to_string()));
    encoder.family(&family::ROLE);
    for (cluster, server) in listed() {
        let now = role_of(&server.state);
        for role in ["primary", "replica", "none"] {
            let labels = [&*cluster.name, &server.name, role];
            encoder.sample(&family::ROLE, &labels, flag(role == now));
        }
    }
    encoder.family(&family::STATE);
    for (cluster, server) in listed() {
        encoder.sample(&family::STATE, &[&cluster.name, &server.name, &server.state], 1);
    }
}

fn overrides(encoder: &mut Encoder, status: &Status) {
    let laid = || status.clusters.iter().flat_map(|cluster| &cluster.overrides);
    encoder.family(&family::OVERRIDE);
    for one in laid() {
        let force = if one.force { "true" } else { "false" };
        let labels = [&*one.cluster, kind(one.kind), node(one), force];
        encoder.sample(&family::OVERRIDE, &labels, 1);
    }
    encoder.family(&family::OVERRIDE_END);
    for one in laid() {
        let end = one.until.as_deref().map_or_else(|| Some("+Inf".to_owned()), seconds);
        if let Some(end) = end {
            let labels = [&*one.cluster, kind(one.kind), node(one)];
            encoder.sample(&family::OVERRIDE_END, &labels, end);
        }
    }
}

fn node(laid: &OverrideStatus) -> &str {
    laid.server.as_deref().unwrap_or_default()
}

fn flag(is: bool) -> u8 {
    u8::from(is)
}

/// What a state says of the server's role.
fn role_of(state: &str) -> &'static str {
    let found = ServerState::ALL.into_iter().find(|one| one.to_string() == state);
    match found {
        Some(ServerState::Primary | ServerState::ReadOnlyPrimary | ServerState::StalePrimary) => {
            "primary"
        }
        Some(
            ServerState::Replica
            | ServerState::ReplicaLagging
            | ServerState::ReplicaDetached
            | ServerState::ReplicaBroken,
        ) => "replica",
        _ => "none",
    }
}

fn role(role: NameRole) -> &'static str {
    match role {
        NameRole::Write => "write",
        NameRole::Read => "read",
    }
}

fn kind(kind: OverrideKind) -> &'static str {
    match kind {
        OverrideKind::Drain => "drain",
        OverrideKind::Pin => "pin",
        OverrideKind::Freeze => "freeze",
        OverrideKind::Maintenance => "maintenance",
    }
}

/// Milliseconds in seconds.
pub(super) fn millis(millis: u64) -> String {
    format!("{}.{:03}", millis / 1000, millis % 1000)
}

/// A time in RFC 3339 as seconds since 1970.
fn seconds(time: &str) -> Option<String> {
    let at: Timestamp = time.parse().ok()?;
    u64::try_from(at.as_millisecond()).ok().map(millis)
}
