//! What operators ask: who is a candidate for a name and why, and what would be decided if.

use std::time::Duration;

use pointsman::engine::{
    Because, Candidacy, Change, ClusterId, ClusterKind, Engine, Failback, Lag, Moment, NameOf,
    ServerId, ServerIndex, ServerState, StateReason, Supposition, Wish, WriteReason,
};

use crate::{operators::laid, simulation::policy, world::World};

const CLUSTER: ClusterId = ClusterId(0);

struct Site {
    world: World,
    engine: Engine,
    now: Moment,
}

impl Site {
    /// Three servers that have answered for so many seconds.
    fn healthy(kind: ClusterKind, seconds: usize) -> Self {
        let engine = Engine::new(vec![policy(kind, 3, Failback::Stay)], Moment::START);
        let mut site = Self { world: World::new(kind, 3), engine, now: Moment::START };
        site.seconds(seconds);
        site
    }

    fn seconds(&mut self, seconds: usize) {
        for _ in 0..2 * seconds {
            self.world.tick();
            for index in 0..self.world.hosts.len() {
                self.engine.observe(self.world.observe(index, self.now), self.now);
            }
            self.engine.decide(self.now);
            self.now = self.now + Duration::from_millis(500);
        }
    }

    fn candidates(&self, name: NameOf) -> Vec<(bool, Because, Change)> {
        let told = self.engine.candidacy(CLUSTER, name, self.now).into_iter();
        told.map(|Candidacy { included, because, change, .. }| (included, because, change))
            .collect()
    }

    fn lay(&mut self, wish: Wish) {
        self.engine.lay(CLUSTER, laid(wish, self.now, None), self.now).expect("a sensible wish");
        self.engine.decide(self.now);
    }

    fn all_supposed(&self, supposed: &[(usize, Supposition)]) -> Engine {
        let supposed: Vec<_> =
            supposed.iter().map(|&(server, what)| (ServerIndex::new(server), what)).collect();
        self.engine.suppose(CLUSTER, &supposed, self.now)
    }

    fn supposed(&self, server: usize, supposed: Supposition) -> Engine {
        self.engine.suppose(CLUSTER, &[(ServerIndex::new(server), supposed)], self.now)
    }
}

fn id(server: usize) -> ServerId {
    ServerId { cluster: CLUSTER, server: ServerIndex::new(server) }
}

fn said(engine: &Engine) -> (Option<usize>, Vec<usize>) {
    let decision = engine.decision(CLUSTER);
    let reads = decision.reads[0].servers.iter().map(|member| member.server.place()).collect();
    (decision.write.and_then(|write| write.server).map(|server| server.place()), reads)
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn each_candidate_says_why_and_what_would_change_it() {
    let mut site = Site::healthy(ClusterKind::Postgres, 3);
    let replica = Because::Is(ServerState::Replica, StateReason::Fresh);
    assert_eq!(
        site.candidates(NameOf::Writes),
        [
            (true, Because::Writes(WriteReason::Primary), Change::Replaced),
            (false, replica, Change::Promoted),
            (false, replica, Change::Promoted),
        ]
    );
    let fresh = Because::Fresh(Some(Lag(Duration::ZERO)));
    let limit = Lag(seconds(3));
    assert_eq!(
        site.candidates(NameOf::Reads(0)),
        [
            (false, Because::PrimarySpared, Change::OthersFail),
            (true, fresh, Change::FallsBehind(limit)),
            (true, fresh, Change::FallsBehind(limit)),
        ]
    );
    assert_eq!(site.candidates(NameOf::Reads(1)), []);

    site.world.hosts[2].paused = true;
    site.world.kill(1);
    site.seconds(1);
    let told = site.candidates(NameOf::Reads(0));
    assert_eq!(told[0], (true, Because::PrimaryHelps, Change::ReplicasReturn));
    assert!(matches!(told[1], (false, Because::Is(ServerState::Down, _), Change::AnswersWell(2))));
    let paused = Because::Is(ServerState::OutOfService, StateReason::ReplayPaused);
    assert_eq!(told[2], (false, paused, Change::BackInService));
}

#[test]
fn what_operators_have_laid_is_told_as_theirs() {
    let mut site = Site::healthy(ClusterKind::Postgres, 3);
    site.lay(Wish::Drain { server: ServerIndex::new(1), force: false });
    let told = site.candidates(NameOf::Reads(0));
    assert_eq!(told[1], (false, Because::Drained, Change::OverrideEnds));
    site.lay(Wish::Pin { server: ServerIndex::new(0), even_if_not_writable: false });
    let told = site.candidates(NameOf::Writes);
    assert_eq!(told[0], (true, Because::Writes(WriteReason::Pinned), Change::OverrideEnds));
    assert_eq!(told[2], (false, Because::PinnedElsewhere, Change::OverrideEnds));
    site.lay(Wish::Maintenance);
    for name in [NameOf::Writes, NameOf::Reads(0)] {
        let told = site.candidates(name);
        assert!(
            told.iter()
                .all(|(included, _, change)| { !included && *change == Change::OverrideEnds })
        );
    }
}

#[test]
fn words_about_candidates_are_for_people() {
    let late = Because::TooLate { lag: Some(Lag(seconds(12))), limit: Lag(seconds(10)) };
    assert_eq!(late.to_string(), "behind by 12.0s, and max_lag is 10.0s");
    let returns = Change::CatchesUp(Lag(seconds(8))).to_string();
    assert_eq!(returns, "when it is behind by at most 8.0s 2 times in a row");
    let replica = Because::Is(ServerState::Replica, StateReason::Fresh).to_string();
    assert_eq!(replica, "it is Replica: replicating within the limit");
}

#[test]
fn several_changes_are_supposed_at_once() {
    for kind in [ClusterKind::Postgres, ClusterKind::MySql] {
        let site = Site::healthy(kind, 3);
        // A planned switchover, and a failover.
        let then = site.all_supposed(&[(0, Supposition::Down), (1, Supposition::Promoted)]);
        assert_eq!(said(&then), (Some(1), vec![2]), "{kind:?}");
        let then = site.supposed(0, Supposition::ReadOnly);
        assert_eq!(said(&then).0, None, "{kind:?}");
        let then = site.all_supposed(&[(1, Supposition::Drained), (2, Supposition::Down)]);
        assert_eq!(said(&then), (Some(0), vec![0]), "{kind:?}: the primary helps out");
        assert_eq!(said(&site.engine), (Some(0), vec![1, 2]), "{kind:?}: nothing has changed");
    }
}

#[test]
fn a_supposed_crash_is_decided_as_a_real_one() {
    let site = Site::healthy(ClusterKind::Postgres, 3);
    let then = site.supposed(0, Supposition::Down);
    assert_eq!(said(&then), (Some(0), vec![1, 2]));
    let write = then.decision(CLUSTER).write.expect("a write name");
    assert_eq!(write.reason, WriteReason::Held(ServerState::Down));
    assert_eq!(said(&site.supposed(1, Supposition::Down)), (Some(0), vec![2]));
    // Nothing has happened.
    assert_eq!(said(&site.engine), (Some(0), vec![1, 2]));
    let site = Site::healthy(ClusterKind::Tcp, 3);
    assert_eq!(said(&site.supposed(0, Supposition::Down)).0, Some(1));
}

#[test]
fn supposed_lag_goes_through_the_gates() {
    for kind in [ClusterKind::Postgres, ClusterKind::MySql] {
        let site = Site::healthy(kind, 3);
        let then = site.supposed(1, Supposition::Lag(seconds(4)));
        assert_eq!(said(&then), (Some(0), vec![2]), "over max_lag of 3 s");
        let standing = then.standing(id(1));
        assert_eq!(standing.state, ServerState::ReplicaLagging);
        assert_eq!(standing.lag, Some(Lag(seconds(4))));
        assert_eq!(then.standing(id(2)), site.engine.standing(id(2)), "nothing else changes");
        let then = site.supposed(1, Supposition::Lag(seconds(3)));
        assert_eq!(said(&then), (Some(0), vec![1, 2]));
        let then = site.supposed(0, Supposition::Lag(seconds(60)));
        assert_eq!(said(&then), (Some(0), vec![1, 2]), "it is no replica");
    }
}

#[test]
fn a_supposed_return_is_judged_by_what_the_server_last_said() {
    let mut site = Site::healthy(ClusterKind::Postgres, 3);
    site.world.kill(2);
    site.seconds(2);
    assert_eq!(said(&site.engine), (Some(0), vec![1]));
    assert_eq!(said(&site.supposed(2, Supposition::Up)), (Some(0), vec![1, 2]));
    site.world.kill(0);
    site.seconds(1);
    site.world.promote(1);
    site.seconds(2);
    assert_eq!(said(&site.engine).0, Some(1));
    let then = site.supposed(0, Supposition::Up);
    assert_eq!(said(&then).0, Some(1), "it would be a stale primary");
    assert_eq!(then.standing(id(0)).state, ServerState::StalePrimary);
}

#[test]
fn overrides_hold_in_what_if_too() {
    let mut site = Site::healthy(ClusterKind::Tcp, 3);
    site.lay(Wish::Freeze);
    let then = site.supposed(0, Supposition::Down);
    assert_eq!(said(&then), said(&site.engine));
}
