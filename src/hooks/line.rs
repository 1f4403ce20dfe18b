//! One hook with the changes that it has yet to tell.
//!
//! They are told in the order in which they happened, one at a time. When too many wait, the oldest
//! are dropped: what is now matters more than what was.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::Ordering},
    time::Duration,
};

use tokio::{
    sync::{Notify, Semaphore},
    time::{sleep, timeout},
};
use tracing::{debug, info, warn};

use super::{
    command,
    tally::{Counts, HookTally},
    webhook,
};
use crate::{
    chronicle::Entry,
    config::{HookAction, HookConfig},
};

/// Changes that may wait for one hook.
pub const WAITING_MAX: usize = 100;

/// How often a webhook is tried for one change: for four minutes of refusals.
const ATTEMPTS: u32 = 10;

/// The wait before the second attempt; each further one is twice as long.
const FIRST_WAIT: Duration = Duration::from_secs(1);

/// The longest wait between two attempts.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// One hook.
#[derive(Debug)]
pub struct Line {
    queue: Mutex<Queue>,
    /// There is something new in the queue, or it is closed.
    stirred: Notify,
    counts: Counts,
}

#[derive(Debug)]
struct Queue {
    /// What the hook is at the moment.
    hook: Arc<HookConfig>,
    /// Oldest first.
    waiting: VecDeque<Arc<Entry>>,
    /// Whether one is being told.
    telling: bool,
    /// Those that were lost since the log last said so.
    lost: u64,
    closed: bool,
}

impl Line {
    pub fn new(hook: Arc<HookConfig>) -> Self {
        let waiting = VecDeque::new();
        let queue = Queue { hook, waiting, telling: false, lost: 0, closed: false };
        Self { queue: Mutex::new(queue), stirred: Notify::new(), counts: Counts::default() }
    }

    pub fn is_named(&self, name: &str) -> bool {
        self.queue().hook.name.eq_ignore_ascii_case(name)
    }

    /// From the next attempt on, the hook is another one of the same name.
    pub fn follow(&self, hook: Arc<HookConfig>) {
        self.queue().hook = hook;
    }

    /// Takes in a change if the hook wants it.
    pub fn offer(&self, entry: &Arc<Entry>) {
        let mut queue = self.queue();
        if !queue.hook.wants(&entry.change) {
            return;
        }
        if queue.waiting.len() == WAITING_MAX {
            queue.waiting.pop_front();
            self.lose(&mut queue, 1);
        }
        queue.waiting.push_back(Arc::clone(entry));
        drop(queue);
        self.stirred.notify_one();
    }

    /// So many changes went by that nobody looked at.
    pub fn missed(&self, changes: u64) {
        self.lose(&mut self.queue(), changes);
    }

    /// Nothing more comes.
    pub fn close(&self) {
        self.queue().closed = true;
        self.stirred.notify_one();
    }

    pub fn tally(&self) -> HookTally {
        let queue = self.queue();
        let count = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
        HookTally {
            name: queue.hook.name.clone(),
            runs: count(&self.counts.runs),
            failures: count(&self.counts.failures),
            dropped: count(&self.counts.dropped),
            pending: queue.waiting.len() + usize::from(queue.telling),
            failing_since: self.counts.failing_since(),
        }
    }

    /// Tells one change after the other until the queue is closed and empty. Each attempt takes one
    /// of `places`.
    pub async fn run(self: Arc<Self>, places: Arc<Semaphore>) {
        while let Some(entry) = self.next().await {
            self.tell(&entry, &places).await;
            self.queue().telling = false;
        }
    }

    async fn next(&self) -> Option<Arc<Entry>> {
        loop {
            if let Some(next) = self.waiting() {
                return next;
            }
            self.stirred.notified().await;
        }
    }

    /// The oldest that waits; `Some(None)` when none will ever come.
    fn waiting(&self) -> Option<Option<Arc<Entry>>> {
        let mut queue = self.queue();
        let lost = std::mem::take(&mut queue.lost);
        if lost > 0 {
            let hook = &*queue.hook.name;
            warn!(event = "hook", hook, lost, "{lost} events were dropped, the oldest first");
        }
        match queue.waiting.pop_front() {
            Some(entry) => {
                queue.telling = true;
                Some(Some(entry))
            }
            None => queue.closed.then_some(None),
        }
    }

    async fn tell(&self, entry: &Entry, places: &Semaphore) {
        let mut wait = FIRST_WAIT;
        for attempt in 1.. {
            let hook = Arc::clone(&self.queue().hook);
            let Ok(place) = places.acquire().await else { return };
            let outcome = attempt_of(&hook, entry).await;
            drop(place);
            self.counts.attempt(outcome.is_ok());
            let (name, id) = (&*hook.name, entry.id);
            let Err(fault) = outcome else {
                match attempt {
                    1 => debug!(event = "hook", hook = name, id, "event {id} is told"),
                    _ => info!(event = "hook", hook = name, id, "event {id} is told at last"),
                }
                return;
            };
            let last = match &hook.action {
                HookAction::Command { .. } => 1,
                HookAction::Webhook(_) => ATTEMPTS,
            };
            if attempt >= last {
                self.counts.drop(1);
                let kind = entry.change.kind().name();
                warn!(event = "hook", hook = name, id, kind, attempt, "not told: {fault}");
                return;
            }
            if attempt == 1 {
                let again = "it is tried again";
                warn!(event = "hook", hook = name, id, "not told, {again}: {fault}");
            } else {
                debug!(event = "hook", hook = name, id, attempt, "not told: {fault}");
            }
            sleep(wait).await;
            wait = (wait * 2).min(LONGEST_WAIT);
        }
    }

    fn lose(&self, queue: &mut Queue, events: u64) {
        if queue.lost == 0 {
            let hook = &*queue.hook.name;
            warn!(event = "hook", hook, "too many events wait: the oldest are dropped");
        }
        queue.lost += events;
        self.counts.drop(events);
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Tells it once. The error is in words, for the log.
async fn attempt_of(hook: &HookConfig, entry: &Entry) -> Result<(), String> {
    match &hook.action {
        HookAction::Command { program, arguments } => {
            let ran = command::run(program, arguments, entry, hook.timeout).await;
            ran.map_err(|fault| fault.to_string())
        }
        HookAction::Webhook(webhook) => {
            match timeout(hook.timeout, webhook::post(webhook, entry)).await {
                Ok(posted) => posted.map_err(|fault| format!("{}: {fault}", webhook.target)),
                Err(_) => Err(format!("{}: no reply in {:?}", webhook.target, hook.timeout)),
            }
        }
    }
}
