//! What everything is now: `GET /v1/status` and its parts.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    OverrideStatus, PromotionCandidate, PublishStatus, SecondaryStatus, Severity, rfc3339,
};
use crate::{
    engine::{self, Lag, Towards, Word},
    report::{ClusterView, NameReason, NameView, ServerView, WitnessReport},
};

/// The whole service.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Status {
    /// Pointsman's version.
    pub version: String,
    /// When the process started.
    pub started: String,
    /// The published generation of answers: grows with every change.
    pub generation: u64,
    /// The SOA serial of all zones.
    pub serial: u32,
    /// Whether every part moves and every name has its first decision.
    pub ready: bool,
    /// Why not, one line each.
    pub faults: Vec<String>,
    /// How bad it is: the worst of all clusters, and of Pointsman itself.
    #[serde(default)]
    pub severity: Severity,
    /// Everything in one sentence, what is broken first.
    #[serde(default)]
    pub headline: String,
    /// Whether every server of every cluster is silent, so that our own network is suspected and
    /// answers stand still.
    pub isolated: bool,
    /// What somebody should look at beside the clusters, one line each: the state file, hooks.
    /// Names are answered all the same.
    #[serde(default)]
    pub warnings: Vec<String>,
    /// How the state file is; `None` when none is configured.
    #[serde(default)]
    pub state: Option<StateStatus>,
    /// What each hook has done, in the order of the configuration.
    #[serde(default)]
    pub hooks: Vec<HookStatus>,
    /// How far each secondary is, by zones in the order of the configuration.
    #[serde(default)]
    pub secondaries: Vec<SecondaryStatus>,
    /// How far names in zones of others are, in the order of the configuration.
    #[serde(default)]
    pub published: Vec<PublishStatus>,
    /// DNS queries answered since the start.
    pub queries: u64,
    /// All clusters, in config order.
    pub clusters: Vec<ClusterStatus>,
}

/// The state file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StateStatus {
    /// Whether what changes is being saved.
    pub saved: bool,
    /// Why not, as one line.
    pub fault: Option<String>,
    /// Since when not.
    pub unsaved_since: Option<String>,
    /// Whether the serial has used up what was saved for it: it follows the clock then, and grows
    /// once a second at most.
    pub serial_limited: bool,
    /// Where the file of an earlier process is that was of no use, while it is still there.
    pub set_aside: Option<String>,
    /// What is wrong with that.
    pub set_aside_why: Option<String>,
}

/// One hook since the start of the process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HookStatus {
    /// Its name.
    pub name: String,
    /// Attempts that have ended, well or not.
    pub runs: u64,
    /// Those that did not end well.
    pub failures: u64,
    /// Events that were never told: too many waited, or the last attempt failed.
    pub dropped: u64,
    /// Events that are still to be told, with the one that is being told.
    pub pending: u64,
    /// Since when no attempt has ended well; `None` when the last one did, or there was none. The
    /// log has the reason.
    pub failing_since: Option<String>,
}

/// One cluster.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ClusterStatus {
    /// Its name.
    pub name: String,
    /// `postgres`, `mysql` or `tcp`.
    pub engine: String,
    /// Whether its names may change soon.
    pub stability: Stability,
    /// How bad it is: the worst of its names, its servers and its overrides.
    #[serde(default)]
    pub severity: Severity,
    /// The write name, if it has one, and then the read names in config order.
    pub names: Vec<NameStatus>,
    /// Its servers, in config order.
    pub servers: Vec<ServerStatus>,
    /// The overrides of its operators.
    pub overrides: Vec<OverrideStatus>,
    /// Who could be promoted while the write name has no writer, the one that loses least first.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub promotion: Vec<PromotionCandidate>,
}

/// Whether the names of a cluster may change soon.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Stability {
    /// Nothing is in doubt, and nothing has changed for a while.
    #[serde(alias = "calm")]
    Stable,
    /// Its names may change soon.
    #[serde(alias = "unrest")]
    Settling,
}

/// How far an answer is from what its name promises.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Degradation {
    /// Not at all.
    None,
    /// It stands on older knowledge than the last probe's.
    Stale,
    /// It is current, but not what the name promises.
    Fallback,
    /// There is no answer yet.
    NotReady,
}

/// What a DNS name is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum NameRole {
    /// The one writable primary.
    Write,
    /// The fresh replicas.
    Read,
}

/// One served name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct NameStatus {
    /// The name, with the dot at its end.
    pub name: String,
    /// What it is for.
    pub role: NameRole,
    /// The servers that it says now, in config order.
    pub servers: Vec<String>,
    /// Why, in the words of `dig` and of the log.
    pub reason: String,
    /// How far that is from what it promises.
    pub degradation: Degradation,
    /// How bad that is.
    #[serde(default)]
    pub severity: Severity,
    /// Since when it has said these servers.
    pub since: String,
    /// The TTL of its records now, in seconds.
    pub ttl: u32,
}

/// One server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ServerStatus {
    /// Its name.
    pub name: String,
    /// The published addresses.
    pub addresses: Vec<String>,
    /// The published port.
    pub port: u16,
    /// Its state, as in `Primary` or `ReplicaLagging`.
    pub state: String,
    /// Why it is in that state.
    pub reason: String,
    /// Since when.
    pub since: String,
    /// How bad that is.
    #[serde(default)]
    pub severity: Severity,
    /// How far it is behind the primary, in milliseconds, where known.
    pub lag_ms: Option<u64>,
    /// Whom it replicates from, by its last good reply; `None` when it does not, or does not tell.
    #[serde(default)]
    pub upstream: Option<Upstream>,
    /// What its next probes may make of it, while something is being counted.
    #[serde(default)]
    pub progress: Option<Progress>,
    /// The words of its present failure, if it fails.
    pub failure: Option<String>,
    /// The names that say it now.
    pub names: Vec<String>,
    /// What others say of it.
    pub witnesses: Vec<WitnessStatus>,
    /// Whether it was added while the service ran and is not in the configuration file.
    pub added: bool,
    /// Whether an operator has drained it.
    pub drained: bool,
    /// Whether its state is one that should pass soon, as while it starts or replay is paused: one
    /// that lasts for a minute is to be looked at.
    #[serde(default)]
    pub transient: bool,
}

/// Where a replica gets its changes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Upstream {
    /// Which member of its cluster; `None` for a server outside of it, and for a group.
    pub server: Option<String>,
    /// Whether it is the group that it is a member of (Group Replication, Galera).
    #[serde(default)]
    pub group: bool,
}

/// Probes in a row that agree, and how many must.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Progress {
    /// What they will have shown.
    pub towards: ProgressKind,
    /// So many have.
    pub done: u32,
    /// So many must.
    pub of: u32,
}

/// What some probes in a row come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ProgressKind {
    /// It fails and will count as down.
    Down,
    /// It was away and will be back.
    Back,
    /// It says that it is writable and will be believed.
    Writable,
}

/// What somebody else says of a server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct WitnessStatus {
    /// Which check, as in `patroni`.
    pub check: String,
    /// Its word; `None` when it says nothing.
    pub word: Option<String>,
    /// Its own words, or how it could not be reached.
    pub detail: String,
}

impl ClusterStatus {
    /// The name for writes, if it has one.
    pub fn write_name(&self) -> Option<&NameStatus> {
        self.names.iter().find(|name| name.role == NameRole::Write)
    }
}

impl From<&ClusterView> for ClusterStatus {
    fn from(view: &ClusterView) -> Self {
        Self {
            name: view.name.to_string(),
            engine: view.kind.name().to_owned(),
            stability: view.stability.into(),
            severity: view.severity.into(),
            names: view.names.iter().map(NameStatus::from).collect(),
            servers: view.servers.iter().map(ServerStatus::from).collect(),
            overrides: OverrideStatus::of(&view.name, &view.overrides),
            promotion: view.promotable().iter().map(PromotionCandidate::from).collect(),
        }
    }
}

impl From<NameReason> for NameRole {
    fn from(reason: NameReason) -> Self {
        match reason {
            NameReason::Write(_) => Self::Write,
            NameReason::Read(_) => Self::Read,
        }
    }
}

impl From<engine::Stability> for Stability {
    fn from(stability: engine::Stability) -> Self {
        match stability {
            engine::Stability::Stable => Self::Stable,
            engine::Stability::Settling => Self::Settling,
        }
    }
}

impl From<engine::Degradation> for Degradation {
    fn from(degradation: engine::Degradation) -> Self {
        match degradation {
            engine::Degradation::None => Self::None,
            engine::Degradation::Stale => Self::Stale,
            engine::Degradation::Fallback => Self::Fallback,
            engine::Degradation::NotReady => Self::NotReady,
        }
    }
}

impl From<&NameView> for NameStatus {
    fn from(view: &NameView) -> Self {
        Self {
            name: view.name.to_string(),
            role: view.reason.into(),
            servers: view.servers.iter().map(ToString::to_string).collect(),
            reason: view.reason.to_string(),
            degradation: view.reason.degradation().into(),
            severity: view.severity.into(),
            since: rfc3339(view.since),
            ttl: view.ttl,
        }
    }
}

impl From<&ServerView> for ServerStatus {
    fn from(view: &ServerView) -> Self {
        Self {
            name: view.name.to_string(),
            addresses: view.addresses.iter().map(IpAddr::to_string).collect(),
            port: view.port,
            state: view.state.to_string(),
            reason: view.reason.to_string(),
            since: rfc3339(view.since),
            severity: view.severity.into(),
            lag_ms: view.lag.map(Lag::millis),
            upstream: view.upstream.as_ref().map(Upstream::from),
            progress: view.progress.map(Progress::from),
            failure: view.failure.as_deref().map(str::to_owned),
            names: view.names.iter().map(ToString::to_string).collect(),
            witnesses: view.witnesses.iter().map(WitnessStatus::from).collect(),
            added: view.added,
            drained: view.drained,
            transient: view.transient,
        }
    }
}

impl From<&engine::Upstream<Box<str>>> for Upstream {
    fn from(upstream: &engine::Upstream<Box<str>>) -> Self {
        let group = *upstream == engine::Upstream::Group;
        Self { server: upstream.member().map(ToString::to_string), group }
    }
}

impl From<engine::Progress> for Progress {
    fn from(engine::Progress { towards, done, of }: engine::Progress) -> Self {
        let towards = match towards {
            Towards::Down => ProgressKind::Down,
            Towards::Back => ProgressKind::Back,
            Towards::Writable => ProgressKind::Writable,
        };
        Self { towards, done, of }
    }
}

impl From<&WitnessReport> for WitnessStatus {
    fn from(report: &WitnessReport) -> Self {
        Self {
            check: report.check.name().to_owned(),
            word: report.word.as_ref().map(Word::to_string),
            detail: report.detail.to_string(),
        }
    }
}
