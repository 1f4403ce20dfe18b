//! Sees that every part of Pointsman that serves keeps moving.
//!
//! ```text
//! driver, dns ──beats──▶ pulses ◀──looks, once a second── watchdog ──▶ log, /readyz, systemd
//! ```
//!
//! Each watched part advances a [`Pulse`] at least once a second. One that has not moved for five
//! seconds is stalled: the log says so once, readiness fails, and the service manager's watchdog is
//! not fed until it moves again. The watchdog is a thread outside of tokio, so that nothing that
//! holds up a task holds it up.

mod looks;
mod manager;
mod pulse;

use std::{
    io,
    sync::mpsc::{self, RecvTimeoutError},
    thread,
    time::Duration,
};

use tokio::{
    sync::{oneshot, watch},
    time::timeout,
};
use tracing::{error, info};

pub use self::pulse::{Part, Pulse};
use self::{
    looks::{Change, Looks, Stalled},
    manager::Manager,
};
use crate::{clock::Clock, engine::Moment};

/// A watchdog that does not look yet.
#[derive(Debug)]
pub struct Watchdog {
    round: Round,
    health: Health,
}

/// A watchdog that looks. Dropping it ends it.
#[derive(Debug)]
pub struct Watching {
    news: mpsc::Sender<News>,
    ended: oneshot::Receiver<()>,
}

/// Where a reload is told to the service manager. It keeps nothing alive.
#[derive(Clone, Debug)]
pub struct Announcer {
    news: mpsc::Sender<News>,
}

/// What the service manager is told beside what the watchdog sees.
#[derive(Debug)]
enum News {
    /// A reload begins.
    Reloading,
    /// It has ended, and this is what we do from now on.
    Reloaded(String),
    /// Nobody looks any more.
    Stop,
}

/// What the watchdog found at its last look. A clone tells the same.
#[derive(Clone, Debug)]
pub struct Health(watch::Receiver<Vec<Box<str>>>);

impl Watchdog {
    /// Of `parts`. `status` tells the service manager in one short line what we do while all is
    /// well.
    ///
    /// # Errors
    /// What the system says when there can be no further thread.
    pub fn new(parts: Vec<Part>, status: String) -> io::Result<Self> {
        Ok(Self::telling(Manager::from_environment()?, parts, status))
    }

    fn telling(manager: Manager, parts: Vec<Part>, status: String) -> Self {
        let (found, health) = watch::channel(Vec::new());
        let clock = Clock::start();
        let looks = Looks::new(parts);
        let looked_at = clock.now();
        let round = Round { clock, looked_at, fed_at: None, looks, manager, status, found };
        Self { round, health: Health(health) }
    }

    /// Where its findings are read.
    pub fn health(&self) -> Health {
        self.health.clone()
    }

    /// Tells the service manager that we are ready, and looks from now on.
    ///
    /// # Errors
    /// What the system says when there can be no further thread.
    pub fn start(self) -> io::Result<Watching> {
        let (news, heard) = mpsc::channel();
        let (end, ended) = oneshot::channel();
        thread::Builder::new().name("watchdog".into()).spawn(move || {
            self.round.run(&heard);
            _ = end.send(());
        })?;
        Ok(Watching { news, ended })
    }
}

impl Watching {
    /// Where reloads are told.
    pub fn announcer(&self) -> Announcer {
        Announcer { news: self.news.clone() }
    }

    /// Tells the service manager that we stop, and looks no more.
    pub async fn stop(mut self) {
        _ = self.news.send(News::Stop);
        // A service manager that does not listen is no reason to go on.
        _ = timeout(LAST_WORD, &mut self.ended).await;
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        _ = self.news.send(News::Stop);
    }
}

impl Announcer {
    /// Tells the service manager that the configuration is being read again. It waits for
    /// [`Self::reloaded`], which must follow, whether or not the new configuration is any good.
    pub fn reloading(&self) {
        // After the end nobody is told anything any more.
        _ = self.news.send(News::Reloading);
    }

    /// Tells the service manager that the reload has ended. `status` tells in one short line what we
    /// do from now on.
    pub fn reloaded(&self, status: String) {
        _ = self.news.send(News::Reloaded(status));
    }
}

impl Health {
    /// How many parts are stalled.
    pub fn stalled(&self) -> usize {
        self.0.borrow().len()
    }

    /// Every stalled part, in the words of the log; empty when all move.
    pub fn faults(&self) -> Vec<String> {
        self.0.borrow().iter().map(|part| Stalled(part).to_string()).collect()
    }
}

/// What the thread works with.
#[derive(Debug)]
struct Round {
    clock: Clock,
    looked_at: Moment,
    fed_at: Option<Moment>,
    looks: Looks,
    manager: Manager,
    status: String,
    found: watch::Sender<Vec<Box<str>>>,
}

impl Round {
    fn run(mut self, news: &mpsc::Receiver<News>) {
        self.manager.ready(&self.status);
        let mut wait = Duration::ZERO;
        loop {
            match news.recv_timeout(wait) {
                Ok(News::Reloading) => self.manager.reloading(),
                Ok(News::Reloaded(status)) => {
                    self.status = status;
                    self.manager.ready(&self.status_now());
                }
                Ok(News::Stop) | Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => {}
            }
            let now = self.clock.now();
            wait = self.look(now).min(self.feed(now));
        }
        self.manager.stopping();
    }

    /// Looks if it is time; how long until the next look.
    fn look(&mut self, now: Moment) -> Duration {
        let elapsed = now.since(self.looked_at);
        if elapsed < LOOK_EVERY {
            return LOOK_EVERY - elapsed;
        }
        self.looked_at = now;
        let changes = self.looks.again(elapsed);
        if !changes.is_empty() {
            self.note(&changes);
        }
        LOOK_EVERY
    }

    fn note(&self, changes: &[Change]) {
        let stalled = self.looks.stalled();
        for change in changes {
            match change {
                Change::Stalled(part) => {
                    error!(event = "stalled", part = &**part, "{}", Stalled(part));
                }
                Change::Recovered(part, after) => {
                    let seconds = after.as_secs();
                    info!(
                        event = "recovered",
                        part = &**part,
                        seconds,
                        "{part} moves again after {seconds} s"
                    );
                }
            }
        }
        self.found.send_replace(stalled);
        self.manager.status(&self.status_now());
    }

    /// What we do, in one short line; what does not move comes first.
    fn status_now(&self) -> String {
        let stalled = self.found.borrow();
        match stalled.is_empty() {
            true => self.status.clone(),
            false => format!("stalled: {}", stalled.join(", ")),
        }
    }

    /// Feeds the service manager's watchdog if it is time and all is well; how long until it is to
    /// be fed again.
    fn feed(&mut self, now: Moment) -> Duration {
        let Some(every) = self.manager.feed_every() else {
            return Duration::MAX;
        };
        let rest = self.fed_at.map_or(Duration::ZERO, |last| every.saturating_sub(now.since(last)));
        if !rest.is_zero() {
            return rest;
        }
        if self.found.borrow().is_empty() {
            self.manager.feed();
        }
        self.fed_at = Some(now);
        every
    }
}

/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How long the last word to the service manager may take.
const LAST_WORD: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::{manager::Message, *};

    #[tokio::test]
    async fn a_reload_is_told_with_its_end() {
        let (manager, heard) = Manager::overheard();
        let part = Part { name: "driver".into(), pulse: Pulse::default() };
        let watching = Watchdog::telling(manager, vec![part], "old".to_owned()).start().unwrap();
        let announcer = watching.announcer();
        announcer.reloading();
        announcer.reloaded("new".to_owned());
        watching.stop().await;
        let told: Vec<_> = heard.iter().collect();
        let ready = |status: &str| Message::Ready(status.to_owned());
        assert_eq!(told, [ready("old"), Message::Reloading, ready("new"), Message::Stopping]);
    }
}
