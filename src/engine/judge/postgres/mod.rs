//! PostgreSQL: a promotion starts a timeline, and only a higher timeline succeeds the last one.

mod branch;
mod company;
mod followers;
mod reinstatement;
mod standby;
mod succession;
mod wal;

pub use self::followers::upstream;
use self::{followers::opinion, succession::settle_primary};
use super::{
    case::Hearing,
    claim::{why_stale, writable_verdict},
    contest::Contest,
    tenure::has_rival,
    unanswered::{by_liveness, overruled, unreachable_from_here},
    verdicts::{HISTORY_LOST, read_only_primary},
};
use crate::engine::{
    PostgresRole, ServerIndex, ServerState, StateReason,
    judgement::{Judgement, WriterRule},
    positions::Positions,
    verdict::Verdict,
};

pub fn judge(hearing: &mut Hearing<'_>, positions: &mut Positions) -> Judgement {
    let contest = settle_primary(hearing);
    wal::note(hearing, positions, contest.champion);
    let servers = hearing.records.indices();
    let verdicts = servers.map(|index| verdict(index, hearing, positions, &contest)).collect();
    let winner = contest.champion.or(hearing.precedents.last_writer);
    let split_brain = contest.split_brain || has_rival(winner, hearing.case());
    Judgement { verdicts, split_brain, writer: WriterRule::History }
}

fn verdict(
    index: ServerIndex,
    hearing: &mut Hearing<'_>,
    positions: &Positions,
    contest: &Contest,
) -> Verdict {
    let case = hearing.case();
    let opinion = |standby, since| opinion(standby, index, since, case);
    if let Some(verdict) = unreachable_from_here(index, case, contest, &opinion) {
        return verdict;
    }
    if let Some(verdict) = by_liveness(index, hearing) {
        return overruled(index, verdict, &hearing.conclusions[index], contest);
    }
    if let Some(verdict) = hearing.case().foreign(index) {
        return verdict;
    }
    let (record, conclusion) = hearing.of(index);
    match record.postgres_role() {
        Some(PostgresRole::Primary { .. }) if conclusion.has_lost_history(record) => HISTORY_LOST,
        Some(PostgresRole::Primary { read_only: false, .. }) => {
            let lag = wal::lag_of_claimant(index, hearing.case(), positions);
            writable_verdict(index, hearing, contest, lag)
        }
        Some(PostgresRole::Primary { read_only: true, .. }) => {
            match why_stale(index, conclusion, contest) {
                Some(reason) => Verdict::out(ServerState::StalePrimary, reason),
                None => {
                    conclusion.mark_back();
                    read_only_primary(StateReason::TransactionReadOnly)
                }
            }
        }
        Some(PostgresRole::Standby { .. }) => standby::verdict(index, hearing, positions, contest),
        None => Verdict::UNHEARD,
    }
}
