//! When everything fails at once, the fault may be ours.

use super::{
    ClusterId, ClusterKind, Event, FailureKind, Moment, Observation, Outcome, STEP, ServerId,
    ServerIndex, ServerState, WriteReason, fails, policy, primary, standby,
};
use crate::engine::{Engine, ReadReason};

/// An engine with two clusters of two servers, which have all answered for some seconds.
struct Site {
    engine: Engine,
    now: Moment,
}

fn healthy() -> [Outcome; 4] {
    [primary(1, 100), standby(1, 0, 100), primary(1, 100), standby(1, 0, 100)]
}

impl Site {
    fn new() -> Self {
        let policies = vec![policy(ClusterKind::Postgres, 2); 2];
        let mut site = Self { engine: Engine::new(policies, Moment::START), now: Moment::START };
        site.rounds(4, &healthy());
        assert!(site.engine.take_events().len() > 4);
        site
    }

    fn rounds(&mut self, rounds: usize, outcomes: &[Outcome]) {
        for _ in 0..rounds {
            for (index, outcome) in outcomes.iter().enumerate() {
                let (cluster, server) = (ClusterId(index / 2), ServerIndex::new(index % 2));
                let server = ServerId { cluster, server };
                let outcome = outcome.clone();
                self.engine.observe(Observation { server, asked: self.now, outcome }, self.now);
            }
            self.engine.decide(self.now);
            self.now = self.now + STEP;
        }
    }

    fn state(&self, cluster: usize, server: usize) -> ServerState {
        let (cluster, server) = (ClusterId(cluster), ServerIndex::new(server));
        self.engine.standing(ServerId { cluster, server }).state
    }
}

fn silent() -> [Outcome; 4] {
    [(); 4].map(|()| fails(FailureKind::TimedOut))
}

#[test]
fn all_silent_at_once_freezes_every_answer_and_one_reply_ends_it() {
    let mut site = Site::new();
    site.rounds(20, &silent());
    assert!(site.engine.is_isolated());
    assert_eq!(site.engine.take_events().first(), Some(&Event::Isolated));
    for cluster in [ClusterId(0), ClusterId(1)] {
        let decision = site.engine.decision(cluster);
        let write = decision.write.expect("a write name");
        assert_eq!((write.server, write.reason), HELD);
        assert_eq!(decision.reads[0].reason, ReadReason::Isolated);
    }
    assert_eq!(site.state(0, 0), ServerState::Primary, "states stand still too");
    let [_, one, ..] = healthy();
    let [zero, _, two, three] = silent();
    site.rounds(2, &[zero.clone(), one.clone(), two.clone(), three.clone()]);
    assert!(!site.engine.is_isolated());
    assert!(site.engine.take_events().contains(&Event::Reconnected));
    assert_eq!(site.state(0, 0), ServerState::Primary, "failures count anew");
    site.rounds(2, &[zero, one, two, three]);
    assert_eq!(site.state(0, 0), ServerState::Down);
}

/// Probes do not fail in step: one server's are over before the next one's have begun to fail.
#[test]
fn silence_proves_nothing_until_somebody_else_was_heard_after_it_began() {
    let mut site = Site::new();
    let hear = |site: &mut Site, cluster, server, outcome: Outcome| {
        let server = ServerId { cluster: ClusterId(cluster), server: ServerIndex::new(server) };
        site.engine.observe(Observation { server, asked: site.now, outcome }, site.now);
        site.engine.decide(site.now);
        site.now = site.now + STEP;
    };
    let [_, standby, ..] = healthy();
    for _ in 0..10 {
        hear(&mut site, 1, 1, fails(FailureKind::TimedOut));
    }
    assert_eq!(site.state(1, 1), ServerState::Replica, "nobody has vouched for our network");
    hear(&mut site, 0, 1, standby);
    hear(&mut site, 1, 1, fails(FailureKind::TimedOut));
    assert_eq!(site.state(1, 1), ServerState::Down);
}

const HELD: (Option<ServerIndex>, WriteReason) =
    (Some(ServerIndex::new(0)), WriteReason::HeldIsolated);

#[test]
fn any_sign_of_anybody_is_no_isolation() {
    for sign in [FailureKind::Refused, FailureKind::Saturated, FailureKind::Garbled] {
        let mut site = Site::new();
        let mut outcomes = silent();
        outcomes[3] = fails(sign);
        site.rounds(5, &outcomes);
        assert!(!site.engine.is_isolated(), "{sign}");
        assert_eq!(site.state(0, 0), ServerState::Down);
    }
}

#[test]
fn one_server_alone_is_no_sample() {
    let mut engine = Engine::new(vec![policy(ClusterKind::Postgres, 1)], Moment::START);
    let server = ServerId { cluster: ClusterId(0), server: ServerIndex::new(0) };
    let mut now = Moment::START;
    for outcome in [primary(1, 1), primary(1, 1), silent()[0].clone(), silent()[1].clone()] {
        engine.observe(Observation { server, asked: now, outcome }, now);
        engine.decide(now);
        now = now + STEP;
    }
    assert!(!engine.is_isolated());
}

#[test]
fn isolated_from_the_start_is_not_ready_and_no_word_of_anything() {
    let policies = vec![policy(ClusterKind::Postgres, 2); 2];
    let mut site = Site { engine: Engine::new(policies, Moment::START), now: Moment::START };
    site.rounds(20, &silent());
    let write = site.engine.decision(ClusterId(0)).write.expect("a write name");
    assert_eq!((write.server, write.reason), (None, WriteReason::NotReady));
    site.rounds(4, &healthy());
    let write = site.engine.decision(ClusterId(0)).write.expect("a write name");
    assert_eq!(write.server, Some(ServerIndex::new(0)));
}

#[test]
fn a_pause_of_our_own_is_no_silence_of_probes() {
    let mut site = Site::new();
    let pause = 2 * super::thresholds().stale_after;
    site.engine.take_events();
    site.now = site.now + pause;
    site.engine.excuse_silence(site.now);
    site.rounds(1, &healthy()[..1]);
    assert_eq!(site.engine.take_events(), [], "the others have yet to be heard");
    let deadline = site.engine.next_deadline().expect("probes may fall silent");
    site.engine.decide(deadline);
    assert_eq!(site.state(1, 0), ServerState::Unknown, "and are not excused for ever");
    site.engine.excuse_silence(deadline + pause);
    site.engine.decide(deadline + pause);
    assert_eq!(site.state(1, 0), ServerState::Unknown, "nor for what came before");
}

#[test]
fn time_alone_judges_at_the_deadline_and_only_then() {
    let mut site = Site::new();
    let deadline = site.engine.next_deadline().expect("probes may fall silent");
    let before = Moment::from_start(deadline.since_start() - std::time::Duration::from_millis(1));
    site.engine.decide(before);
    assert_eq!(site.state(0, 0), ServerState::Primary);
    assert_eq!(site.engine.next_deadline(), Some(deadline));
    site.engine.decide(deadline);
    assert_eq!(site.state(0, 0), ServerState::Unknown);
    assert_eq!(site.state(1, 1), ServerState::Unknown);
    assert!(site.engine.next_deadline().is_none_or(|next| next > deadline));
    assert!(site.engine.poll_decided().is_some());
}
