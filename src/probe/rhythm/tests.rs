//! What one task does with its server, played on a clock of our own.

use std::{sync::Arc, time::Duration};

use super::{Event, Held, Reply, Rhythm, Share, Step, Told};
use crate::{
    config::ProbeConfig,
    engine::{
        ClusterKind, Facts, Failure,
        FailureKind::{
            self, Closed, Misconfigured, Offline, Refused, Saturated, Starting, TimedOut, Troubled,
        },
        Heartbeat, Moment, Outcome,
        Pace::{self, Fast, Normal, Sprint, Urgent},
        Position, PostgresFacts, PostgresRole, ProbeAdvice,
    },
    probe::{test_config, trouble::Trouble},
};

const LOG_IN: Step = Step::LogIn;
const LOOK: Step = Step::Look;
const ASK: Step = Step::Ask { heartbeat: false };

/// A task and its server.
struct Play {
    rhythm: Rhythm,
    held: Held,
    now: Moment,
    pace: Pace,
}

impl Play {
    fn new(kind: ClusterKind) -> Self {
        Self::with(kind, test_config(Duration::from_millis(1500)))
    }

    fn with(kind: ClusterKind, config: ProbeConfig) -> Self {
        let now = Moment::from_millis(5_000);
        let rhythm = Rhythm::new(kind, Arc::new(config), now, 0.5);
        Self { rhythm, held: Held::default(), now, pace: Normal }
    }

    /// Lets `millis` pass.
    fn pass(&mut self, millis: u64) {
        self.now = self.now + Duration::from_millis(millis);
    }

    /// Milliseconds until the next probe is due; none when it has been for some time.
    fn wait(&mut self) -> u128 {
        self.rhythm.due(self.pace, Share::default(), self.now).since(self.now).as_millis()
    }

    fn step(&mut self, event: Event) -> Step {
        self.rhythm.step(event, self.now, 1.0)
    }

    /// Waits until a probe is due, which begins.
    fn begin(&mut self) -> Step {
        let millis = self.wait();
        self.pass(millis.try_into().expect("a short rest"));
        self.step(Event::Due { heartbeat: false })
    }

    /// As a login that takes no time ends.
    fn let_in(&mut self) -> Step {
        self.step(Event::LoggedIn { waited: false, result: Ok(()) })
    }

    fn refuse(&mut self, kind: FailureKind) -> Step {
        self.step(Event::LoggedIn { waited: false, result: Err(failure(kind)) })
    }

    fn reply(&mut self, facts: Facts) -> Step {
        self.step(Event::Asked(Ok(Reply { facts, spent: false })))
    }

    /// The kinds of the failures that are told, `None` for replies, after a probe that is over.
    fn conclude(&mut self, step: Step) -> Vec<Option<FailureKind>> {
        let Step::End(outcome) = step else { panic!("{step:?} goes on") };
        self.tell(Told { asked: self.rhythm.last_start(), outcome })
    }

    /// The idle login ends.
    fn end(&mut self) -> Vec<Option<FailureKind>> {
        self.rhythm.end();
        self.tell(Told { asked: self.now, outcome: failed(Closed) })
    }

    fn tell(&mut self, told: Told) -> Vec<Option<FailureKind>> {
        let findings = self.rhythm.conclude(told, &mut self.held, self.pace, self.now, 1.0);
        let kind = |outcome| match outcome {
            Outcome::Failed(failure) => Some(failure.kind),
            Outcome::Answered(_) | Outcome::Witnessed(..) => None,
        };
        findings.into_iter().map(|finding| kind(finding.outcome)).collect()
    }

    /// A probe over the open login, or a fresh one, that goes well.
    fn answer(&mut self, facts: Facts) {
        let mut step = self.begin();
        if step == LOG_IN {
            step = self.let_in();
        }
        assert!(matches!(step, Step::Ask { .. }), "{step:?}");
        let end = self.reply(facts);
        assert_eq!(self.conclude(end), [None]);
    }
}

fn failure(kind: FailureKind) -> Failure {
    Failure::new(kind, "why")
}

fn failed(kind: FailureKind) -> Outcome {
    Outcome::Failed(failure(kind))
}

fn end(kind: FailureKind) -> Step {
    Step::End(failed(kind))
}

fn primary(read_only: bool) -> Facts {
    let position = Position::lsn(1);
    let role = PostgresRole::Primary { read_only, timeline: 1, position };
    let heartbeat = Heartbeat::NotTried;
    Facts::Postgres(PostgresFacts { system_identifier: 7, role, sessions: None, heartbeat })
}

#[test]
fn what_is_new_is_looked_at_twice_and_then_by_the_cadence() {
    let mut play = Play::new(ClusterKind::Postgres);
    assert_eq!(play.wait(), 50, "half of the time in which all tasks start");
    play.answer(primary(false));
    assert_eq!(play.wait(), 75);
    play.answer(primary(false));
    for (pace, millis) in [(Normal, 1000), (Fast, 250), (Urgent, 125), (Normal, 1000)] {
        play.pace = pace;
        assert_eq!(play.wait(), millis);
    }
    assert_eq!(play.begin(), ASK);
    let end = play.step(Event::Asked(Err(failure(Refused).into())));
    assert_eq!(play.conclude(end), [Some(Refused)]);
    assert_eq!(play.wait(), 75);
}

#[test]
fn a_promotion_that_is_waited_for_is_confirmed_at_once() {
    for (pace, confirmed) in [(Sprint, 10), (Urgent, 75), (Normal, 75)] {
        let mut play = Play::new(ClusterKind::Postgres);
        play.pace = pace;
        play.answer(primary(true));
        play.answer(primary(true));
        play.answer(primary(false));
        assert_eq!(play.wait(), confirmed, "{pace:?}");
        play.answer(primary(false));
        if pace == Sprint {
            assert_eq!(play.wait(), 15);
        }
    }
    // Nobody knows what it was before.
    let mut play = Play::new(ClusterKind::Postgres);
    play.pace = Sprint;
    play.answer(primary(false));
    assert_eq!(play.wait(), 75);
}

#[test]
fn a_hint_delays_no_sprint() {
    let mut play = Play::new(ClusterKind::Postgres);
    play.pace = Sprint;
    for _ in 0..2 {
        play.answer(primary(true));
    }
    play.rhythm.hint(play.now);
    assert_eq!(play.wait(), 15);
    play.pace = Normal;
    assert_eq!(play.wait(), 50);
}

#[test]
fn the_published_writer_of_mysql_is_glanced_at_between_two_probes() {
    let mut play = Play::new(ClusterKind::MySql);
    let advice = |heartbeat| ProbeAdvice { pace: Normal, heartbeat };
    let wait = |play: &mut Play, share| {
        let at = play.rhythm.glance_at(advice(true), share)?;
        Some(at.since(play.now).as_millis())
    };
    assert_eq!(wait(&mut play, Share::default()), None, "nobody is logged in");
    play.answer(primary(false));
    assert_eq!(wait(&mut play, Share::default()), Some(100));
    assert_eq!(play.rhythm.glance_at(advice(false), Share::default()), None, "it is no writer");
    play.pass(100);
    play.rhythm.glance(play.now);
    assert_eq!(wait(&mut play, Share::default()), Some(100));
    let crowded = Share { glancing: 1_000, ..Share::default() };
    assert_eq!(wait(&mut play, crowded), Some(500));
    play.rhythm.see_change(play.now);
    assert_eq!(play.wait(), 0);
    let mut postgres = Play::new(ClusterKind::Postgres);
    postgres.answer(primary(false));
    assert_eq!(wait(&mut postgres, Share::default()), None);
}

#[test]
fn a_probe_counts_from_its_start() {
    let mut play = Play::new(ClusterKind::Postgres);
    play.answer(primary(false));
    assert_eq!(play.begin(), ASK);
    play.pass(300);
    let end = play.reply(primary(false));
    assert_eq!(play.conclude(end), [None]);
    assert_eq!(play.wait(), 700);
    play.rhythm.hint(play.now);
    assert_eq!(play.wait(), 0, "50 ms after the start of the last one");
}

#[test]
fn a_login_that_ends_while_it_is_idle_is_checked_at_once_but_not_again_and_again() {
    let mut play = Play::new(ClusterKind::Postgres);
    for _ in 0..2 {
        play.answer(primary(false));
    }
    assert_eq!(play.end(), [Some(Closed)]);
    assert!(!play.rhythm.is_logged_in());
    assert_eq!(play.wait(), 0);
    play.answer(primary(false));
    play.answer(primary(false));
    assert_eq!(play.end(), [Some(Closed)]);
    assert_eq!(play.wait(), 1000, "within a fast interval of the last end");
}

#[test]
fn an_idle_timeout_of_the_server_is_asked_over_once() {
    let mut play = Play::new(ClusterKind::Postgres);
    play.answer(primary(false));
    assert_eq!(play.begin(), ASK);
    assert_eq!(play.step(Event::Asked(Err(Trouble::Expired))), LOG_IN);
    assert_eq!(play.let_in(), ASK);
    let end = play.step(Event::Asked(Err(Trouble::Expired)));
    assert_eq!(play.conclude(end), [Some(Troubled)]);
    play.answer(primary(false));
    play.rhythm.expire();
    assert_eq!(play.begin(), LOG_IN);
}

#[test]
fn a_login_is_renewed_after_ten_seconds_and_when_it_is_spent() {
    let mut play = Play::new(ClusterKind::MySql);
    for spent in [false, true] {
        let mut steps = vec![play.begin(), play.let_in()];
        for _ in 0..11 {
            let end = play.step(Event::Asked(Ok(Reply { facts: primary(false), spent })));
            assert_eq!(play.conclude(end), [None]);
            steps.push(play.begin());
            if steps.last() == Some(&LOG_IN) {
                break;
            }
        }
        let replies = if spent { 1 } else { 11 };
        assert_eq!(steps.len(), 2 + replies, "{steps:?}");
        assert_eq!(play.let_in(), ASK);
        let end = play.reply(primary(false));
        assert_eq!(play.conclude(end), [None]);
        play.rhythm.expire();
    }
}

#[test]
fn a_full_server_is_asked_over_the_old_login_and_its_change_counts_for_more() {
    let mut play = Play::new(ClusterKind::MySql);
    for _ in 0..2 {
        play.answer(primary(false));
    }
    play.pass(11_000);
    assert_eq!(play.begin(), LOG_IN);
    assert_eq!(play.refuse(Saturated), ASK);
    assert_eq!(play.reply(primary(false)), end(Saturated));
    assert_eq!(play.conclude(end(Saturated)), [Some(Saturated)]);
    // Three logins at the full pace, then only the old one is asked.
    for _ in 0..2 {
        assert_eq!(play.begin(), LOG_IN);
        assert_eq!(play.refuse(Saturated), ASK);
        assert_eq!(play.reply(primary(false)), end(Saturated));
        play.conclude(end(Saturated));
    }
    assert_eq!(play.begin(), ASK);
    let demoted = Step::End(Outcome::Answered(primary(true)));
    assert_eq!(play.reply(primary(true)), demoted);
    assert_eq!(play.conclude(demoted), [None]);
    // A crash is known by the old login, and the next probe logs in.
    assert_eq!(play.begin(), LOG_IN);
    assert_eq!(play.refuse(Saturated), ASK);
    assert_eq!(play.step(Event::Asked(Err(failure(Closed).into()))), end(Saturated));
    assert!(!play.rhythm.is_logged_in());
    play.conclude(end(Saturated));
    assert_eq!(play.begin(), LOG_IN);
}

#[test]
fn looks_come_between_the_logins_that_postgresql_refuses() {
    let mut play = Play::new(ClusterKind::Postgres);
    let mut steps = Vec::new();
    for _ in 0..10 {
        let step = play.begin();
        let end = match step {
            Step::Look => play.step(Event::Looked(Ok(true))),
            _ => play.refuse(Misconfigured),
        };
        assert_eq!(play.conclude(end), [Some(Misconfigured)]);
        steps.push(step == LOOK);
    }
    let looks = [false, false, false, true, false, true, true, true, false, true];
    assert_eq!(steps, looks);
    // What cannot be told by a look, a login may tell; whom it finds dead is logged in to.
    assert_eq!(play.begin(), LOOK);
    assert_eq!(play.step(Event::Looked(Ok(false))), LOG_IN);
    assert_eq!(play.refuse(Misconfigured), end(Misconfigured));
    play.conclude(end(Misconfigured));
    assert_eq!(play.begin(), LOOK);
    assert_eq!(play.step(Event::Looked(Err(failure(Refused)))), end(Refused));
    play.conclude(end(Refused));
    assert_eq!(play.begin(), LOG_IN);
}

#[test]
fn nobody_asks_mysql_between_the_logins_that_it_refuses() {
    let mut play = Play::new(ClusterKind::MySql);
    let waits: Vec<_> = (0..8)
        .map(|_| {
            let millis = play.wait();
            assert_eq!(play.begin(), LOG_IN);
            let end = play.refuse(Misconfigured);
            assert_eq!(play.conclude(end), [Some(Misconfigured)]);
            millis
        })
        .collect();
    assert_eq!(waits, [50, 1000, 1000, 2000, 4000, 5000, 5000, 5000]);
    play.rhythm.hint(play.now);
    assert_eq!((play.wait(), play.begin()), (50, LOG_IN));
}

#[test]
fn a_settling_cluster_hurries_whom_only_time_keeps_out_for_five_minutes() {
    let mut play = Play::new(ClusterKind::Postgres);
    let refused = |play: &mut Play, kind| {
        let step = play.begin();
        let end = match step {
            Step::Look => play.step(Event::Looked(Ok(true))),
            _ => play.refuse(kind),
        };
        play.conclude(end);
        step
    };
    for _ in 0..100 {
        refused(&mut play, Starting);
    }
    assert_eq!(refused(&mut play, Starting), LOOK);
    play.pace = Fast;
    let logins = |steps: Vec<Step>| steps.into_iter().filter(|step| *step == LOG_IN).count();
    let hurried = (0..40).map(|_| refused(&mut play, Starting)).collect::<Vec<_>>();
    assert_eq!(hurried[0], LOG_IN, "at once");
    assert_eq!(logins(hurried), 10, "one a second");
    for _ in 0..1_360 {
        refused(&mut play, Starting);
    }
    let later = (0..960).map(|_| refused(&mut play, Starting)).collect();
    assert_eq!(logins(later), 4, "one a minute");
}

#[test]
fn after_a_silence_the_next_probes_are_in_haste() {
    let mut play = Play::new(ClusterKind::Postgres);
    assert_eq!(play.begin(), LOG_IN);
    play.pass(50);
    assert_eq!(play.let_in(), ASK);
    let end = play.reply(primary(false));
    play.conclude(end);
    for millis in [1500, 200, 200, 200, 200, 1500] {
        play.begin();
        let deadline = play.rhythm.deadline();
        assert_eq!(deadline.since(play.rhythm.last_start()), Duration::from_millis(millis));
        play.now = deadline;
        let Step::End(Outcome::Failed(silence)) = play.step(Event::Silence(TimedOut)) else {
            panic!("silence is the end of a probe")
        };
        let within = Duration::from_millis(millis);
        assert_eq!(silence, Failure::new(TimedOut, format!("no reply within {within:?}")));
        assert!(!play.rhythm.is_logged_in());
        play.conclude(Step::End(Outcome::Failed(silence)));
    }
}

#[test]
fn heartbeats_are_written_where_they_are_switched_on_and_advised() {
    let off = test_config(Duration::from_millis(1500));
    let on = ProbeConfig { heartbeat_write: true, ..off.clone() };
    for (config, advised, heartbeat) in
        [(&off, true, false), (&on, true, true), (&on, false, false)]
    {
        let mut play = Play::with(ClusterKind::Postgres, config.clone());
        assert_eq!(play.step(Event::Due { heartbeat: advised }), LOG_IN);
        assert_eq!(play.let_in(), Step::Ask { heartbeat });
    }
}

#[test]
fn the_end_of_a_mysql_session_is_told_with_what_a_fresh_one_finds() {
    for (found, told) in [
        (Refused, vec![Some(Closed), Some(Refused)]),
        (Offline, vec![Some(Offline)]),
        (Misconfigured, vec![Some(Closed), Some(Misconfigured)]),
    ] {
        let mut play = Play::new(ClusterKind::MySql);
        for _ in 0..2 {
            play.answer(primary(false));
        }
        assert_eq!(play.end(), []);
        assert_eq!((play.wait(), play.begin()), (0, LOG_IN));
        let end = play.refuse(found);
        assert_eq!(play.conclude(end), told);
    }
    // It may end the fresh one, too.
    let mut play = Play::new(ClusterKind::MySql);
    for _ in 0..2 {
        play.answer(primary(false));
    }
    assert_eq!(play.end(), []);
    assert_eq!(play.begin(), LOG_IN);
    let end = play.refuse(Closed);
    assert_eq!(play.conclude(end), []);
    assert_eq!(play.wait(), 75);
    assert_eq!(play.begin(), LOG_IN);
    let end = play.refuse(Closed);
    assert_eq!(play.conclude(end), [Some(Closed); 3]);
}
