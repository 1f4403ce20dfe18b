//! One cluster by the names of its configuration.

use std::ops::Range;

use super::{ClusterReport, NameReason, NameView, Override, ServerView, Severity};
use crate::{
    answers::{ClusterListing, Layout, NameRole, ServedName},
    engine::{
        self, ClusterId, ClusterKind, Moment, ReadReason, ServerIndex, Stability, Upstream,
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
    /// How bad it is: the greatest of its names, its servers and its overrides.
    pub severity: Severity,
}

impl ClusterView {
    /// One cluster as `report` has it at `now`, published or not; `None` when `layout` has none at this
    /// place.
    pub fn new(
        layout: &Layout,
        id: ClusterId,
        report: &ClusterReport,
        now: WallTime,
    ) -> Option<Self> {
        Self::seen(layout, id, report, 0..usize::MAX, now).map(Self::assessed)
    }

    /// The same with no more of its servers than those at these places, and without its severity: for
    /// whoever tells neither.
    pub fn part(
        layout: &Layout,
        id: ClusterId,
        report: &ClusterReport,
        shown: Range<usize>,
    ) -> Option<Self> {
        Self::seen(layout, id, report, shown, WallTime::default())
    }

    fn seen(
        layout: &Layout,
        id: ClusterId,
        report: &ClusterReport,
        shown: Range<usize>,
        now: WallTime,
    ) -> Option<Self> {
        let listing = layout.clusters().get(id.0)?;
        let places = Places { listing, report };
        let names: Vec<_> = layout.served_of(id).map(|name| places.name(name)).collect();
        let servers = listing.servers.iter().zip(&report.servers).enumerate();
        let servers = servers.skip(shown.start).take(shown.len());
        Some(Self {
            name: listing.name.clone(),
            kind: listing.kind,
            stability: report.decision.stability,
            servers: servers
                .map(|(index, (server, standing))| {
                    let named = |upstream: Upstream<_>| upstream.filter_map(|at| places.server(at));
                    let upstream = standing.upstream.and_then(named);
                    let index = ServerIndex::new(index);
                    let view = ServerView::new(index, server, standing, report, &names, now);
                    ServerView { upstream, ..view }
                })
                .collect(),
            names,
            overrides: report.overrides.iter().map(|laid| places.laid(laid)).collect(),
            severity: Severity::default(),
        })
    }
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
            severity: Severity::default(),
        }
    }

    fn laid(&self, laid: &engine::Override) -> Override {
        let server = |place| self.server(place).unwrap_or_default();
        laid.map(server, |time| self.report.start.at(time))
    }

    fn server(&self, index: ServerIndex) -> Option<Box<str>> {
        self.listing.server_name(index).map(Box::from)
    }
}
