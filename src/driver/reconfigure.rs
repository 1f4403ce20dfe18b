//! Another configuration while the driver runs: what is the same goes on as it is.

use std::collections::{HashMap, HashSet};

use super::{Channels, ClusterState, Driver, Newcomer, Plan, Replan, Settled, named, served_names};
use crate::{
    answers::ClusterAnswers,
    clock,
    engine::{ClusterId, ClusterKind, Moment, Override, ProbeKey, ServerId, Wish},
    publish::Snapshot,
};

impl Driver {
    /// Puts another plan in force: one new table, published once.
    pub(super) fn replan(&mut self, replan: Replan) {
        let Replan { plan, newcomers, in_force, settled } = replan;
        let now = self.clock.now();
        // What came in before is judged by the rules before it.
        self.conclude(now);
        let Plan { clusters, layout, fresh, added } = plan;
        let policies = clusters.iter().map(|cluster| cluster.policy.clone()).collect();
        self.engine.reconfigure(policies, now);
        let mut channels: Channels =
            self.clusters.drain(..).flat_map(ClusterState::into_channels).chain(fresh).collect();
        let planned = (0..).map(ClusterId).zip(clusters);
        self.clusters = planned
            .map(|(id, planned)| ClusterState::new(id, planned, &mut channels, &self.engine))
            .collect();
        // Tasks that are in no list any more hear that they are to end.
        drop(channels);
        self.servers = servers(&self.clusters);
        self.added = added;
        self.memory.note_added(&self.added);
        for newcomer in newcomers {
            self.drain(newcomer, now);
        }
        self.engine.decide(now);
        while self.engine.poll_decided().is_some() {}
        for (index, cluster) in self.clusters.iter_mut().enumerate() {
            cluster.follow(ClusterId(index), &self.engine);
        }
        let current = self.publisher.current();
        let before = current.table.layout();
        let layout = layout.succeeding(before);
        self.reporter.replan(before, &layout, &self.added);
        let events = self.engine.take_events();
        let changes = named(&events, &layout);
        self.reporter.note(&events, &changes, now);
        let answers: Vec<ClusterAnswers<'_>> =
            self.clusters.iter().map(ClusterState::answers).collect();
        let limit = self.memory.serial_limit();
        let table = current.table.replaced(layout, &answers, clock::unix_seconds(), limit);
        let reports = self.reporter.all(&self.engine, now);
        self.memory.note_serial(table.serial());
        self.counts.published();
        self.publisher.publish(Snapshot { table, reports });
        let names = served_names(&changes);
        self.remember(&[], &events, changes);
        self.tell(events, names);
        let known: HashSet<_> = self.clusters.iter().map(|cluster| &*cluster.name).collect();
        self.counts.retain(|name| known.contains(name));
        self.remember_all();
        // Who asked may have left.
        _ = in_force.send(());
        self.memory.when_saved(move |unsaved| _ = settled.send(Settled { unsaved }));
    }

    /// Lays the drain of a server that joins. It is out of every read name as long as nobody has
    /// heard of it, so that nothing speaks against it.
    fn drain(&mut self, newcomer: Newcomer, now: Moment) {
        let Newcomer { server, signed } = newcomer;
        let Ok(id) = self.server(&server) else {
            return;
        };
        // Where there are roles, the write name follows them: a newcomer that was promoted is
        // the one to write to. Where there are none, it would be a choice of ours.
        let force = self.engine.policy(id.cluster).kind == ClusterKind::Tcp;
        let wish = Wish::Drain { server: id.server, force };
        let (author, reason) = (signed.author().into(), signed.reason().into());
        let drained = Override { wish, author, reason, since: now, until: None };
        // The last server of a read name is not one that has just joined.
        _ = self.engine.lay(id.cluster, drained, now);
    }
}

/// Which server each task asks about.
pub fn servers(clusters: &[ClusterState]) -> HashMap<ProbeKey, ServerId> {
    let ids = (0..).map(ClusterId);
    ids.zip(clusters).flat_map(|(id, cluster)| cluster.keys(id)).collect()
}
