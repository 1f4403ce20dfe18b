//! `docs/JUDGEMENT.md` knows every word that the engine says, `docs/PROBES.md` every failure and check.

use std::time::Duration;

use crate::engine::{
    Check, FailureKind, Lag, ReadReason, ServerIndex, ServerState, StateReason, Thresholds, Word,
    Writability, WriteReason,
};

const DOCUMENT: &str = include_str!("../../../../docs/JUDGEMENT.md");
const PROBES: &str = include_str!("../../../../docs/PROBES.md");

/// The document with one blank between all words, so that a line end within a sentence does not
/// matter.
fn document() -> String {
    DOCUMENT.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn every_state_and_every_failure_has_its_row() {
    for state in ServerState::ALL {
        assert!(DOCUMENT.contains(&format!("\n| `{state}` |")), "{state}");
    }
    for kind in FailureKind::ALL {
        assert!(PROBES.contains(&format!("\n| `{kind:?}` | {kind} |")), "{kind:?}");
    }
}

#[test]
fn every_witness_and_every_word_has_its_row() {
    for check in Check::ALL {
        assert!(PROBES.contains(&format!("\n| `{}` | {check} |", check.name())), "{check}");
    }
    for word in Word::ALL {
        assert!(DOCUMENT.contains(&format!("\n| {word} |")), "{word}");
    }
}

/// Fails to compile when a reason is added, so that the list below is not forgotten.
fn is_listed(reason: &StateReason) {
    use StateReason as R;
    match reason {
        R::NotProbedYet | R::ProbeSilent | R::SaysWritable | R::WritableUnconfirmed => (),
        R::UnreachableFromHere | R::ReadOnly(_) | R::TransactionReadOnly | R::CannotWrite => (),
        R::Orphan | R::Fresh | R::LacksNothingShown | R::WritableReplica => (),
        R::Behind(_) | R::CatchingUp | R::LagUnknown | R::NoReceiver | R::ForeignSource => (),
        R::ApplierStopped(_) | R::DeadBranch | R::Astray | R::ReplicationHidden => (),
        R::Returning | R::OlderTimeline(_) | R::OlderHistory(_) | R::SecondWriter(_) => (),
        R::NotRejoined | R::Accepts | R::OtherCluster | R::ReplayPaused => (),
        R::Stranger | R::MayNotWrite => (),
        R::DelayedOnPurpose | R::GroupSecondary | R::Backlog(_) | R::Donor => (),
        R::Unresponsive | R::StrayTimeline(_) | R::Diverged | R::FollowsStale(_) => (),
        R::LostContest | R::Unfollowed(_) | R::NotPromoted | R::LacksHistory => (),
        R::OffBranch => (),
        R::HistoryLost | R::OtherComponent(_) | R::Desynced => (),
        R::ClientsKeptAway | R::NotInGroup | R::Witness(..) | R::Fails(_) => (),
    }
}

/// One of each reason.
fn state_reasons() -> Vec<StateReason> {
    use StateReason as R;
    let (lag, server) = (Lag(Duration::ZERO), ServerIndex::new(0));
    let all = vec![
        R::NotProbedYet,
        R::ProbeSilent,
        R::SaysWritable,
        R::WritableUnconfirmed,
        R::UnreachableFromHere,
        R::Unresponsive,
        R::StrayTimeline(7),
        R::Diverged,
        R::FollowsStale(server),
        R::LostContest,
        R::Unfollowed(server),
        R::NotPromoted,
        R::OffBranch,
        R::LacksHistory,
        R::HistoryLost,
        R::OtherComponent(server),
        R::Desynced,
        R::ReadOnly(Writability::ReadOnly),
        R::ReadOnly(Writability::SuperReadOnly),
        R::ReadOnly(Writability::InnodbReadOnly),
        R::ReadOnly(Writability::OfflineMode),
        R::TransactionReadOnly,
        R::CannotWrite,
        R::Orphan,
        R::Fresh,
        R::LacksNothingShown,
        R::WritableReplica,
        R::Behind(lag),
        R::CatchingUp,
        R::LagUnknown,
        R::NoReceiver,
        R::ForeignSource,
        R::ApplierStopped(0),
        R::DeadBranch,
        R::Astray,
        R::ReplicationHidden,
        R::Returning,
        R::OlderTimeline(7),
        R::OlderHistory(server),
        R::SecondWriter(server),
        R::NotRejoined,
        R::Accepts,
        R::OtherCluster,
        R::Stranger,
        R::MayNotWrite,
        R::ReplayPaused,
        R::DelayedOnPurpose,
        R::GroupSecondary,
        R::Backlog(7),
        R::Donor,
        R::ClientsKeptAway,
        R::NotInGroup,
        R::Witness(Check::Agent, Word::Drain),
        R::Fails(FailureKind::Refused),
    ];
    all.iter().for_each(is_listed);
    all
}

#[test]
fn every_reason_is_quoted() {
    let document = document();
    for reason in state_reasons() {
        // What varies is printed as n.
        let words = reason.to_string().replace("0.0s", "*n*").replace('7', "*n*");
        let words = words.replace("its agent says drain", "*witness* says *word*");
        assert!(document.contains(&words), "{words}");
    }
    let lag = Some(Lag(Duration::ZERO));
    let reads = [
        ReadReason::NotReady,
        ReadReason::Eligible,
        ReadReason::WithPrimary,
        ReadReason::WithLagging(lag),
        ReadReason::Few,
        ReadReason::LastKnown,
        ReadReason::Isolated,
        ReadReason::NobodyKnown,
        ReadReason::Remembered,
        ReadReason::Drained,
        ReadReason::Frozen,
        ReadReason::Maintenance,
    ];
    for reason in reads {
        let words = reason.to_string().replace("0.0s", "*n*");
        assert!(document.contains(&words), "{words}");
    }
    let writes = [
        WriteReason::NotReady,
        WriteReason::Primary,
        WriteReason::MostPreferred,
        WriteReason::Incumbent,
        WriteReason::Held(ServerState::Down),
        WriteReason::HeldUnreachable,
        WriteReason::HeldUnresponsive,
        WriteReason::HeldSplitBrain,
        WriteReason::HeldFlapping,
        WriteReason::HeldIsolated,
        WriteReason::HeldNotWritable,
        WriteReason::NotWritable,
        WriteReason::SplitBrain,
        WriteReason::NoPrimaryKnown,
        WriteReason::Remembered,
        WriteReason::Pinned,
        WriteReason::HeldPinned(ServerState::Down),
        WriteReason::PinnedUnsafe(ServerState::Down),
        WriteReason::PinnedNotWritable,
        WriteReason::Drained,
        WriteReason::Frozen,
        WriteReason::Maintenance,
    ];
    for reason in writes {
        let words = reason.to_string().replace("Down", "*state*");
        assert!(document.contains(&words), "{words}");
    }
}

#[test]
fn the_numbers_are_those_of_the_code() {
    let document = document();
    for (words, number) in [
        ("2 in a row (`HARD_FALL`)", Thresholds::HARD_FALL),
        ("two replies in a row that agree", Thresholds::CONFIRM_WRITABLE),
        ("closes after 3 late replies", Thresholds::LAG_FALL),
        ("opens after 2 (`LAG_RISE`)", Thresholds::LAG_RISE),
        ("under 80 % of the limit", Thresholds::LAG_RETURN_PERCENT),
    ] {
        let said = words.replace("two", "2");
        assert!(document.contains(words) && said.contains(&number.to_string()), "{words}");
    }
    for (words, duration) in [
        ("no receiver for 5 s", Thresholds::DETACHED_AFTER),
        ("after 30 s last", Thresholds::DETACHED_GRACE),
        ("than the primary for 30 s", Thresholds::DEAD_BRANCH_AFTER),
        ("for less than 30 s (`SATURATED_GRACE`)", Thresholds::SATURATED_GRACE),
        ("changed for 60 s (`STABLE_AFTER`)", Thresholds::STABLE_AFTER),
    ] {
        let said = format!("{} s", duration.as_secs());
        assert!(document.contains(words) && words.contains(&said), "{words}");
    }
}
