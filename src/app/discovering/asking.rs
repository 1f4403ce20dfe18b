//! The tasks that ask the sources of one cluster: one for each, which goes at its own pace and delays
//! nobody else.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use tokio::{
    sync::{mpsc, watch},
    task::{AbortHandle, JoinSet},
    time::{Instant, sleep_until},
};

use crate::{
    config::{ClusterConfig, Config, SourceConfig},
    discovery::SourceKind,
    sources::{Asker, Heard, pause},
};

/// What has been heard and nobody has looked at yet. A source whose word has no room waits.
const QUEUE: usize = 4;

/// How soon a source that tells of changes itself is heard again.
const SOONEST: Duration = Duration::from_millis(500);

/// Those tasks. Dropping it ends them.
#[derive(Debug)]
pub struct Asking {
    tasks: JoinSet<()>,
    sources: BTreeMap<SourceKind, (watch::Sender<Asked>, AbortHandle)>,
    tell: mpsc::Sender<Heard>,
    heard: mpsc::Receiver<Heard>,
}

/// Whom a task asks, and for which cluster.
#[derive(Clone, Debug)]
struct Asked {
    source: Arc<SourceConfig>,
    config: Arc<Config>,
    cluster: Box<str>,
}

impl Default for Asking {
    fn default() -> Self {
        let (tell, heard) = mpsc::channel(QUEUE);
        Self { tasks: JoinSet::new(), sources: BTreeMap::new(), tell, heard }
    }
}

impl Asking {
    /// Asks those sources that the cluster has now, as they are to be asked now.
    pub fn follow(&mut self, config: &Arc<Config>, name: &str) {
        let discovery = cluster(config, name).and_then(|cluster| cluster.discovery.as_ref());
        let wanted = discovery.map_or(&[][..], |discovery| &discovery.sources);
        self.sources.retain(|kind, (_, task)| {
            let stays = wanted.iter().any(|source| source.kind() == *kind) && !task.is_finished();
            if !stays {
                task.abort();
            }
            stays
        });
        while self.tasks.try_join_next().is_some() {}
        for source in wanted {
            let asked = Asked {
                source: Arc::clone(source),
                config: Arc::clone(config),
                cluster: name.into(),
            };
            if let Some((running, _)) = self.sources.get(&source.kind()) {
                running.send_replace(asked);
                continue;
            }
            let (sender, receiver) = watch::channel(asked);
            let task = self.tasks.spawn(ask(receiver, self.tell.clone()));
            self.sources.insert(source.kind(), (sender, task));
        }
    }

    /// The next word of any of them. Cancel-safe.
    pub async fn heard(&mut self) -> Option<Heard> {
        self.heard.recv().await
    }
}

/// Asks one source until nobody listens.
async fn ask(mut asked: watch::Receiver<Asked>, tell: mpsc::Sender<Heard>) {
    let mut asker = Asker::default();
    loop {
        let now = asked.borrow_and_update().clone();
        let begun = Instant::now();
        if let Some(cluster) = cluster(&now.config, &now.cluster) {
            // Most of the time nobody is asked, and what asking takes is not held.
            let heard = Box::pin(asker.ask(cluster, &now.source)).await;
            if tell.send(heard).await.is_err() {
                return;
            }
        }
        let mut due = begun + pause(now.source.interval);
        loop {
            tokio::select! {
                () = sleep_until(due) => break,
                // Many changes at a time are one.
                () = asker.news() => due = due.min(begun + SOONEST),
                changed = asked.changed() => match changed {
                    // Who is asked otherwise is asked at once.
                    Ok(()) if asked.borrow_and_update().source != now.source => break,
                    Ok(()) => {}
                    Err(_) => return,
                },
            }
        }
    }
}

fn cluster<'c>(config: &'c Config, name: &str) -> Option<&'c ClusterConfig> {
    config.clusters.iter().find(|cluster| *cluster.name == *name)
}
