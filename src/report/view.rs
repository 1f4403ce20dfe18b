//! One cluster by the names of its configuration.

use std::fmt;

use super::{ClusterReport, Override, ServerView};
use crate::{
    answers::{ClusterListing, Layout, NameRole, ServedName},
    engine::{
        self, ClusterId, ClusterKind, Degradation, Moment, ReadReason, ServerIndex, Stability,
        WriteReason,
    },
    wall_time::WallTime,
};

/// One cluster.
#[derive(Clone, Debug, PartialEq)]
pub struct ClusterView {
    /// Its name.
    pub name: Box<str>,
    /// What its servers speak.
    pub kind: ClusterKind,
    /// Whether its names may change soon.
    pub stability: Stability,
    /// The write name, if it has one, and then the read names in config order.
    pub names: Vec<NameView>,
    /// Its servers, in config order.
    pub servers: Vec<ServerView>,
    /// What operators have laid over it.
    pub overrides: Vec<Override>,
}

/// One served name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameView {
    /// The name, with the dot at its end.
    pub name: Box<str>,
    /// The servers that it says now, in config order.
    pub servers: Vec<Box<str>>,
    /// Why.
    pub reason: NameReason,
    /// Since when it has said these servers.
    pub since: WallTime,
    /// The TTL of its records now, in seconds.
    pub ttl: u32,
}

/// Why a name says what it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameReason {
    /// Of a write name.
    Write(WriteReason),
    /// Of a read name.
    Read(ReadReason),
}

impl NameReason {
    /// How far what the name says is from what it promises.
    pub fn degradation(self) -> Degradation {
        match self {
            Self::Write(reason) => reason.degradation(),
            Self::Read(reason) => reason.degradation(),
        }
    }

    /// What the name is for: `write` or `read`.
    pub fn role(self) -> &'static str {
        match self {
            Self::Write(_) => "write",
            Self::Read(_) => "read",
        }
    }

    /// Whether two servers are writable and nothing tells which is right.
    pub fn is_split_brain(self) -> bool {
        matches!(self, Self::Write(WriteReason::HeldSplitBrain | WriteReason::SplitBrain))
    }

    /// Whether the name stands still because every server of every cluster is silent.
    pub fn is_isolated(self) -> bool {
        matches!(self, Self::Write(WriteReason::HeldIsolated) | Self::Read(ReadReason::Isolated))
    }
}

impl fmt::Display for NameReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Write(reason) => reason.fmt(f),
            Self::Read(reason) => reason.fmt(f),
        }
    }
}

impl ClusterView {
    /// One cluster as `report` has it, published or not; `None` when `layout` has none at this place.
    pub fn new(layout: &Layout, id: ClusterId, report: &ClusterReport) -> Option<Self> {
        let listing = layout.clusters().get(id.0)?;
        let places = Places { listing, report };
        let names: Vec<_> = layout.served_of(id).map(|name| places.name(name)).collect();
        let servers = listing.servers.iter().zip(&report.servers).enumerate();
        Some(Self {
            name: listing.name.clone(),
            kind: listing.kind,
            stability: report.decision.stability,
            servers: servers
                .map(|(index, (server, standing))| {
                    ServerView::new(ServerIndex(index), server, standing, report, &names)
                })
                .collect(),
            names,
            overrides: report.overrides.iter().map(|laid| places.laid(laid)).collect(),
        })
    }
}

impl NameView {
    /// Whether it says the server of this name.
    pub fn says(&self, server: &str) -> bool {
        self.servers.iter().any(|said| **said == *server)
    }
}

/// `db1,db2`; `nobody` for none, as in the log.
pub(super) fn listed(servers: &[Box<str>]) -> String {
    if servers.is_empty() { "nobody".to_owned() } else { servers.join(",") }
}

/// The places of a report, and what they are called.
struct Places<'a> {
    listing: &'a ClusterListing,
    report: &'a ClusterReport,
}

impl Places<'_> {
    /// What `name` says; not ready when the decision does not know the name.
    fn name(&self, name: &ServedName) -> NameView {
        let decision = &self.report.decision;
        let (servers, reason, since) = match name.role {
            NameRole::Write => match &decision.write {
                Some(write) => {
                    let servers = write.server.into_iter().collect::<Vec<_>>();
                    (servers, NameReason::Write(write.reason), write.since)
                }
                None => (Vec::new(), NameReason::Write(WriteReason::NotReady), Moment::START),
            },
            NameRole::Read { index, .. } => match decision.reads.get(index) {
                Some(read) => {
                    let servers = read.servers.iter().map(|member| member.server).collect();
                    (servers, NameReason::Read(read.reason), read.since)
                }
                None => (Vec::new(), NameReason::Read(ReadReason::NotReady), Moment::START),
            },
        };
        NameView {
            name: name.name.to_string().into(),
            servers: servers.into_iter().filter_map(|server| self.server(server)).collect(),
            reason,
            since: self.report.start.at(since),
            ttl: name.ttl_while(decision.stability),
        }
    }

    fn laid(&self, laid: &engine::Override) -> Override {
        let server = |place| self.server(place).unwrap_or_default();
        laid.map(server, |time| self.report.start.at(time))
    }

    fn server(&self, index: ServerIndex) -> Option<Box<str>> {
        self.listing.servers.get(index.0).map(|server| server.name.clone())
    }
}
