//! The sockets of one probe task, and the clock: what the task's rhythm asks for is done here.

use std::sync::Arc;

use tokio::{
    sync::mpsc,
    time::{Instant, sleep_until, timeout, timeout_at},
};

use super::{
    dial::Dial,
    jitter::{jitter, share},
    kept::Kept,
    rhythm::{Event, Reply, Rhythm, Step},
    session::{Session, look},
    target::{Orders, Target, hinted},
    trouble::{GOODBYE, Trouble},
    wording::presentable,
};
use crate::{
    clock::Clock,
    engine::{ClusterKind, Failure, Finding, Moment, Outcome},
};

/// What one task carries from probe to probe.
pub struct Prober {
    pub rhythm: Rhythm,
    pub clock: Clock,
    pub dial: Dial,
    kind: ClusterKind,
    /// A login that the server has not answered yet.
    kept: Kept,
    session: Option<Session>,
}

/// Why a rest is over.
pub enum Wake {
    /// A probe is due.
    Due,
    /// The idle connection ended; when that was known.
    Ended(Failure, Moment),
    /// Nobody listens any more.
    Over,
}

/// What ends one wait of a rest.
enum Heard {
    Due,
    Ended(Trouble),
    Over,
    Advice,
    Hint,
}

impl Prober {
    pub fn new(target: &Target) -> Self {
        let clock = Clock::start();
        let config = Arc::clone(&target.config);
        let mut dial = Dial::new(target.target.clone(), Arc::clone(&target.config));
        if let Some(listener) = &target.listener {
            dial.introduce(listener.every());
        }
        Self {
            rhythm: Rhythm::new(target.key, target.kind, config, Moment::START, share()),
            clock,
            dial,
            kind: target.kind,
            kept: Kept::default(),
            session: None,
        }
    }

    /// Waits until a probe is due, watching the connection and the orders meanwhile.
    pub async fn rest(&mut self, orders: &mut Orders, findings: &mpsc::Sender<Finding>) -> Wake {
        let mut heard = Heard::Advice;
        loop {
            let now = self.clock.now();
            match heard {
                Heard::Due => return Wake::Due,
                Heard::Over => return Wake::Over,
                Heard::Ended(Trouble::Failed(failure)) => {
                    self.session = None;
                    self.rhythm.end();
                    return Wake::Ended(presentable(failure, &self.dial.config), now);
                }
                Heard::Ended(Trouble::Expired) => {
                    self.session = None;
                    self.rhythm.expire();
                }
                Heard::Hint => self.rhythm.hint(now),
                Heard::Advice => {}
            }
            let pace = orders.advice.borrow_and_update().pace;
            let due = self.clock.instant(self.rhythm.due(pace, now));
            heard = tokio::select! {
                biased;
                () = findings.closed() => Heard::Over,
                trouble = ended(&mut self.session) => Heard::Ended(trouble),
                changed = orders.advice.changed() => {
                    if changed.is_ok() { Heard::Advice } else { Heard::Over }
                }
                () = self.kept.ended(), if self.session.is_none() => Heard::Due,
                () = hinted(&mut orders.hints) => Heard::Hint,
                () = sleep_until(due) => Heard::Due,
            };
        }
    }

    /// One probe, within the one deadline; and when it was over.
    pub async fn probe(&mut self, heartbeat: bool) -> (Outcome, Moment) {
        self.dial.begin();
        let mut event = Event::Due { heartbeat };
        loop {
            let now = self.clock.now();
            let step = self.rhythm.step(event, now, jitter());
            if !self.rhythm.is_logged_in() {
                self.session = None;
            }
            let deadline = self.clock.instant(self.rhythm.deadline());
            let done = match step {
                Step::End(outcome) => return (outcome, now),
                Step::Look => timeout_at(deadline, self.look(deadline)).await,
                Step::LogIn => timeout_at(deadline, self.log_in(deadline)).await,
                Step::Ask { heartbeat } => {
                    timeout_at(deadline, self.ask(deadline, heartbeat)).await
                }
            };
            event = done.unwrap_or_else(|_| Event::Silence(self.dial.silence()));
        }
    }

    async fn look(&mut self, deadline: Instant) -> Event {
        Event::Looked(look(self.kind, &mut self.dial, deadline).await)
    }

    async fn log_in(&mut self, deadline: Instant) -> Event {
        let waited = self.kept.is_any();
        let (dial, kept) = (&mut self.dial, &mut self.kept);
        let result = match &mut self.session {
            Some(session) => session.renew(dial, kept, deadline).await,
            none => Session::open(self.kind, dial, kept, deadline).await.map(|fresh| {
                *none = Some(fresh);
            }),
        };
        Event::LoggedIn { waited, result }
    }

    async fn ask(&mut self, deadline: Instant, heartbeat: bool) -> Event {
        let reply = match &mut self.session {
            Some(session) => session
                .probe(&mut self.dial, deadline, heartbeat)
                .await
                .map(|facts| Reply { facts, spent: session.is_spent() }),
            // As if the server had ended it: the rhythm has another one opened.
            None => Err(Trouble::Expired),
        };
        Event::Asked(reply)
    }

    /// Closes the connection politely.
    pub async fn close(self) {
        if let Some(session) = self.session {
            let _ = timeout(GOODBYE, session.close()).await;
        }
    }
}

/// Waits for the end of the connection, for ever when there is none.
async fn ended(session: &mut Option<Session>) -> Trouble {
    match session {
        Some(session) => session.ended().await,
        None => std::future::pending().await,
    }
}
