//! What is published, in the words of the admin API: a snapshot in, [`api::Status`] out.
//!
//! Pure: whoever has a snapshot can tell, without asking anybody, and a decision that was never
//! published (what if?) is told in the same words. Servers and names are in config order.

mod facts;

#[cfg(test)]
mod tests;
mod upkeep;

use std::{net::IpAddr, time::Duration};

pub use self::facts::facts;
use crate::{
    answers::{
        ClusterListing, ClusterReport, Layout, NameRole, PublishedServer, ServedName, WallTime,
        WitnessReport,
    },
    api::{
        self, ClusterStatus, Membership, NameStatus, OverrideKind, OverrideStatus, ServerStatus,
        Status, Why, WitnessStatus,
    },
    engine::{
        ClusterId, ClusterKind, Decision, Degradation, Lag, Moment, Override, ReadReason, ServerId,
        ServerIndex, ServerState, Standing, StateReason, Wish, WriteReason,
    },
    hooks::HookTally,
    publish::Snapshot,
    state::StateReport,
};

/// What a snapshot does not hold of the whole service.
#[derive(Clone, Debug, Default)]
pub struct Process {
    /// When it started.
    pub started: WallTime,
    /// Why it is not ready, one line each; empty when it is.
    pub faults: Vec<String>,
    /// DNS queries answered since the start.
    pub queries: u64,
    /// How the state file is; `None` when there is none.
    pub state: Option<StateReport>,
    /// What each hook has done, in the order of the configuration.
    pub hooks: Vec<HookTally>,
}

/// Everything.
pub fn status(snapshot: &Snapshot, process: Process) -> Status {
    let Process { started, faults, queries, state, hooks } = process;
    let (state, hooks) = (state.map(upkeep::state), hooks.into_iter().map(upkeep::hook));
    let hooks: Vec<_> = hooks.collect();
    let layout = snapshot.table.layout();
    let ids = (0..layout.clusters().len()).map(ClusterId);
    Status {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        started: told(started),
        generation: snapshot.table.generation(),
        serial: snapshot.table.serial().value(),
        ready: faults.is_empty(),
        faults,
        isolated: ids.clone().any(|id| is_isolated(snapshot, id)),
        warnings: upkeep::warnings(state.as_ref(), &hooks),
        state,
        hooks,
        queries,
        clusters: ids.filter_map(|id| published(snapshot, id)).collect(),
    }
}

/// One cluster as it is published; `None` when there is none at this place.
pub fn published(snapshot: &Snapshot, id: ClusterId) -> Option<ClusterStatus> {
    cluster(snapshot.table.layout(), id, snapshot.reports.of(id)?)
}

/// One cluster as `report` has it, published or not; `None` when `layout` has none at this place.
pub fn cluster(layout: &Layout, id: ClusterId, report: &ClusterReport) -> Option<ClusterStatus> {
    let view = View::new(layout, id, report)?;
    Some(ClusterStatus {
        name: view.listing.name.to_string(),
        engine: engine(view.listing.kind).to_owned(),
        stability: report.decision.stability.to_string(),
        names: view.names().map(|name| view.name(name)).collect(),
        servers: view.indices().filter_map(|index| view.server(index)).collect(),
        overrides: view.overrides(),
    })
}

/// What one server is, and why it is in each name or not; `None` when there is none at this place.
pub fn why(snapshot: &Snapshot, id: ServerId) -> Option<Why> {
    let report = snapshot.reports.of(id.cluster)?;
    let view = View::new(snapshot.table.layout(), id.cluster, report)?;
    let server = view.server(id.server)?;
    // A pin of another server is why this one is not in the write name.
    let concerns = |laid: &OverrideStatus| {
        laid.kind != OverrideKind::Drain || laid.server.as_deref() == Some(&server.name)
    };
    Some(Why {
        cluster: view.listing.name.to_string(),
        names: view.names().map(|name| view.membership(name, id.server)).collect(),
        overrides: view.overrides().into_iter().filter(concerns).collect(),
        server,
    })
}

/// An override in words; `start` is the wall time at [`Moment::START`].
pub fn laid(listing: &ClusterListing, laid: &Override, start: WallTime) -> OverrideStatus {
    let (kind, force) = match laid.wish {
        Wish::Drain { force, .. } => (OverrideKind::Drain, force),
        Wish::Pin { even_if_not_writable, .. } => (OverrideKind::Pin, even_if_not_writable),
        Wish::Freeze => (OverrideKind::Freeze, false),
        Wish::Maintenance => (OverrideKind::Maintenance, false),
    };
    let server = laid.wish.server().and_then(|index| listing.servers.get(index.0));
    OverrideStatus {
        kind,
        cluster: listing.name.to_string(),
        server: server.map(|server| server.name.to_string()),
        force,
        author: laid.author.to_string(),
        reason: laid.reason.to_string(),
        since: told(start.at(laid.since)),
        until: laid.until.map(|until| told(start.at(until))),
    }
}

/// How long a state may last that should pass.
pub const PASSES_WITHIN: Duration = Duration::from_secs(60);

/// Whether a server's state is one that should pass soon: it starts, or somebody has paused replay
/// and may have forgotten it. A delay is on purpose, and a donor is busy for as long as it takes.
pub fn is_transient(standing: Standing) -> bool {
    let Standing { state, reason, .. } = standing;
    match state {
        ServerState::Starting => reason != StateReason::Donor,
        ServerState::Maintenance => reason == StateReason::ReplayPaused,
        _ => false,
    }
}

/// Whether it should have passed by `now`: then somebody is to look.
pub fn is_overdue(standing: Standing, now: Moment) -> bool {
    is_transient(standing) && now.since(standing.since) >= PASSES_WITHIN
}

/// One cluster by its configuration and what was last said of it.
struct View<'a> {
    id: ClusterId,
    layout: &'a Layout,
    listing: &'a ClusterListing,
    report: &'a ClusterReport,
}

/// What a name says, for whatever role.
struct Said {
    servers: Vec<ServerIndex>,
    reason: String,
    degradation: Degradation,
    since: Moment,
}

impl<'a> View<'a> {
    fn new(layout: &'a Layout, id: ClusterId, report: &'a ClusterReport) -> Option<Self> {
        let listing = layout.clusters().get(id.0)?;
        Some(Self { id, layout, listing, report })
    }

    /// The write name first, as the configuration has them.
    fn names(&self) -> impl Iterator<Item = &'a ServedName> {
        self.layout.served_of(self.id)
    }

    fn indices(&self) -> impl Iterator<Item = ServerIndex> {
        (0..self.listing.servers.len()).map(ServerIndex)
    }

    fn name(&self, name: &ServedName) -> NameStatus {
        let said = said(&self.report.decision, name);
        NameStatus {
            name: name.name.to_string(),
            role: role(name),
            servers: self.called(&said.servers),
            reason: said.reason,
            degradation: degradation(said.degradation).to_owned(),
            since: self.at(said.since),
            ttl: name.ttl_while(self.report.decision.stability),
        }
    }

    fn server(&self, index: ServerIndex) -> Option<ServerStatus> {
        let PublishedServer { name, addresses, port, .. } = self.listing.servers.get(index.0)?;
        let report = self.report.servers.get(index.0)?;
        let names = self.names().filter(|name| self.says(name, index));
        let overrides = overrides_of(self.report);
        Some(ServerStatus {
            name: name.to_string(),
            addresses: addresses.iter().map(IpAddr::to_string).collect(),
            port: *port,
            state: report.standing.state.to_string(),
            reason: report.standing.reason.to_string(),
            since: self.at(report.standing.since),
            lag_ms: report.standing.lag.map(millis),
            failure: report.failure.as_deref().map(str::to_owned),
            names: names.map(|name| name.name.to_string()).collect(),
            witnesses: report.witnesses.iter().map(witness).collect(),
            added: report.added,
            drained: overrides
                .iter()
                .any(|laid| matches!(laid.wish, Wish::Drain { server, .. } if server == index)),
            transient: is_transient(report.standing),
        })
    }

    fn membership(&self, name: &ServedName, index: ServerIndex) -> Membership {
        let said = said(&self.report.decision, name);
        let included = said.servers.contains(&index);
        let standing = self.report.servers.get(index.0).map(|report| report.standing);
        let because = match standing {
            Some(standing) if !included => format!(
                "it is {}: {}; published is {}: {}",
                standing.state,
                standing.reason,
                listed(&self.called(&said.servers)),
                said.reason
            ),
            _ => said.reason,
        };
        Membership { name: name.name.to_string(), role: role(name), included, because }
    }

    fn overrides(&self) -> Vec<OverrideStatus> {
        let laid_here = |one: &Override| laid(self.listing, one, self.report.start);
        overrides_of(self.report).iter().map(laid_here).collect()
    }

    fn says(&self, name: &ServedName, index: ServerIndex) -> bool {
        said(&self.report.decision, name).servers.contains(&index)
    }

    fn called(&self, servers: &[ServerIndex]) -> Vec<String> {
        let servers = servers.iter().filter_map(|index| self.listing.servers.get(index.0));
        servers.map(|server| server.name.to_string()).collect()
    }

    fn at(&self, moment: Moment) -> String {
        told(self.report.start.at(moment))
    }
}

/// What operators have laid over the cluster.
fn overrides_of(report: &ClusterReport) -> &[Override] {
    &report.overrides
}

/// What `name` says by `decision`; not ready when the decision does not know the name.
fn said(decision: &Decision, name: &ServedName) -> Said {
    let said = match name.role {
        NameRole::Write => decision.write.as_ref().map(|write| Said {
            servers: write.server.into_iter().collect(),
            reason: write.reason.to_string(),
            degradation: write.reason.degradation(),
            since: write.since,
        }),
        NameRole::Read { index, .. } => decision.reads.get(index).map(|read| Said {
            servers: read.servers.iter().map(|member| member.server).collect(),
            reason: read.reason.to_string(),
            degradation: read.reason.degradation(),
            since: read.since,
        }),
    };
    said.unwrap_or_else(|| Said {
        servers: Vec::new(),
        reason: WriteReason::NotReady.to_string(),
        degradation: Degradation::NotReady,
        since: Moment::START,
    })
}

/// Whether a name of the cluster stands still because everybody is silent.
fn is_isolated(snapshot: &Snapshot, id: ClusterId) -> bool {
    let Some(report) = snapshot.reports.of(id) else {
        return false;
    };
    let Decision { write, reads, .. } = &report.decision;
    write.is_some_and(|write| write.reason == WriteReason::HeldIsolated)
        || reads.iter().any(|read| read.reason == ReadReason::Isolated)
}

fn witness(report: &WitnessReport) -> WitnessStatus {
    WitnessStatus {
        check: report.check.name().to_owned(),
        word: report.word.map(|word| word.to_string()),
        detail: report.detail.to_string(),
    }
}

fn role(name: &ServedName) -> api::NameRole {
    match name.role {
        NameRole::Write => api::NameRole::Write,
        NameRole::Read { .. } => api::NameRole::Read,
    }
}

fn engine(kind: ClusterKind) -> &'static str {
    match kind {
        ClusterKind::Postgres => "postgres",
        ClusterKind::MySql => "mysql",
        ClusterKind::Tcp => "tcp",
    }
}

fn degradation(degradation: Degradation) -> &'static str {
    match degradation {
        Degradation::None => "none",
        Degradation::Stale => "stale",
        Degradation::Fallback => "fallback",
        Degradation::NotReady => "not-ready",
    }
}

/// `db1,db2`; `nobody` for none, as in the log.
fn listed(servers: &[String]) -> String {
    if servers.is_empty() { "nobody".to_owned() } else { servers.join(",") }
}

fn millis(Lag(lag): Lag) -> u64 {
    u64::try_from(lag.as_millis()).unwrap_or(u64::MAX)
}

/// RFC 3339 in UTC with milliseconds.
fn told(time: WallTime) -> String {
    format!("{time:.3}")
}
