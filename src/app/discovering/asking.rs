//! The tasks that ask the sources of one cluster: one for each, which goes at its own pace and delays
//! nobody else.

use std::{collections::BTreeMap, future, sync::Arc, time::Duration};

use tokio::{
    sync::{mpsc, watch},
    task::{AbortHandle, JoinSet},
    time::{Instant, sleep_until},
};

use super::around::Configured;
use crate::{
    config::SourceConfig,
    discovery::SourceKind,
    sources::{Asker, Heard, pause},
};

/// What has been heard and nobody has looked at yet. A source whose word has no room waits.
const QUEUE: usize = 4;

/// How soon a source that tells of changes itself is heard again.
const SOONEST: Duration = Duration::from_millis(500);

/// Those tasks. Dropping it ends them. A cluster that asks nobody but its members has none, and takes no
/// room for what they might say.
#[derive(Debug, Default)]
pub struct Asking(Option<Box<Sources>>);

#[derive(Debug)]
struct Sources {
    tasks: JoinSet<()>,
    asked: BTreeMap<SourceKind, AbortHandle>,
    tell: mpsc::Sender<Heard>,
    heard: mpsc::Receiver<Heard>,
}

impl Default for Sources {
    fn default() -> Self {
        let (tell, heard) = mpsc::channel(QUEUE);
        Self { tasks: JoinSet::new(), asked: BTreeMap::new(), tell, heard }
    }
}

impl Asking {
    /// Asks those sources that the cluster has now. Each task follows what is said of its own.
    pub fn follow(&mut self, configured: &watch::Receiver<Configured>) {
        let wanted: Vec<_> = configured
            .borrow()
            .discovery()
            .map(|discovery| discovery.sources.iter().map(|source| source.kind()).collect())
            .unwrap_or_default();
        if wanted.is_empty() {
            self.0 = None;
            return;
        }
        let Sources { tasks, asked, tell, .. } = &mut **self.0.get_or_insert_default();
        asked.retain(|kind, task| {
            let stays = wanted.contains(kind) && !task.is_finished();
            if !stays {
                task.abort();
            }
            stays
        });
        while tasks.try_join_next().is_some() {}
        for kind in wanted {
            asked
                .entry(kind)
                .or_insert_with(|| tasks.spawn(ask(kind, configured.clone(), tell.clone())));
        }
    }

    /// The next word of any of them; never, where there is none. Cancel-safe.
    pub async fn heard(&mut self) -> Option<Heard> {
        match &mut self.0 {
            Some(sources) => sources.heard.recv().await,
            None => future::pending().await,
        }
    }
}

/// Asks one source until nobody listens, or it is no source any more.
async fn ask(
    kind: SourceKind,
    mut configured: watch::Receiver<Configured>,
    tell: mpsc::Sender<Heard>,
) {
    let mut asker = Asker::default();
    loop {
        let now = configured.borrow_and_update().clone();
        let Some(source) = source(&now, kind) else { return };
        let begun = Instant::now();
        // Most of the time nobody is asked, and what asking takes is not held.
        let heard = Box::pin(asker.ask(now.cluster(), &source)).await;
        drop(now);
        if tell.send(heard).await.is_err() {
            return;
        }
        let mut due = begun + pause(source.interval);
        loop {
            tokio::select! {
                () = sleep_until(due) => break,
                // Many changes at a time are one.
                () = asker.news() => due = due.min(begun + SOONEST),
                changed = configured.changed() => match changed {
                    // Who is asked otherwise is asked at once.
                    Ok(()) if self::source(&configured.borrow_and_update(), kind).as_ref()
                        != Some(&source) => break,
                    Ok(()) => {}
                    Err(_) => return,
                },
            }
        }
    }
}

/// How a source is asked now.
fn source(configured: &Configured, kind: SourceKind) -> Option<Arc<SourceConfig>> {
    let mut sources = configured.discovery()?.sources.iter();
    sources.find(|source| source.kind() == kind).cloned()
}
