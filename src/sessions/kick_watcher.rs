//! Notices that a write name has left a server, and has the server pursued.

use std::{collections::HashMap, sync::Arc};

use tokio::{
    sync::broadcast::{Receiver, error::RecvError},
    task::{AbortHandle, JoinSet},
};

use super::{
    KickContext,
    kick::{Kick, KickTarget},
    writer::published_writers,
};
use crate::{
    answers::NameRole,
    chronicle::Entry,
    config::{ClusterConfig, KickMode},
    report::What,
};

/// Whoever notices.
pub struct KickWatcher {
    context: KickContext,
    news: Receiver<Arc<Entry>>,
    /// The clusters with a kick that is not off, by name: the last server that the write name of each
    /// said, if it has said one since then.
    writers: HashMap<Box<str>, Option<Box<str>>>,
    kicks: JoinSet<()>,
    running: HashMap<KickTarget, AbortHandle>,
}

impl KickWatcher {
    /// One that hears of what happens by `news`.
    pub fn new(context: KickContext, news: Receiver<Arc<Entry>>) -> Self {
        Self {
            context,
            news,
            writers: HashMap::new(),
            kicks: JoinSet::new(),
            running: HashMap::new(),
        }
    }

    /// Goes on until nobody adds to the chronicle any more.
    pub async fn run(mut self) {
        self.look_at_all();
        loop {
            tokio::select! {
                Ok(()) = self.context.config.changed() => self.look_at_all(),
                news = self.news.recv() => match news {
                    Ok(entry) => self.hear(&entry),
                    // What was missed is in what is published.
                    Err(RecvError::Lagged(_)) => self.look_at_all(),
                    Err(RecvError::Closed) => return,
                },
                Some(_) = self.kicks.join_next() => {}
            }
            self.running.retain(|_, kick| !kick.is_finished());
        }
    }

    /// Learns who writes where. A cluster whose kick is new, or was off, begins with who writes now.
    fn look_at_all(&mut self) {
        let config = Arc::clone(&self.context.config.borrow_and_update());
        let mut earlier = std::mem::take(&mut self.writers);
        for cluster in config.clusters.iter().filter(|cluster| kicks(cluster)) {
            let writer = earlier.remove(&cluster.name).flatten();
            self.writers.insert(cluster.name.clone(), writer);
        }
        if self.writers.is_empty() {
            return;
        }
        for (cluster, writer) in published_writers(&self.context.reader) {
            self.wrote(&cluster, &writer);
        }
    }

    fn hear(&mut self, entry: &Entry) {
        if let (Some(cluster), What::Write { to: Some(writer), .. }) =
            (&entry.change.cluster, &entry.change.what)
        {
            self.wrote(cluster, writer);
        }
    }

    /// The write name of `cluster` says `writer`. Nothing happens where it is not followed.
    fn wrote(&mut self, cluster: &str, writer: &str) {
        let Some(known) = self.writers.get_mut(cluster) else { return };
        let before = known.replace(writer.into());
        if let Some(back) = self.running.remove(&KickTarget::new(cluster, writer)) {
            back.abort();
        }
        let Some(before) = before.filter(|before| **before != *writer) else { return };
        let target = KickTarget::new(cluster, &before);
        if let Some(earlier) = self.running.remove(&target) {
            earlier.abort();
        }
        let kick = Kick::new(target.clone(), self.context.clone());
        self.running.insert(target, self.kicks.spawn(kick.run()));
    }
}

/// Whether the cluster has a write name and a kick that is not off.
fn kicks(cluster: &ClusterConfig) -> bool {
    cluster.kick.as_ref().is_some_and(|kick| kick.mode != KickMode::Off)
        && cluster.names.iter().any(|served| served.role == NameRole::Write)
}
