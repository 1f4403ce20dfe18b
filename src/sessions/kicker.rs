//! Notices that a write name has left a server, and has the server pursued.

use std::{collections::HashMap, sync::Arc};

use tokio::{
    sync::broadcast::{Receiver, error::RecvError},
    task::{AbortHandle, JoinSet},
};

use super::{
    Means,
    pursuit::{Pursuit, Quarry},
    writer::published_writers,
};
use crate::{
    answers::NameRole,
    api::EventEntry,
    config::{ClusterConfig, KickMode},
};

/// Whoever notices.
pub(super) struct Kicker {
    means: Means,
    news: Receiver<Arc<EventEntry>>,
    /// The clusters with a kick that is not off, by name.
    followed: HashMap<Box<str>, Followed>,
    pursuits: JoinSet<()>,
    running: HashMap<Quarry, AbortHandle>,
}

/// What is known of a cluster with a kick.
struct Followed {
    /// Its write name.
    name: String,
    /// The last that it said, if it has said one since then.
    writer: Option<Box<str>>,
}

impl Kicker {
    /// One that hears of what happens by `news`.
    pub(super) fn new(means: Means, news: Receiver<Arc<EventEntry>>) -> Self {
        Self {
            means,
            news,
            followed: HashMap::new(),
            pursuits: JoinSet::new(),
            running: HashMap::new(),
        }
    }

    /// Goes on until nobody adds to the chronicle any more.
    pub(super) async fn run(mut self) {
        self.look_at_all();
        loop {
            tokio::select! {
                Ok(()) = self.means.config.changed() => self.look_at_all(),
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
        let config = Arc::clone(&self.means.config.borrow_and_update());
        let mut earlier = std::mem::take(&mut self.followed);
        for cluster in config.clusters.iter().filter(|cluster| kicks(cluster)) {
            let Some(name) = write_name(cluster) else { continue };
            let known = earlier.remove(&cluster.name);
            let writer = known.and_then(|known| known.writer);
            self.followed.insert(cluster.name.clone(), Followed { name, writer });
        }
        if self.followed.is_empty() {
            return;
        }
        for (cluster, writer) in published_writers(&self.means.reader) {
            self.wrote(&cluster, &writer);
        }
    }

    fn hear(&mut self, entry: &EventEntry) {
        let (Some(cluster), Some(name), Some(writer)) = (&entry.cluster, &entry.name, &entry.to)
        else {
            return;
        };
        // A read name may say several servers, or have the same events.
        if self.followed.get(&**cluster).is_some_and(|followed| followed.name == *name) {
            self.wrote(cluster, writer);
        }
    }

    /// The write name of `cluster` says `writer`. Nothing happens where it is not followed.
    fn wrote(&mut self, cluster: &str, writer: &str) {
        let Some(followed) = self.followed.get_mut(cluster) else { return };
        let before = followed.writer.replace(writer.into());
        if let Some(back) = self.running.remove(&Quarry::new(cluster, writer)) {
            back.abort();
        }
        let Some(before) = before.filter(|before| **before != *writer) else { return };
        let quarry = Quarry::new(cluster, &before);
        if let Some(earlier) = self.running.remove(&quarry) {
            earlier.abort();
        }
        let pursuit = Pursuit::new(quarry.clone(), self.means.clone());
        self.running.insert(quarry, self.pursuits.spawn(pursuit.run()));
    }
}

/// Whether the cluster has a kick that is not off.
fn kicks(cluster: &ClusterConfig) -> bool {
    cluster.kick.as_ref().is_some_and(|kick| kick.mode != KickMode::Off)
}

fn write_name(cluster: &ClusterConfig) -> Option<String> {
    let write = cluster.names.iter().find(|served| served.role == NameRole::Write)?;
    Some(write.name.to_string())
}
