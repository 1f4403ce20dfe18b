//! Tells others of changes: runs commands, calls webhooks.
//!
//! ```text
//! Chronicle ──news──▶ dispatcher ──▶ line of hook 1 ──▶ one event after the other
//!                         └────────▶ line of hook 2 ──▶ one event after the other
//! ```
//!
//! Each hook has a queue of its own, so that one that hangs delays no other; the driver waits for
//! none of them. What was before the start is not told. All hooks together make at most
//! eight attempts at a time, and one that waits to try again takes no place.

mod command;
mod line;
mod signature;
mod tally;
mod webhook;

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{
        Semaphore,
        broadcast::{self, error::RecvError, error::TryRecvError},
        oneshot, watch,
    },
    task::{AbortHandle, JoinSet},
    time::timeout,
};
use tracing::warn;

use self::line::Line;
pub use self::tally::HookTally;
use crate::{
    chronicle::{Chronicle, Entry},
    config::HookConfig,
};

/// Attempts of all hooks at a time.
const AT_ONCE: usize = 8;

/// How long hooks may go on when all stops.
const LEAVE: Duration = Duration::from_secs(2);

/// The running hooks. Dropping it ends all of them and kills their commands.
#[derive(Debug)]
pub struct Hooks {
    /// One task, which owns those of the hooks.
    dispatcher: JoinSet<()>,
    stopping: oneshot::Sender<()>,
    handle: HooksHandle,
}

/// What can be asked and told while hooks run. Clones share it.
#[derive(Clone, Debug)]
pub struct HooksHandle {
    wanted: watch::Sender<Vec<Arc<HookConfig>>>,
    lines: Arc<Mutex<Vec<Arc<Line>>>>,
}

/// Hands each change to those who want it.
struct Dispatcher {
    news: broadcast::Receiver<Arc<Entry>>,
    wanted: watch::Receiver<Vec<Arc<HookConfig>>>,
    /// In the order of the configuration.
    lines: Arc<Mutex<Vec<Arc<Line>>>>,
    runners: JoinSet<()>,
    /// The runner of each of `lines`.
    handles: Vec<AbortHandle>,
    places: Arc<Semaphore>,
}

impl Hooks {
    /// Runs `hooks` on what is added to `chronicle` from now on. Needs a running tokio runtime.
    pub fn start(hooks: &[Arc<HookConfig>], chronicle: &Chronicle) -> Self {
        let (_, news) = chronicle.follow();
        let (wanted, to_follow) = watch::channel(hooks.to_vec());
        let lines = Arc::default();
        let handle = HooksHandle { wanted, lines: Arc::clone(&lines) };
        let (stopping, stop) = oneshot::channel();
        let mut dispatcher = Dispatcher {
            news,
            wanted: to_follow,
            lines,
            runners: JoinSet::new(),
            handles: Vec::new(),
            places: Arc::new(Semaphore::new(AT_ONCE)),
        };
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            dispatcher.follow();
            dispatcher.run(stop).await;
        });
        Self { dispatcher: tasks, stopping, handle }
    }

    /// What can be asked and told while they run.
    pub fn handle(&self) -> &HooksHandle {
        &self.handle
    }

    /// Lets them tell what has happened for another moment, then ends all of them.
    pub async fn stop(mut self) {
        // A dispatcher that has ended needs no word.
        _ = self.stopping.send(());
        if timeout(LEAVE, self.dispatcher.join_next()).await.is_ok() {
            return;
        }
        self.dispatcher.shutdown().await;
        for tally in self.handle.tallies().iter().filter(|tally| tally.pending > 0) {
            let (name, lost) = (&*tally.name, tally.pending);
            warn!(event = "hook", hook = name, lost, "stopped before {lost} events were told");
        }
    }
}

impl HooksHandle {
    /// Goes on with other hooks. One of the same name keeps what it has yet to tell.
    pub fn follow(&self, hooks: &[Arc<HookConfig>]) {
        self.wanted.send_if_modified(|wanted| {
            let differs = wanted[..] != *hooks;
            if differs {
                *wanted = hooks.to_vec();
            }
            differs
        });
    }

    /// What each hook has done so far, in the order of the configuration.
    pub fn tallies(&self) -> Vec<HookTally> {
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.iter().map(|line| line.tally()).collect()
    }
}

impl Dispatcher {
    /// Hands out changes until it is told to stop and all of them are told.
    async fn run(&mut self, mut stop: oneshot::Receiver<()>) {
        loop {
            tokio::select! {
                biased;
                _ = &mut stop => break,
                Ok(()) = self.wanted.changed() => self.follow(),
                news = self.news.recv() => match news {
                    Ok(entry) => self.tell(&entry),
                    Err(RecvError::Lagged(missed)) => self.missed(missed),
                    Err(RecvError::Closed) => break,
                },
                Some(_) = self.runners.join_next() => {}
            }
        }
        loop {
            match self.news.try_recv() {
                Ok(entry) => self.tell(&entry),
                Err(TryRecvError::Lagged(missed)) => self.missed(missed),
                Err(TryRecvError::Empty | TryRecvError::Closed) => break,
            }
        }
        for line in self.lines() {
            line.close();
        }
        while self.runners.join_next().await.is_some() {}
    }

    fn tell(&self, entry: &Arc<Entry>) {
        for line in self.lines() {
            line.offer(entry);
        }
    }

    fn missed(&self, missed: u64) {
        for line in self.lines() {
            line.missed(missed);
        }
    }

    /// Starts the hooks that are new, lets those of the same name know what they are now, and ends
    /// the others.
    fn follow(&mut self) {
        let wanted = self.wanted.borrow_and_update().clone();
        let before: Vec<_> = self.lines().into_iter().zip(self.handles.drain(..)).collect();
        let mut lines = Vec::with_capacity(wanted.len());
        for hook in wanted {
            let known = before.iter().find(|(line, _)| line.is_named(&hook.name));
            let (line, handle) = match known {
                Some((line, handle)) => {
                    line.follow(hook);
                    (Arc::clone(line), handle.clone())
                }
                None => {
                    let line = Arc::new(Line::new(hook));
                    let running = Arc::clone(&line).run(Arc::clone(&self.places));
                    (line, self.runners.spawn(running))
                }
            };
            lines.push(line);
            self.handles.push(handle);
        }
        for (line, handle) in before {
            if !lines.iter().any(|kept| Arc::ptr_eq(kept, &line)) {
                handle.abort();
            }
        }
        *self.lines.lock().unwrap_or_else(PoisonError::into_inner) = lines;
    }

    fn lines(&self) -> Vec<Arc<Line>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
