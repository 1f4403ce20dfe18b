//! The sockets of one probe task, and the clock: what the task's rhythm asks for is done here.

use std::sync::Arc;

use tokio::{
    sync::mpsc,
    time::{Instant, sleep_until, timeout, timeout_at},
};

use super::{
    crowd::{Crowd, Seat},
    dial::Dial,
    finding::Finding,
    jitter::{jitter, share},
    kept::Kept,
    rhythm::{Event, Reply, Rhythm, Step},
    session::{Session, look},
    sign::Sign,
    target::{Orders, Target, hinted},
    trouble::{GOODBYE, Trouble},
    wording::presentable,
};
use crate::{
    clock::Clock,
    engine::{ClusterKind, Failure, FailureKind, Moment, Outcome},
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
    /// Its place among all tasks.
    seat: Seat,
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
    Sign(Sign),
    Glance,
    Over,
    Advice,
    Hint,
}

impl Prober {
    pub fn new(target: &Target, crowd: &Crowd) -> Self {
        let clock = Clock::start();
        let config = Arc::clone(&target.config);
        let mut dial = Dial::new(target.target.clone(), Arc::clone(&target.config));
        if let Some(listener) = &target.listener {
            dial.introduce(listener.every());
        }
        Self {
            rhythm: Rhythm::new(target.kind, config, Moment::START, share()),
            clock,
            dial,
            kind: target.kind,
            kept: Kept::default(),
            session: None,
            seat: crowd.seat(),
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
                Heard::Sign(Sign::Ended(Trouble::Failed(failure))) => {
                    self.session = None;
                    self.rhythm.end();
                    return Wake::Ended(presentable(failure, &self.dial.config), now);
                }
                Heard::Sign(Sign::Ended(Trouble::Expired)) => {
                    self.session = None;
                    self.rhythm.expire();
                }
                Heard::Sign(Sign::Other) => self.rhythm.see_change(now),
                Heard::Sign(Sign::Same) => {}
                Heard::Hint => self.rhythm.hint(now),
                Heard::Glance => {
                    self.rhythm.glance(now);
                    if let Some(trouble) = self.glance().await {
                        heard = Heard::Sign(Sign::Ended(trouble));
                        continue;
                    }
                }
                Heard::Advice => {}
            }
            let advice = orders.advice.see_latest();
            self.seat.note(advice.pace, self.rhythm.is_glancing(advice));
            let share = self.seat.share();
            let due = self.clock.instant(self.rhythm.due(advice.pace, share, now));
            let glance = self.rhythm.glance_at(advice, share).filter(|_| self.may_glance());
            let glance = glance.map(|at| self.clock.instant(at)).filter(|at| *at < due);
            heard = tokio::select! {
                biased;
                () = findings.closed() => Heard::Over,
                sign = sign(&mut self.session) => Heard::Sign(sign),
                changed = orders.advice.changed() => {
                    if changed.is_ok() { Heard::Advice } else { Heard::Over }
                }
                () = self.kept.ended(), if self.session.is_none() => Heard::Due,
                () = hinted(&mut orders.hints) => Heard::Hint,
                () = sleep_until(due) => Heard::Due,
                () = sleep_until(glance.unwrap_or(due)), if glance.is_some() => Heard::Glance,
            };
        }
    }

    fn may_glance(&self) -> bool {
        self.session.as_ref().is_some_and(Session::may_glance)
    }

    /// Sends what asks for a glance. The connection's end, if it has come.
    async fn glance(&mut self) -> Option<Trouble> {
        let session = self.session.as_mut()?;
        match timeout(self.dial.config.timeout, session.glance()).await {
            Ok(sent) => sent.err(),
            Err(_) => Some(Failure::new(FailureKind::TimedOut, "a glance cannot be sent").into()),
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

/// Waits for a sign on the connection, for ever when there is none.
async fn sign(session: &mut Option<Session>) -> Sign {
    match session {
        Some(session) => session.sign().await,
        None => std::future::pending().await,
    }
}
