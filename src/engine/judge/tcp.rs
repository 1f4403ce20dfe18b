//! Servers of which nothing is known but that they accept connections.

use super::{case::Hearing, unanswered::by_liveness, verdicts::returning};
use crate::engine::{
    ServerIndex, ServerState, StateReason,
    judgement::{Judgement, WriterRule},
    verdict::{ReadEligibility, Verdict, WriteEligibility},
};

pub fn judge(hearing: &mut Hearing<'_>) -> Judgement {
    let verdicts = hearing.records.indices().map(|index| verdict(index, hearing)).collect();
    Judgement { verdicts, split_brain: false, writer: WriterRule::Free }
}

fn verdict(index: ServerIndex, hearing: &mut Hearing<'_>) -> Verdict {
    if let Some(verdict) = by_liveness(index, hearing) {
        return verdict;
    }
    let rise = hearing.policy.thresholds.rise;
    let (record, conclusion) = hearing.of(index);
    conclusion.note_return(record, rise);
    if conclusion.is_away() {
        return returning(conclusion);
    }
    conclusion.vouch_for_freshness();
    Verdict {
        state: ServerState::Up,
        reason: StateReason::Accepts,
        write: WriteEligibility::Eligible,
        read: ReadEligibility::Replica,
        lag: None,
    }
}
