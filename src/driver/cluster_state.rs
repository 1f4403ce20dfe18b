//! One cluster as the driver sees it.

use std::{collections::HashMap, sync::Arc};

use super::PlannedCluster;
use crate::{
    answers::{ClusterAnswers, PublishedServer},
    engine::{ClusterId, Decision, Engine, Override, ProbeKey, ServerId, ServerIndex},
    probe::advice::AdviceSender,
};

/// The advice channels of all tasks.
pub type Channels = HashMap<ProbeKey, AdviceSender>;

/// What is published of a cluster, and who asks about its servers.
#[derive(Debug)]
pub struct ClusterState {
    pub name: Box<str>,
    published: Arc<[PublishedServer]>,
    decision: Decision,
    overrides: Box<[Override]>,
    /// The tasks of each server.
    probes: Box<[Box<[Task]>]>,
}

/// A task and how it is told to go on.
#[derive(Debug)]
struct Task {
    key: ProbeKey,
    advice: AdviceSender,
}

impl ClusterState {
    /// One that is at this place from now on. Its tasks' channels are taken out of `channels`.
    pub fn new(
        id: ClusterId,
        planned: PlannedCluster,
        channels: &mut Channels,
        engine: &Engine,
    ) -> Self {
        let PlannedCluster { policy, published, probes } = planned;
        let mut task = |key| Some(Task { advice: channels.remove(&key)?, key });
        let probes =
            probes.into_iter().map(|keys| keys.into_iter().filter_map(&mut task).collect());
        let followed = Self {
            name: policy.name,
            published,
            decision: engine.decision(id),
            overrides: engine.overrides(id).into(),
            probes: probes.collect(),
        };
        followed.advise(id, engine);
        followed
    }

    /// Takes over the engine's decision and advice. Returns whether the decision, or what is laid
    /// over it, is another one.
    pub fn follow(&mut self, id: ClusterId, engine: &Engine) -> bool {
        self.advise(id, engine);
        let decision = engine.decision(id);
        let overrides = engine.overrides(id);
        let changed = decision != self.decision || *overrides != *self.overrides;
        self.decision = decision;
        if *overrides != *self.overrides {
            self.overrides = overrides.into();
        }
        changed
    }

    fn advise(&self, id: ClusterId, engine: &Engine) {
        for (server, tasks) in self.tasks(id) {
            let advice = engine.advice(server);
            for task in tasks {
                task.advice.send(advice);
            }
        }
    }

    /// Which task asks about which server, with this cluster at `id`.
    pub fn keys(&self, id: ClusterId) -> impl Iterator<Item = (ProbeKey, ServerId)> {
        self.tasks(id).flat_map(|(server, tasks)| tasks.iter().map(move |task| (task.key, server)))
    }

    /// Gives the channels of all tasks back.
    pub fn into_channels(self) -> impl Iterator<Item = (ProbeKey, AdviceSender)> {
        self.probes.into_iter().flatten().map(|task| (task.key, task.advice))
    }

    /// Its servers in config order.
    pub fn servers(&self) -> &[PublishedServer] {
        &self.published
    }

    pub fn answers(&self) -> ClusterAnswers<'_> {
        ClusterAnswers {
            name: &self.name,
            servers: &self.published,
            decision: &self.decision,
            overrides: &self.overrides,
        }
    }

    fn tasks(&self, cluster: ClusterId) -> impl Iterator<Item = (ServerId, &[Task])> {
        let id = move |index| ServerId { cluster, server: ServerIndex::new(index) };
        self.probes.iter().enumerate().map(move |(index, tasks)| (id(index), &**tasks))
    }
}
