//! The probe task of one server: when to ask, and what to do between two questions.
//!
//! Besides the advised cadence there are two extra probes, because two agreeing replies are needed
//! to judge and the second should not wait for the next tick: one `CONFIRM_DELAY` after a first
//! hard failure, and one after a server's stance on writes changed. A connection that ends while it
//! is idle is a failure of its own and is checked at once. A server that ends every connection soon
//! after the login earns only one such check per fast interval. A hint moves the next probe forward
//! and changes nothing else.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::{mpsc, watch},
    time::{Instant, sleep_until, timeout, timeout_at},
};

use super::{
    session::{Session, Trouble},
    socket::Dial,
    stance::Stance,
};
use crate::{
    config::{ProbeConfig, ProbeTarget},
    engine::{
        ClusterKind, Evidence, Facts, Failure, FailureKind, Observation, Outcome, Pace,
        ProbeAdvice, ServerId,
    },
};

/// Whom to probe and how.
#[derive(Clone, Debug)]
pub struct Target {
    /// The server, as the engine knows it.
    pub id: ServerId,
    /// Where to connect.
    pub target: ProbeTarget,
    /// What it speaks.
    pub kind: ClusterKind,
    /// How its cluster is probed.
    pub config: Arc<ProbeConfig>,
}

/// What a probe task is told while it runs.
#[derive(Clone, Debug)]
pub struct Orders {
    /// How to go on, by the engine. The task ends when it has no sender any more.
    pub advice: watch::Receiver<ProbeAdvice>,
    /// A change asks for a probe at once, whatever the cadence. Without a sender nobody asks.
    pub hints: watch::Receiver<()>,
}

/// Probes `target` until `observations` has no receiver or its advice no sender any more.
///
/// Each probe and each unexpected end of the connection sends one observation, in the order of what
/// happened. When the channel is full the probe waits. At the end the connection is closed
/// politely.
pub async fn run(target: Target, mut orders: Orders, observations: mpsc::Sender<Observation>) {
    let mut prober = Prober::new(&target);
    let mut next = Next::At(Instant::now() + START_SPREAD.mul_f64(rand::random()));
    loop {
        let outcome = match prober.rest(next, &mut orders, &observations).await {
            Wake::Due => {
                let now = *orders.advice.borrow();
                prober.probe(now.heartbeat).await
            }
            Wake::Ended(failure) => Outcome::Failed(failure),
            Wake::Over => break,
        };
        next = prober.next_after(&outcome);
        let server = target.id;
        if observations.send(Observation { server, outcome }).await.is_err() {
            break;
        }
    }
    prober.close().await;
}

/// One probe over a connection of its own, for `pointsman probe` and for tests. Never writes a
/// heartbeat.
pub async fn once(target: &Target) -> Outcome {
    let mut prober = Prober::new(target);
    let outcome = prober.probe(false).await;
    prober.close().await;
    outcome
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
    /// The stance at the last answer over a connection that may still be renewed. `Some` while the server refuses
    /// fresh ones.
    parked: Option<Stance>,
    /// How long the last fresh connection took, login and all.
    fresh_took: Option<Duration>,
    /// Probes in a row that timed out.
    silences: u32,
    /// The last outcome was a connection that ended under us.
    ended: bool,
}

/// When the next probe is due.
#[derive(Clone, Copy)]
enum Next {
    /// Then, whatever the advice.
    At(Instant),
    /// By the advised cadence, stretched or shrunk by this factor.
    Paced(f64),
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
            parked: None,
            fresh_took: None,
            silences: 0,
            ended: false,
        }
    }

    /// Waits until a probe is due, watching the connection and the orders meanwhile.
    async fn rest(
        &mut self,
        mut next: Next,
        orders: &mut Orders,
        observations: &mpsc::Sender<Observation>,
    ) -> Wake {
        loop {
            let due = match next {
                Next::At(due) => due,
                Next::Paced(factor) => {
                    let pace = orders.advice.borrow_and_update().pace;
                    self.last_start + self.interval(pace).mul_f64(factor)
                }
            };
            tokio::select! {
                biased;
                () = observations.closed() => return Wake::Over,
                trouble = ended(&mut self.session) => {
                    self.session = None;
                    match trouble {
                        Trouble::Expired => {}
                        Trouble::Failed(failure) => {
                            self.ended = true;
                            return Wake::Ended(self.presentable(failure));
                        }
                    }
                }
                changed = orders.advice.changed() => {
                    if changed.is_err() {
                        return Wake::Over;
                    }
                }
                () = hinted(&mut orders.hints) => {
                    next = Next::At(self.last_start + HINTS_APART);
                }
                () = sleep_until(due) => return Wake::Due,
            }
        }
    }

    /// One probe, within the one deadline.
    async fn probe(&mut self, heartbeat: bool) -> Outcome {
        self.ended = false;
        self.last_start = Instant::now();
        let patience = self.patience();
        let deadline = self.last_start + patience;
        let heartbeat = heartbeat && self.dial.config.heartbeat_write;
        let outcome = match timeout_at(deadline, self.ask(deadline, heartbeat)).await {
            Ok(Ok(facts)) => Outcome::Answered(facts),
            Ok(Err(failure)) => Outcome::Failed(self.presentable(failure)),
            Err(_) => {
                // The connection is in the middle of something; nobody knows of what.
                self.session = None;
                let detail = format!("no reply within {patience:?}");
                Outcome::Failed(Failure::new(FailureKind::TimedOut, detail))
            }
        };
        let timed_out =
            matches!(&outcome, Outcome::Failed(failure) if failure.kind == FailureKind::TimedOut);
        self.silences = if timed_out { self.silences.saturating_add(1) } else { 0 };
        outcome
    }

    /// How long this probe may take: `timeout`, unless the server has just been silent for that long.
    ///
    /// The next few probes then wait only as long as a healthy server would need several times over, so that a silent
    /// host is known in little more than one `timeout` rather than in `fall` of them. After that they are patient
    /// again, because a server that comes back may be slow.
    fn patience(&self) -> Duration {
        let config = &self.dial.config;
        match self.fresh_took {
            Some(took) if (1..=HASTY_PROBES).contains(&self.silences) => {
                (took * HASTE_MARGIN).max(config.fast_interval).min(config.timeout)
            }
            _ => config.timeout,
        }
    }

    async fn ask(&mut self, deadline: Instant, heartbeat: bool) -> Result<Facts, Failure> {
        if let Err(refusal) = self.renew_if_due(deadline).await {
            return self.ask_parked(refusal, deadline).await;
        }
        let mut used = self.session.is_some();
        loop {
            let session = match &mut self.session {
                Some(session) => session,
                none => {
                    let began = Instant::now();
                    let fresh = Session::open(self.kind, &mut self.dial, deadline).await?;
                    self.fresh_took = Some(began.elapsed());
                    self.parked = None;
                    self.renew_at = Instant::now() + RENEW_AFTER.mul_f64(jitter());
                    none.insert(fresh)
                }
            };
            let trouble = match session.probe(&mut self.dial, deadline, heartbeat).await {
                Ok(facts) => return Ok(facts),
                Err(trouble) => trouble,
            };
            self.session = None;
            if used && matches!(trouble, Trouble::Expired) {
                used = false;
                continue;
            }
            let failure = trouble.into_failure();
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
        let renewed = session.renew(&mut self.dial, deadline).await;
        match &renewed {
            Ok(()) => {
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
                Err(refusal)
            }
        }
    }

    /// Remembers `outcome` and says when to ask again.
    fn next_after(&mut self, outcome: &Outcome) -> Next {
        let stance = Stance::of(outcome);
        let before = std::mem::replace(&mut self.last, stance);
        let now = Instant::now();
        if self.ended {
            let recently = self.last_end.replace(now).is_some_and(|last| {
                now.saturating_duration_since(last) < self.dial.config.fast_interval
            });
            if !recently {
                return Next::At(now);
            }
        } else if stance.calls_for_second_look(before) {
            return Next::At(now + CONFIRM_DELAY);
        }
        Next::Paced(jitter())
    }

    /// The failure as it may be shown: one line of bounded length, without the password.
    fn presentable(&self, failure: Failure) -> Failure {
        let mut detail = failure.detail.into_string();
        if let Some(password) = &self.dial.config.password
            && password.reveal().len() >= MASKED_OCTETS_MIN
        {
            detail = detail.replace(password.reveal(), "***");
        }
        let detail: String = detail
            .chars()
            .map(|c| if c.is_control() { ' ' } else { c })
            .take(DETAIL_CHARS_MAX)
            .collect();
        Failure::new(failure.kind, detail)
    }

    fn interval(&self, pace: Pace) -> Duration {
        match pace {
            Pace::Calm => self.dial.config.interval,
            Pace::Fast => self.dial.config.fast_interval,
        }
    }

    async fn close(self) {
        if let Some(session) = self.session {
            // A full socket buffer is no reason to hang around.
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

/// Waits for a hint, for ever when nobody can give one.
async fn hinted(hints: &mut watch::Receiver<()>) {
    if hints.changed().await.is_err() {
        std::future::pending().await
    }
}

/// Keeps the probes of many servers, and of two Pointsmen, from falling into step.
fn jitter() -> f64 {
    rand::random_range(1.0 - JITTER..1.0 + JITTER)
}

/// Between a first hard failure, or a changed stance, and the second look. Long enough for the
/// second to be evidence of its own (a listener that is only replaced is back), short enough that
/// two still come to a verdict within a tenth of a second.
const CONFIRM_DELAY: Duration = Duration::from_millis(75);

/// Probes after a first silence that are in haste. As many as the default `fall` needs, and some.
const HASTY_PROBES: u32 = 4;

/// A hasty probe waits so many times as long as the last fresh connection took: twice for a bad moment, twice again for
/// the question itself.
const HASTE_MARGIN: u32 = 4;

/// The first probes of all servers start within this time, so that the first round stays short.
const START_SPREAD: Duration = Duration::from_millis(100);

/// Between the starts of two hinted probes: a flood of hints must be no flood of questions.
const HINTS_APART: Duration = Duration::from_millis(50);

/// How far an interval may be stretched or shrunk.
const JITTER: f64 = 0.05;

/// How long a connection is used. A server that accepts nothing new (full, password changed,
/// certificate expired) goes on answering on an old connection, so only a fresh one shows it.
const RENEW_AFTER: Duration = Duration::from_secs(10);

/// How long a goodbye may take.
const GOODBYE: Duration = Duration::from_millis(100);

/// A log line stays readable, whatever a server says.
const DETAIL_CHARS_MAX: usize = 300;

/// Shorter passwords are not masked: masking every `a` of a text would tell the password rather
/// than hide it.
const MASKED_OCTETS_MIN: usize = 4;
