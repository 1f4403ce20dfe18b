//! The probe task of one server: rests, probes and tells, as the server's [rhythm](super::rhythm) says.

use std::{sync::Arc, time::Duration};

use tokio::{sync::mpsc, time::timeout};

use super::{
    crowd::Crowd,
    finding::Finding,
    jitter::jitter,
    prober::{Prober, Wake},
    rhythm::{HELD_FOR, Held, Told},
    target::{Orders, Target},
    trail::{Leg, Trail},
    wording::{presentable, presentable_text},
};
use crate::{
    clock::Clock,
    discovery::{Login, Word},
    engine::{Failure, FailureKind, Outcome, ProbeKey},
};

/// Probes `target` until `findings` has no receiver or its advice no sender any more.
///
/// Each probe and each unexpected end of the connection sends one finding, in the order of what
/// happened. When the channel is full the probe waits. At the end the connection is closed
/// politely.
pub async fn run(target: Target, mut orders: Orders, findings: mpsc::Sender<Finding>) {
    let mut prober = Prober::new(&target, &orders.crowd);
    let mut held = Held::default();
    let sender = FindingSender { probe: target.key, clock: prober.clock, findings: &findings };
    loop {
        let (latest, now) = match prober.rest(&mut orders, &findings).await {
            Wake::Due => {
                let heartbeat = orders.advice.latest().heartbeat;
                // On the heap for as long as it takes: a task at rest is the smaller for it.
                let mut probing = Box::pin(prober.probe(heartbeat));
                let soon = match held.is_empty() {
                    true => None,
                    false => timeout(HELD_FOR, &mut probing).await.ok(),
                };
                let (outcome, now) = match soon {
                    Some(ended) => ended,
                    None if sender.send(held.with(None)).await => (&mut probing).await,
                    None => break,
                };
                drop(probing);
                target.meter.note(&outcome, now.since(prober.rhythm.last_start()));
                if let Some(listener) = &target.listener {
                    listener.note(&outcome, prober.dial.introduction.take());
                }
                let asked = prober.clock.moment(prober.dial.asked());
                (Told { asked, outcome }, now)
            }
            Wake::Ended(failure, now) => {
                target.meter.ended(&failure);
                // The end of an idle connection alone is nothing for those who listen.
                (Told { asked: now, outcome: Outcome::Failed(failure) }, now)
            }
            Wake::Over => break,
        };
        let pace = orders.advice.latest().pace;
        let told = prober.rhythm.conclude(latest, &mut held, pace, now, jitter());
        if !sender.send(told).await {
            break;
        }
    }
    Box::pin(prober.close()).await;
}

/// Where one task reports.
struct FindingSender<'a> {
    probe: ProbeKey,
    clock: Clock,
    findings: &'a mpsc::Sender<Finding>,
}

impl FindingSender<'_> {
    /// Sends them in their order; `false` when nobody listens any more.
    async fn send(&self, all: Vec<Told>) -> bool {
        for Told { asked, outcome } in all {
            let asked = self.clock.instant(asked);
            if self.findings.send(Finding { probe: self.probe, asked, outcome }).await.is_err() {
                return false;
            }
        }
        true
    }
}

/// One probe over a connection of its own, for `pointsman probe` and for tests. Never writes a
/// heartbeat.
pub async fn once(target: &Target) -> Outcome {
    let mut prober = Prober::new(target, &Crowd::default());
    let (outcome, _) = prober.probe(false).await;
    prober.close().await;
    outcome
}

/// As [`once`], with what the server tells of itself and of others: for one that is examined.
///
/// # Errors
/// How it failed.
pub async fn introduced(target: &Target) -> Result<Word, Failure> {
    let mut prober = Prober::new(target, &Crowd::default());
    prober.dial.introduce(Duration::ZERO);
    let (outcome, _) = prober.probe(false).await;
    let introduction = prober.dial.introduction.take();
    prober.close().await;
    match (outcome, introduction) {
        (Outcome::Answered(facts), Some(introduction)) => Ok(Word { facts, introduction }),
        (Outcome::Answered(_), None) => {
            let detail = "it does not say who it is";
            Err(Failure::new(FailureKind::Garbled, detail))
        }
        (Outcome::Failed(failure), _) => Err(failure),
        (Outcome::Witnessed(..), _) => {
            Err(Failure::new(FailureKind::Garbled, "a witness is no server"))
        }
    }
}

/// As [`introduced`], for a server that nobody vouches for: it gets no password that it could read,
/// hand on or cheaply guess, and what its login has shown of it is [`Login::Open`] if it lets in
/// whoever comes.
///
/// # Errors
/// How it failed.
pub async fn stranger(target: &Target) -> Result<Word, Failure> {
    let by = |config| Target { config: Arc::new(config), ..target.clone() };
    let careful = by(target.config.for_strangers(target.kind));
    let Some(proof) = target.config.for_proof(target.kind) else {
        return introduced(&careful).await;
    };
    match introduced(&by(proof)).await {
        Err(Failure { kind: FailureKind::Misconfigured, .. }) => {
            let mut word = introduced(&careful).await?;
            word.introduction.login = Login::Open;
            Ok(word)
        }
        came => came,
    }
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
    let mut prober = Prober::new(target, &Crowd::default());
    prober.dial.trail = Trail::followed();
    let (outcome, _) = prober.probe(false).await;
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

#[cfg(test)]
mod tests {
    use std::{sync::Arc, time::Duration};

    use tokio::sync::{mpsc, watch};

    use super::{Crowd, Orders, Target, run};
    use crate::{
        config::{ProbeTarget, TargetHost},
        engine::{ClusterKind, Pace, ProbeAdvice, ProbeKey},
        metrics::ProbeMeter,
        probe::{advice::advice_channel, test_config},
    };

    /// Thousands of tasks rest nearly all the time: what a probe needs while it runs must not be
    /// theirs for good.
    #[test]
    fn a_task_at_rest_is_small() {
        let config = test_config(Duration::from_millis(1500));
        let target = Target {
            key: ProbeKey(0),
            target: ProbeTarget { host: TargetHost::Name("db1".into()), port: 5432 },
            kind: ClusterKind::Postgres,
            config: Arc::new(config),
            meter: ProbeMeter::default(),
            listener: None,
        };
        let (_, advice) = advice_channel(ProbeAdvice { pace: Pace::Normal, heartbeat: false });
        let (_, hints) = watch::channel(());
        let (send, _) = mpsc::channel(1);
        let task = run(target, Orders { advice, hints, crowd: Crowd::default() }, send);
        assert!(size_of_val(&task) <= 4096, "{} octets", size_of_val(&task));
    }
}
