//! What one probe task carries from probe to probe, and how it makes one of them.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::mpsc,
    time::{Instant, sleep_until, timeout, timeout_at},
};

use super::{
    dial::Dial,
    due::{Due, hinted},
    kept::Kept,
    patience::Patience,
    refusal::{Refusals, Watch},
    session::{Session, can_look, look},
    stance::Stance,
    stride::{Stride, jitter},
    target::{Orders, Target},
    trouble::{GOODBYE, Trouble},
    wording::presentable,
};
use crate::engine::{ClusterKind, Evidence, Facts, Failure, FailureKind, Finding, Outcome, Pace};

/// What one task carries from probe to probe.
pub(super) struct Prober {
    pub(super) kind: ClusterKind,
    pub(super) dial: Dial,
    /// A login that the server has not answered yet.
    kept: Kept,
    session: Option<Session>,
    /// When the connection is replaced by a fresh one.
    renew_at: Instant,
    /// When the last probe started, or the last connection was found ended.
    pub(super) last_start: Instant,
    /// When an idle connection was last found ended.
    last_end: Option<Instant>,
    last: Stance,
    pub(super) stride: Stride,
    refusals: Refusals,
    /// The stance at the last answer over a connection that may still be renewed. `Some` while the server refuses
    /// fresh ones.
    parked: Option<Stance>,
    patience: Patience,
    /// The last outcome was a connection that ended under us.
    pub(super) ended: bool,
    /// Since when the advice has been to hurry, if it is.
    hurried_since: Option<Instant>,
}

/// Why a rest is over.
pub(super) enum Wake {
    /// A probe is due.
    Due,
    /// The idle connection ended.
    Ended(Failure),
    /// Nobody listens any more.
    Over,
}

impl Prober {
    pub(super) fn new(target: &Target) -> Self {
        let now = Instant::now();
        Self {
            kind: target.kind,
            dial: Dial::new(target.target.clone(), Arc::clone(&target.config)),
            kept: Kept::default(),
            session: None,
            renew_at: now,
            last_start: now,
            last_end: None,
            last: Stance::Unknown,
            stride: Stride::default(),
            refusals: Refusals::default(),
            parked: None,
            patience: Patience::default(),
            ended: false,
            hurried_since: None,
        }
    }

    /// Waits until a probe is due, watching the connection and the orders meanwhile.
    pub(super) async fn rest(
        &mut self,
        mut next: Due,
        orders: &mut Orders,
        findings: &mpsc::Sender<Finding>,
    ) -> Wake {
        loop {
            let pace = orders.advice.borrow_and_update().pace;
            self.note_pace(pace);
            let rest = self.stride.rest(pace, &self.dial.config);
            let due = next.at(self.last_start, rest, self.blind_until());
            tokio::select! {
                biased;
                () = findings.closed() => return Wake::Over,
                trouble = ended(&mut self.session) => {
                    self.session = None;
                    self.refusals.end();
                    match trouble {
                        Trouble::Expired => {}
                        Trouble::Failed(failure) => {
                            self.ended = true;
                            return Wake::Ended(presentable(failure, &self.dial.config));
                        }
                    }
                }
                changed = orders.advice.changed() => {
                    if changed.is_err() {
                        return Wake::Over;
                    }
                }
                () = self.kept.ended(), if self.session.is_none() => return Wake::Due,
                () = hinted(&mut orders.hints) => {
                    self.stride.doubt();
                    self.refusals.doubt(Instant::now());
                    next = Due::after_hint(self.last_start);
                }
                () = sleep_until(due) => return Wake::Due,
            }
        }
    }

    /// One probe, within the one deadline.
    pub(super) async fn probe(&mut self, heartbeat: bool) -> Outcome {
        self.ended = false;
        self.last_start = Instant::now();
        self.dial.begin();
        let patience = self.patience.limit(&self.dial.config);
        let deadline = self.last_start + patience;
        let heartbeat = heartbeat && self.dial.config.heartbeat_write;
        let outcome = match timeout_at(deadline, self.ask(deadline, heartbeat)).await {
            Ok(Ok(facts)) => Outcome::Answered(facts),
            Ok(Err(failure)) => Outcome::Failed(presentable(failure, &self.dial.config)),
            Err(_) => {
                // The connection is in the middle of something; nobody knows of what.
                self.session = None;
                self.refusals.end();
                let detail = format!("no reply within {patience:?}");
                Outcome::Failed(Failure::new(self.dial.silence(), detail))
            }
        };
        self.patience.note(&outcome);
        outcome
    }

    /// Asks, or sees that a server that steadily refuses us is still there.
    async fn ask(&mut self, deadline: Instant, heartbeat: bool) -> Result<Facts, Failure> {
        let Some(refusal) = self.refusals.standing(Instant::now()).cloned() else {
            return self.log_in_and_ask(deadline, heartbeat).await;
        };
        if self.session.is_some() {
            return self.ask_parked(refusal, deadline).await;
        }
        match look(self.kind, &mut self.dial, deadline).await {
            Ok(true) => Err(refusal),
            Ok(false) => self.log_in_and_ask(deadline, heartbeat).await,
            Err(failure) => {
                self.refusals.end();
                Err(failure)
            }
        }
    }

    /// Notes how a login or what followed it failed.
    fn note_refusal(&mut self, failure: &Failure) {
        let watched = self.session.is_some() || can_look(self.kind);
        let hurried = self.hurried_since.is_some_and(|since| since.elapsed() < HURRIED_FOR);
        self.refusals.note(failure, Watch { watched, hurried }, Instant::now());
    }

    /// Notes whether the cluster is in unrest.
    fn note_pace(&mut self, pace: Pace) {
        match pace {
            Pace::Calm | Pace::Slow => self.hurried_since = None,
            Pace::Fast | Pace::Urgent if self.hurried_since.is_some() => {}
            Pace::Fast | Pace::Urgent => {
                let now = Instant::now();
                self.hurried_since = Some(now);
                self.refusals.hurry(now);
            }
        }
    }

    /// Until when a probe would be blind: no login is due, and nothing else tells of the server.
    fn blind_until(&self) -> Instant {
        let blind = self.session.is_none() && !can_look(self.kind);
        self.refusals.login_at().filter(|_| blind).unwrap_or(self.last_start)
    }

    async fn log_in_and_ask(
        &mut self,
        deadline: Instant,
        heartbeat: bool,
    ) -> Result<Facts, Failure> {
        if let Err(refusal) = self.renew_if_due(deadline).await {
            self.note_refusal(&refusal);
            return self.ask_parked(refusal, deadline).await;
        }
        let mut used = self.session.is_some();
        loop {
            let session = match &mut self.session {
                Some(session) => session,
                none => {
                    let (began, waited) = (Instant::now(), self.kept.is_any());
                    let fresh =
                        match Session::open(self.kind, &mut self.dial, &mut self.kept, deadline)
                            .await
                        {
                            Ok(fresh) => fresh,
                            Err(failure) => {
                                self.note_refusal(&failure);
                                return Err(failure);
                            }
                        };
                    // One that was waited for before says nothing of the server's speed.
                    if !waited {
                        self.patience.note_fresh(began.elapsed());
                    }
                    self.parked = None;
                    self.renew_at = Instant::now() + RENEW_AFTER.mul_f64(jitter());
                    none.insert(fresh)
                }
            };
            let trouble = match session.probe(&mut self.dial, deadline, heartbeat).await {
                Ok(facts) => {
                    self.refusals.end();
                    if session.is_spent() {
                        self.renew_at = Instant::now();
                    }
                    return Ok(facts);
                }
                Err(trouble) => trouble,
            };
            self.session = None;
            if used && matches!(trouble, Trouble::Expired) {
                used = false;
                continue;
            }
            let failure = trouble.into_failure();
            self.note_refusal(&failure);
            self.ended = used && failure.kind == FailureKind::Closed;
            return Err(failure);
        }
    }

    /// Sees now and then whether the server still lets new connections in.
    ///
    /// When it says that it does not, the old connection is kept: it holds our slot in a full
    /// server, gives notice of a crash and still tells of a change of role.
    async fn renew_if_due(&mut self, deadline: Instant) -> Result<(), Failure> {
        let Some(session) = &mut self.session else {
            return Ok(());
        };
        if Instant::now() < self.renew_at {
            return Ok(());
        }
        let began = Instant::now();
        let renewed = session.renew(&mut self.dial, &mut self.kept, deadline).await;
        match &renewed {
            Ok(()) => {
                self.patience.note_fresh(began.elapsed());
                self.parked = None;
                self.renew_at = Instant::now() + RENEW_AFTER.mul_f64(jitter());
            }
            Err(failure) if failure.kind.evidence() == Evidence::Alive => {}
            Err(_) => self.session = None,
        }
        renewed
    }

    /// Asks over the old connection of a server that refuses fresh ones. The refusal is what is reported, unless the
    /// server's stance on writes has changed since: that counts for more.
    async fn ask_parked(&mut self, refusal: Failure, deadline: Instant) -> Result<Facts, Failure> {
        let Some(session) = &mut self.session else { return Err(refusal) };
        let before = *self.parked.get_or_insert(self.last);
        match session.probe(&mut self.dial, deadline, false).await {
            Ok(facts) if Stance::of_facts(&facts) != before => Ok(facts),
            Ok(_) => Err(refusal),
            Err(_) => {
                (self.session, self.parked) = (None, None);
                self.refusals.end();
                Err(refusal)
            }
        }
    }

    /// Remembers `outcome` and says when to ask again.
    pub(super) fn next_after(&mut self, outcome: &Outcome) -> Due {
        let stance = Stance::of(outcome);
        let before = std::mem::replace(&mut self.last, stance);
        let now = Instant::now();
        if self.ended {
            let recently = self.last_end.replace(now).is_some_and(|last| {
                now.saturating_duration_since(last) < self.dial.config.fast_interval
            });
            if !recently {
                return Due::At(now);
            }
        } else if stance.calls_for_second_look(before) {
            return Due::second_look();
        }
        Due::paced()
    }

    pub(super) async fn close(self) {
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

/// How long a connection is used. A server that accepts nothing new (full, password changed,
/// certificate expired) goes on answering on an old connection, so only a fresh one shows it.
const RENEW_AFTER: Duration = Duration::from_secs(10);

/// For how long unrest hurries what fills a server's log.
const HURRIED_FOR: Duration = Duration::from_secs(300);
