//! How fast a server is asked: normal, fast, urgent, in a sprint, or slow.
//!
//! The first doubt anywhere in a cluster makes the probes of all its servers fast, until the cluster
//! is settled: the evidence that settles one server often comes from another. A server that has been
//! Down for long is settled. It keeps nobody fast, and no doubt elsewhere makes it fast: what it may
//! still tell is that it is back, and that can wait for seconds. The published writer is never slow,
//! for everybody waits for it or its successor.
//!
//! While the write name waits for a writer, those who answer and may become it are asked in a
//! sprint, for nothing else is waited for as much as a promotion. When the wait has lasted for
//! [`Thresholds::SPRINT_FOR`] they are asked twice as fast as the others. A cluster that has had no
//! writer for long, such as the standbys of another site, is only asked fast.
//!
//! The doubts are those of [`settling`] and some more, because a probe in vain costs
//! less than an answer that lives short.

use super::{
    Check, Moment, Pace, ServerState, StateReason, Thresholds, Word, WriteReason,
    conclusion::Conclusion, record::Record, settling, trouble::Liveness, verdict::WriteEligibility,
};

/// What a cluster waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Nothing.
    Nothing,
    /// The next replies of anybody.
    Evidence,
    /// A server that can be written to.
    Writer,
    /// The same, and the wait has just begun.
    WriterSoon,
}

/// The pace of one server, in a cluster with this `need`.
pub fn pace(
    record: &Record,
    conclusion: &Conclusion,
    published: bool,
    need: Need,
    now: Moment,
) -> Pace {
    let slow_from = (!published).then(|| slow_from(record, conclusion)).flatten();
    if slow_from.is_some_and(|slow_from| now >= slow_from) {
        return Pace::Slow;
    }
    let may_become_writer = !published && record.facts.is_some() && record.trouble.is_none();
    match need {
        Need::Nothing => Pace::Normal,
        Need::WriterSoon if may_become_writer => Pace::Sprint,
        Need::Writer if may_become_writer => Pace::Urgent,
        Need::WriterSoon | Need::Writer | Need::Evidence => Pace::Fast,
    }
}

/// When a server that is Down is asked slowly; `None` for all others.
pub fn slow_from(record: &Record, conclusion: &Conclusion) -> Option<Moment> {
    // One whose failures were forgiven is looked at anew before it counts as dead again.
    let is_known = record.trouble.as_ref().is_some_and(|trouble| trouble.silent > 0);
    (conclusion.verdict.state == ServerState::Down && is_known)
        .then(|| conclusion.since + Thresholds::LONG_DEAD_AFTER)
}

/// Whether a write name with this reason keeps the probes fast. One that is moved back soon does
/// not: that hangs on the clock alone. An isolated one leaves it to its servers. No promotion helps
/// one that an operator has pinned.
pub fn writer_in_doubt(reason: WriteReason) -> bool {
    settling::awaits_writer(reason)
        && !matches!(
            reason,
            WriteReason::HeldFlapping
                | WriteReason::HeldIsolated
                | WriteReason::HeldPinned(_)
                | WriteReason::PinnedNotWritable
        )
}

/// Whether the next probes of this server, or of others, may change its verdict.
pub fn server_in_doubt(
    record: &Record,
    conclusion: &Conclusion,
    thresholds: &Thresholds,
    now: Moment,
) -> bool {
    let liveness = record.liveness(thresholds, now);
    let overruled = record.trouble.as_ref().is_some_and(|trouble| trouble.silent > 0)
        && conclusion.verdict.state != ServerState::Down;
    let starts = conclusion.verdict.state == ServerState::Starting
        && conclusion.verdict.write == WriteEligibility::Gone
        && now.since(conclusion.since) < Thresholds::LONG_DEAD_AFTER;
    // The first to know of a primary's end may be the one who received from it.
    let lost_its_source = liveness == Liveness::Answering
        && conclusion.detached_for(now).is_some_and(|lasts| lasts < Thresholds::DETACHED_AFTER);
    settling::is_unsettled(record, conclusion, thresholds, now)
        || conclusion.limited.reason == AWAITS_LEADER
        || liveness == Liveness::Unheard
        || overruled
        || starts
        || lost_its_source
}

/// A server that says it is writable and has no leader key yet: after a promotion the next word of
/// Patroni brings it.
const AWAITS_LEADER: StateReason = StateReason::Witness(Check::Patroni, Word::NotLeader);
