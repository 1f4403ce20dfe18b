//! Folding: what replies and failures in a row add up to.

use super::{FailureKind, Outcome, fails, primary, standby, thresholds};
use crate::engine::{
    GtidState, Loss, Moment, ServerIndex, conclusion::Conclusion, record::Record, trouble::Liveness,
};

/// A record after these outcomes, half a second apart, and the moment of the last one.
fn folded(outcomes: impl IntoIterator<Item = Outcome>) -> (Record, Moment) {
    let mut record = Record::new(&[]);
    let mut now = Moment::START;
    for outcome in outcomes {
        now = now + super::STEP;
        record.fold(outcome, now, &thresholds(), now);
    }
    (record, now)
}

fn liveness(outcomes: impl IntoIterator<Item = Outcome>) -> Liveness {
    let (record, now) = folded(outcomes);
    record.liveness(&thresholds(), now)
}

use FailureKind::{
    Closed, Garbled, Misconfigured, Refused, Saturated, ShuttingDown, Starting, TimedOut, Troubled,
};

#[test]
fn each_kind_of_evidence_has_its_own_patience() {
    let table: &[(&[FailureKind], Liveness)] = &[
        (&[], Liveness::Unheard),
        (&[Refused], Liveness::Doubtful(Refused)),
        (&[Refused, Refused], Liveness::Gone(Refused)),
        (&[Closed, Refused], Liveness::Gone(Refused)),
        (&[ShuttingDown, Closed], Liveness::Gone(Closed)),
        (&[TimedOut, TimedOut], Liveness::Doubtful(TimedOut)),
        (&[TimedOut, Garbled, Troubled], Liveness::Gone(Troubled)),
        // Mixed evidence needs as many as soft evidence does.
        (&[Refused, TimedOut], Liveness::Doubtful(TimedOut)),
        (&[Refused, TimedOut, Refused], Liveness::Gone(Refused)),
        // A sign of life ends a run.
        (&[TimedOut, TimedOut, Saturated], Liveness::Alive(Saturated)),
        (&[TimedOut, TimedOut, Starting, TimedOut], Liveness::Doubtful(TimedOut)),
        (&[Refused, Misconfigured, Refused], Liveness::Doubtful(Refused)),
        (&[Misconfigured], Liveness::Alive(Misconfigured)),
    ];
    for (kinds, expected) in table {
        assert_eq!(liveness(kinds.iter().copied().map(fails)), *expected, "{kinds:?}");
    }
}

#[test]
fn a_good_reply_ends_every_run_of_failures() {
    let outcomes = [fails(Refused), primary(1, 1), fails(Refused)];
    assert_eq!(liveness(outcomes.clone()), Liveness::Doubtful(Refused));
    let (record, _) = folded(outcomes);
    assert_eq!(record.good_replies_since(0), 0);
    assert_eq!(liveness([fails(Refused), fails(Refused), primary(1, 1)]), Liveness::Answering);
}

#[test]
fn silence_of_the_probe_counts_before_everything_else() {
    for outcome in [primary(1, 1), fails(Refused), fails(Saturated)] {
        let (record, now) = folded([outcome]);
        let limit = now + thresholds().stale_after;
        assert_ne!(record.liveness(&thresholds(), limit), Liveness::ProbeSilent);
        let later = limit + std::time::Duration::from_millis(1);
        assert_eq!(record.liveness(&thresholds(), later), Liveness::ProbeSilent);
    }
}

#[test]
fn forgiving_gives_all_chances_back() {
    let (mut record, now) = folded([fails(TimedOut), fails(TimedOut), fails(TimedOut)]);
    assert_eq!(record.liveness(&thresholds(), now), Liveness::Gone(TimedOut));
    record.forgive(now, now);
    assert_eq!(
        record.liveness(&thresholds(), now),
        Liveness::Gone(TimedOut),
        "it was silent before"
    );
    record.forgive(Moment::START, now);
    assert_eq!(record.liveness(&thresholds(), now), Liveness::Doubtful(TimedOut));
}

#[test]
fn a_writable_server_is_confirmed_by_its_second_agreeing_reply() {
    let confirmed =
        |outcomes: &[Outcome]| folded(outcomes.iter().cloned()).0.is_confirmed_writable();
    assert!(!confirmed(&[primary(1, 1)]));
    assert!(confirmed(&[primary(1, 1), primary(1, 2)]));
    assert!(!confirmed(&[primary(1, 1), primary(2, 2)]), "another timeline is another claim");
    assert!(!confirmed(&[primary(1, 1), standby(1, 0, 1), primary(1, 1)]));
    assert!(
        !confirmed(&[primary(1, 1), fails(TimedOut), primary(1, 1)]),
        "in a row means in a row"
    );
}

#[test]
fn how_long_a_server_refuses_is_counted_from_its_first_refusal_of_the_kind() {
    let since = |kinds: &[FailureKind]| {
        folded(kinds.iter().copied().map(fails)).0.refuses_since().map(Moment::since_start)
    };
    let steps = |steps: u32| Some(super::STEP * steps);
    assert_eq!(since(&[TimedOut, Saturated, Saturated]), steps(2));
    assert_eq!(since(&[Saturated, TimedOut, Saturated]), steps(1));
    assert_eq!(since(&[Saturated, Misconfigured, Saturated]), steps(3));
    assert_eq!(since(&[Saturated, TimedOut]), None);
}

#[test]
fn what_was_away_starts_anew_and_remembers_who_took_over() {
    let (record, _) = folded([primary(3, 1), primary(3, 2)]);
    let mut conclusion = Conclusion::new(1, Moment::START);
    for _ in 0..3 {
        conclusion.gates[0].pass(None, std::time::Duration::from_secs(1));
    }
    assert!(!conclusion.gates[0].is_fresh());
    conclusion.mark_superseded(&record, Some(ServerIndex::new(1)), &GtidState::Unknown, Loss::Name);
    conclusion.mark_superseded(&record, Some(ServerIndex::new(2)), &GtidState::Unknown, Loss::Age);
    let superseded = conclusion.superseded.clone().expect("it was marked");
    assert_eq!((superseded.by, superseded.timeline), (Some(ServerIndex::new(1)), Some(3)));
    conclusion.mark_away(&record);
    conclusion.note_return(&record, 1);
    assert!(conclusion.is_away() && !conclusion.gates[0].is_known());
    assert!(conclusion.superseded.is_some());
    conclusion.mark_followed();
    assert!(conclusion.superseded.is_none());
}
