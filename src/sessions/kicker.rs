//! Notices that a write name has left a server, and has the server pursued.

use std::{collections::HashMap, sync::Arc};

use tokio::{
    sync::{
        broadcast::{Receiver, error::RecvError},
        watch,
    },
    task::{AbortHandle, JoinSet},
};

use super::{
    Desks,
    pursuit::{Pursuit, Quarry},
    writer::published_writer,
};
use crate::{
    api::EventEntry,
    config::{ClusterConfig, Config, KickMode},
    control::Chronicle,
    metrics::KickCounts,
    publish::Reader,
};

/// Whoever notices.
pub(super) struct Kicker {
    config: watch::Receiver<Arc<Config>>,
    reader: Reader,
    news: Receiver<Arc<EventEntry>>,
    chronicle: Chronicle,
    counts: KickCounts,
    desks: Desks,
    /// The last writer of each cluster with a kick, as far as one was ever known.
    writers: HashMap<Box<str>, Box<str>>,
    pursuits: JoinSet<()>,
    running: HashMap<Quarry, AbortHandle>,
}

impl Kicker {
    pub(super) fn new(
        config: watch::Receiver<Arc<Config>>,
        reader: Reader,
        chronicle: Chronicle,
        counts: KickCounts,
        desks: Desks,
    ) -> Self {
        let (_, news) = chronicle.follow();
        Self {
            config,
            reader,
            news,
            chronicle,
            counts,
            desks,
            writers: HashMap::new(),
            pursuits: JoinSet::new(),
            running: HashMap::new(),
        }
    }

    /// Goes on until nobody adds to the chronicle any more.
    pub(super) async fn run(mut self) {
        self.look_at_all();
        loop {
            tokio::select! {
                Ok(()) = self.config.changed() => self.look_at_all(),
                news = self.news.recv() => match news {
                    Ok(entry) => self.hear(&entry),
                    // What was missed is in what is published.
                    Err(RecvError::Lagged(_)) => self.look_at_all(),
                    Err(RecvError::Closed) => return,
                },
                Some(_) = self.pursuits.join_next() => {}
            }
            self.running.retain(|_, pursuit| !pursuit.is_finished());
        }
    }

    /// Learns who writes where. A cluster whose kick is new, or was off, begins with who writes now.
    fn look_at_all(&mut self) {
        let config = Arc::clone(&self.config.borrow_and_update());
        let kicking: Vec<_> = config.clusters.iter().filter(|cluster| kicks(cluster)).collect();
        self.writers.retain(|name, _| kicking.iter().any(|cluster| cluster.policy.name == *name));
        for cluster in kicking {
            if let Some(writer) = published_writer(&self.reader, &cluster.policy.name) {
                self.wrote(&cluster.policy.name, &writer);
            }
        }
    }

    fn hear(&mut self, entry: &EventEntry) {
        let (Some(cluster), Some(name)) = (&entry.cluster, &entry.name) else { return };
        let config = Arc::clone(&self.config.borrow());
        let mut clusters = config.clusters.iter();
        let is_write_name = clusters
            .any(|known| *known.policy.name == **cluster && kicks(known) && is_write(known, name));
        // It may say several only where it is no write name.
        if let (true, Some(writer)) = (is_write_name, &entry.to) {
            self.wrote(cluster, writer);
        }
    }

    /// The write name of `cluster` says `writer`.
    fn wrote(&mut self, cluster: &str, writer: &str) {
        let before = self.writers.insert(cluster.into(), writer.into());
        if let Some(back) = self.running.remove(&Quarry::new(cluster, writer)) {
            back.abort();
        }
        let Some(before) = before.filter(|before| **before != *writer) else { return };
        let quarry = Quarry::new(cluster, &before);
        if let Some(earlier) = self.running.remove(&quarry) {
            earlier.abort();
        }
        let pursuit = Pursuit::new(
            quarry.clone(),
            self.config.clone(),
            self.reader.clone(),
            self.chronicle.clone(),
            self.counts.clone(),
            Arc::clone(&self.desks),
        );
        self.running.insert(quarry, self.pursuits.spawn(pursuit.run()));
    }
}

/// Whether the cluster has a kick that is not off.
fn kicks(cluster: &ClusterConfig) -> bool {
    cluster.kick.as_ref().is_some_and(|kick| kick.mode != KickMode::Off)
}

fn is_write(cluster: &ClusterConfig, name: &str) -> bool {
    let write = cluster.names.iter().find(|served| served.role == crate::answers::NameRole::Write);
    write.is_some_and(|served| served.name.to_string() == *name)
}
