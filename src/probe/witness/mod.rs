//! The witnesses of one server: each a task of its own that asks who else knows of it.
//!
//! A witness is asked at the pace of its server's probe, within the same `timeout`, and never twice
//! at a time. It reports its word; one that cannot be reached or understood has none. Where the
//! server itself is not asked, the witness that speaks for it reports facts, or how it failed, too.

mod agent;
mod command;
mod http;
mod patroni;
mod words;

use std::sync::Arc;

use tokio::{
    sync::mpsc,
    time::{sleep_until, timeout_at},
};

pub use self::http::{Client as HttpClient, Lines as HttpLines};
use self::{agent::Agent, command::Command, http::Http, patroni::Patroni};
use super::{
    Orders,
    crowd::{Crowd, Seat},
    dial::Dial,
    finding::Finding,
    jitter::{jitter, share},
    rhythm::{Due, Stance, Stride},
    target::hinted,
    wording::presentable,
};
use crate::{
    clock::Clock,
    config::{ProbeConfig, ProbeTarget, WitnessConfig},
    engine::{
        Check, Facts, Failure, FailureKind, Moment, Outcome, Pace, ProbeKey, Testimony, Word,
    },
    metrics::ProbeMeter,
    plain_text::start_of_line,
};

/// Whom to ask about which server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WitnessTarget {
    /// Under which name it reports.
    pub key: ProbeKey,
    /// Its name and that of its cluster, for a command.
    pub names: Names,
    /// Where it is probed. A witness is asked on the same host.
    pub target: ProbeTarget,
    /// How the check is made.
    pub witness: Arc<WitnessConfig>,
    /// How its cluster is probed.
    pub config: Arc<ProbeConfig>,
    /// Whether the witness's replies are the server's own, because that is not asked itself.
    pub speaks: bool,
    /// Where its questions are counted.
    pub meter: ProbeMeter,
}

/// What a command is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names {
    /// The cluster's name.
    pub cluster: Box<str>,
    /// The server's name.
    pub server: Arc<str>,
}

/// Asks a witness until `findings` has no receiver or the orders no sender any more.
///
/// Each question sends one finding of what the witness said; one that speaks for its server
/// sends a second one. When the channel is full the next question waits.
pub async fn watch(target: WitnessTarget, mut orders: Orders, findings: mpsc::Sender<Finding>) {
    let mut asking = Asking::new(&target, &orders.crowd);
    let mut due = Due::first(Moment::START, share());
    let mut stance = Stance::Unknown;
    while asking.rest(due, &target.config, &mut orders, &findings).await {
        let pace = patient(orders.advice.latest().pace);
        let Reply { said, outcome } = asking.ask(&target.config).await;
        let now = asking.clock.now();
        asking.stride.note(&outcome, pace);
        let presentable = |failure| presentable(failure, &target.config);
        let said = said.map(shortened).map_err(presentable);
        let said = Outcome::Witnessed(asking.check, said);
        target.meter.note(&said, now.since(asking.last_start));
        let mut outcomes = vec![said];
        due = Due::Paced(jitter());
        if target.speaks {
            let before = std::mem::replace(&mut stance, Stance::of(&outcome));
            if stance.calls_for_second_look(before) {
                due = Due::second_look(now);
            }
            outcomes.push(match outcome {
                Outcome::Failed(failure) => Outcome::Failed(presentable(failure)),
                other => other,
            });
        }
        for outcome in outcomes {
            // A question may be two requests: what is said is as old as the first.
            let asked = asking.clock.instant(asking.last_start);
            let finding = Finding { probe: target.key, asked, outcome };
            if findings.send(finding).await.is_err() {
                return;
            }
        }
    }
}

/// What a question came to.
struct Reply {
    /// The witness's word.
    said: Result<Testimony, Failure>,
    /// The same as that of the server itself.
    outcome: Outcome,
}

impl Reply {
    /// The outcome of a witness that knows no more of a server than whether it works.
    fn plain(said: Result<Testimony, Failure>) -> Self {
        let outcome = match &said {
            Ok(Testimony { word: Word::Down, detail, .. }) => {
                Outcome::Failed(Failure::new(FailureKind::Troubled, detail.clone()))
            }
            Ok(_) => Outcome::Answered(Facts::Tcp),
            Err(failure) => Outcome::Failed(failure.clone()),
        };
        Self { said, outcome }
    }
}

/// One witness and when it was last asked.
struct Asking {
    check: Check,
    witness: Witness,
    clock: Clock,
    last_start: Moment,
    stride: Stride,
    seat: Seat,
}

enum Witness {
    Patroni(Patroni),
    Http(Http),
    Agent(Agent),
    Command(Command),
}

impl Asking {
    fn new(target: &WitnessTarget, crowd: &Crowd) -> Self {
        let witness = match &*target.witness {
            WitnessConfig::Patroni { port, tls, replica_lag } => {
                Witness::Patroni(Patroni::new(target, *port, tls, *replica_lag))
            }
            WitnessConfig::Http { port, path, host, expect, tls } => {
                Witness::Http(Http::new(target, (*port, host.as_deref(), tls), path, expect))
            }
            WitnessConfig::Agent { port } => Witness::Agent(Agent::new(target, *port)),
            WitnessConfig::Command { program, arguments } => {
                Witness::Command(Command::new(target, program, arguments))
            }
        };
        let (clock, last_start, stride) = (Clock::start(), Moment::START, Stride::default());
        let (check, seat) = (target.witness.check(), crowd.seat());
        Self { check, witness, clock, last_start, stride, seat }
    }

    /// Waits until a question is due; `false` when nobody listens any more.
    async fn rest(
        &mut self,
        mut due: Due,
        config: &ProbeConfig,
        orders: &mut Orders,
        findings: &mpsc::Sender<Finding>,
    ) -> bool {
        loop {
            let pace = patient(orders.advice.see_latest().pace);
            self.seat.note(pace, false);
            let rest = self.stride.rest(pace, self.seat.share(), config);
            let at = self.clock.instant(due.at(self.last_start, rest, self.last_start));
            tokio::select! {
                biased;
                () = findings.closed() => return false,
                changed = orders.advice.changed() => {
                    if changed.is_err() {
                        return false;
                    }
                }
                () = hinted(&mut orders.hints) => {
                    self.stride.doubt();
                    due = Due::Hinted;
                }
                () = sleep_until(at) => return true,
            }
        }
    }

    async fn ask(&mut self, config: &ProbeConfig) -> Reply {
        self.last_start = self.clock.now();
        let deadline = self.clock.instant(self.last_start + config.timeout);
        if let Some(dial) = self.witness.dial() {
            dial.begin();
        }
        let asked = async {
            match &mut self.witness {
                Witness::Patroni(patroni) => patroni.ask(deadline).await,
                Witness::Http(http) => Reply::plain(http.ask(deadline).await),
                Witness::Agent(agent) => Reply::plain(agent.ask(deadline).await),
                Witness::Command(command) => Reply::plain(command.ask().await),
            }
        };
        if let Ok(reply) = timeout_at(deadline, asked).await {
            return reply;
        }
        let kind = self.witness.dial().map_or(FailureKind::TimedOut, |dial| dial.silence());
        let silence = Failure::new(kind, format!("no reply within {:?}", config.timeout));
        Reply { said: Err(silence.clone()), outcome: Outcome::Failed(silence) }
    }
}

impl Witness {
    /// How it is reached; a command is not.
    fn dial(&mut self) -> Option<&mut Dial> {
        match self {
            Self::Patroni(patroni) => Some(patroni.dial()),
            Self::Http(http) => Some(http.dial()),
            Self::Agent(agent) => Some(agent.dial()),
            Self::Command(_) => None,
        }
    }
}

/// The pace at which a witness is asked: no sprint, for a question is a request to a small program or
/// a process of its own.
fn patient(pace: Pace) -> Pace {
    match pace {
        Pace::Sprint => Pace::Urgent,
        other => other,
    }
}

fn shortened(testimony: Testimony) -> Testimony {
    let detail = start_of_line(testimony.detail.trim(), DETAIL_CHARS_MAX).into();
    Testimony { detail, ..testimony }
}

/// A log line stays readable, whatever a witness says.
const DETAIL_CHARS_MAX: usize = 200;
