//! The probe task of one server: when to ask, and what to do between two questions.
//!
//! Besides the advised cadence there are two extra probes, because two agreeing replies are needed
//! to judge and the second should not wait for the next tick: one soon after a first hard failure,
//! and one after a server's stance on writes changed. A connection that ends while it is idle is a
//! failure of its own and is checked at once. A server that ends every connection soon
//! after the login earns only one such check per fast interval. A hint moves the next probe forward
//! and makes it an earnest one. A server that steadily refuses to let the probe in is asked in
//! earnest ever more seldom: see [`super::refusal`].

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::{mpsc, watch},
    time::{Instant, sleep_until, timeout, timeout_at},
};

use super::{
    dial::Dial,
    due::{Due, hinted},
    held::{HELD_FOR, Held, Told},
    patience::Patience,
    refusal::{Refusals, Watch},
    session::{GOODBYE, Session, Trouble, can_look, look},
    stance::Stance,
    stride::{Stride, jitter},
    trail::{Leg, Trail},
    wording::{presentable, presentable_text},
};
use crate::{
    config::{ProbeConfig, ProbeTarget},
    engine::{
        ClusterKind, Evidence, Facts, Failure, FailureKind, Finding, Outcome, Pace, ProbeAdvice,
        ProbeKey,
    },
    metrics::ProbeMeter,
};

/// Whom to probe and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Under which name it reports.
    pub key: ProbeKey,
    /// Where to connect.
    pub target: ProbeTarget,
    /// What it speaks.
    pub kind: ClusterKind,
    /// How its cluster is probed.
    pub config: Arc<ProbeConfig>,
    /// Where its probes are counted.
    pub meter: ProbeMeter,
}

/// What a probe task is told while it runs.
#[derive(Clone, Debug)]
pub struct Orders {
    /// How to go on, by the engine. The task ends when it has no sender any more.
    pub advice: watch::Receiver<ProbeAdvice>,
    /// A change asks for a probe at once, whatever the cadence. Without a sender nobody asks.
    pub hints: watch::Receiver<()>,
}

/// Probes `target` until `findings` has no receiver or its advice no sender any more.
///
/// Each probe and each unexpected end of the connection sends one finding, in the order of what
/// happened. When the channel is full the probe waits. At the end the connection is closed
/// politely.
pub async fn run(target: Target, mut orders: Orders, findings: mpsc::Sender<Finding>) {
    let mut prober = Prober::new(&target);
    let mut next = Due::first();
    let mut held = Held::default();
    loop {
        let (outcome, asked) = match prober.rest(next, &mut orders, &findings).await {
            Wake::Due => {
                let now = *orders.advice.borrow();
                // On the heap for as long as it takes: a task at rest is the smaller for it.
                let mut probing = Box::pin(prober.probe(now.heartbeat));
                let soon = match held.is_empty() {
                    true => None,
                    false => timeout(HELD_FOR, &mut probing).await.ok(),
                };
                let outcome = match soon {
                    Some(outcome) => outcome,
                    None if tell(held.with(None, target.key), &findings).await => {
                        (&mut probing).await
                    }
                    None => break,
                };
                drop(probing);
                target.meter.note(&outcome, prober.last_start.elapsed());
                (outcome, Some(prober.dial.asked()))
            }
            Wake::Ended(failure) => {
                target.meter.ended(&failure);
                (Outcome::Failed(failure), None)
            }
            Wake::Over => break,
        };
        prober.stride.note(&outcome, orders.advice.borrow().pace);
        next = prober.next_after(&outcome);
        let at_once = prober.ended && matches!(next, Due::At(_));
        let waits = held.waits(target.kind, &outcome, at_once);
        let told = Told { asked, outcome };
        if waits {
            if !held.is_empty() {
                next = Due::second_look();
            }
            held.keep(told);
        } else if !tell(held.with(Some(told), target.key), &findings).await {
            break;
        }
    }
    Box::pin(prober.close()).await;
}

/// Sends them in their order; `false` when nobody listens any more.
async fn tell(all: Vec<Finding>, findings: &mpsc::Sender<Finding>) -> bool {
    for finding in all {
        if findings.send(finding).await.is_err() {
            return false;
        }
    }
    true
}

/// One probe over a connection of its own, for `pointsman probe` and for tests. Never writes a
/// heartbeat.
pub async fn once(target: &Target) -> Outcome {
    let mut prober = Prober::new(target);
    let outcome = prober.probe(false).await;
    prober.close().await;
    outcome
}

/// What one probe came to, and how.
#[derive(Clone, Debug)]
pub struct Shown {
    /// Its steps, in their order.
    pub legs: Vec<Leg>,
    /// What it found, or how it failed.
    pub outcome: Outcome,
}

/// As [`once`], step by step. It reports to nobody else and counts nowhere.
pub async fn show(target: &Target) -> Shown {
    let mut prober = Prober::new(target);
    prober.dial.trail = Trail::followed();
    let outcome = prober.probe(false).await;
    let failure = match &outcome {
        Outcome::Failed(failure) => Some(failure),
        _ => None,
    };
    let mut legs = prober.dial.trail.end(failure);
    prober.close().await;
    for leg in &mut legs {
        leg.failure = leg.failure.take().map(|failure| presentable(failure, &target.config));
        for words in &mut leg.words {
            *words = presentable_text(words, &target.config).into();
        }
    }
    Shown { legs, outcome }
}

/// What one task carries from probe to probe.
struct Prober {
    kind: ClusterKind,
    dial: Dial,
    session: Option<Session>,
    /// When the connection is replaced by a fresh one.
    renew_at: Instant,
    /// When the last probe started, or the last connection was found ended.
    last_start: Instant,
    /// When an idle connection was last found ended.
    last_end: Option<Instant>,
    last: Stance,
    stride: Stride,
    refusals: Refusals,
    /// The stance at the last answer over a connection that may still be renewed. `Some` while the server refuses
    /// fresh ones.
    parked: Option<Stance>,
    patience: Patience,
    /// The last outcome was a connection that ended under us.
    ended: bool,
    /// Since when the advice has been to hurry, if it is.
    hurried_since: Option<Instant>,
}

/// Why a rest is over.
enum Wake {
    /// A probe is due.
    Due,
    /// The idle connection ended.
    Ended(Failure),
    /// Nobody listens any more.
    Over,
}

impl Prober {
    fn new(target: &Target) -> Self {
        let now = Instant::now();
        Self {
            kind: target.kind,
            dial: Dial::new(target.target.clone(), Arc::clone(&target.config)),
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
    async fn rest(
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
                () = self.dial.kept.ended(), if self.session.is_none() => return Wake::Due,
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
    async fn probe(&mut self, heartbeat: bool) -> Outcome {
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
                    let (began, waited) = (Instant::now(), self.dial.kept.is_any());
                    let fresh = match Session::open(self.kind, &mut self.dial, deadline).await {
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
        let renewed = session.renew(&mut self.dial, deadline).await;
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
    fn next_after(&mut self, outcome: &Outcome) -> Due {
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

    async fn close(self) {
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

#[cfg(test)]
mod tests {
    use std::{sync::Arc, time::Duration};

    use tokio::sync::{mpsc, watch};

    use super::{Orders, Target, run};
    use crate::{
        config::{ProbeConfig, ProbeTarget, TargetHost, TlsMode},
        engine::{ClusterKind, Pace, ProbeAdvice, ProbeKey},
        metrics::ProbeMeter,
    };

    /// Thousands of tasks rest nearly all the time: what a probe needs while it runs must not be
    /// theirs for good.
    #[test]
    fn a_task_at_rest_is_small() {
        let config = ProbeConfig {
            user: "pointsman".into(),
            password: None,
            database: "postgres".into(),
            tls: TlsMode::Disable,
            interval: Duration::from_secs(1),
            fast_interval: Duration::from_millis(250),
            timeout: Duration::from_millis(1500),
            heartbeat_write: false,
        };
        let target = Target {
            key: ProbeKey(0),
            target: ProbeTarget { host: TargetHost::Name("db1".into()), port: 5432 },
            kind: ClusterKind::Postgres,
            config: Arc::new(config),
            meter: ProbeMeter::default(),
        };
        let (_, advice) = watch::channel(ProbeAdvice { pace: Pace::Calm, heartbeat: false });
        let (_, hints) = watch::channel(());
        let (send, _) = mpsc::channel(1);
        let task = run(target, Orders { advice, hints }, send);
        assert!(size_of_val(&task) <= 4096, "{} octets", size_of_val(&task));
    }
}
