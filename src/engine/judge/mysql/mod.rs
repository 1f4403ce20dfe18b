//! MySQL and MariaDB: a group decides for itself; without one, the newer GTID history is right.
//!
//! Each server is what it shows: members of a group and asynchronous replicas mix in one cluster.

mod component;
mod fed;
mod group;
mod history;
mod lag;
mod lateness;
mod replica;
mod standing;
mod standpoint;
mod streams;
mod succession;
mod topology;

pub use self::topology::upstream;
use self::{
    history::is_writable_replica, standpoint::Standpoint, succession::settle_primary,
    topology::opinion,
};
use super::{
    case::Hearing,
    claim::{is_stale, writable_verdict},
    contest::Contest,
    tenure::has_rival,
    unanswered::{by_liveness, overruled, unreachable_from_here},
    verdicts::{HISTORY_LOST, REPLICATION_HIDDEN},
};
use crate::engine::{
    ServerIndex, ServerState, StateReason, Writability,
    judgement::{Judgement, WriterRule},
    positions::Positions,
    verdict::Verdict,
};

pub fn judge(hearing: &mut Hearing<'_>, positions: &mut Positions) -> Judgement {
    if group::decides(hearing.case()) {
        return group::judge(hearing, positions);
    }
    let contest = settle_primary(hearing, positions);
    let leaders: Vec<_> = contest.champion.into_iter().collect();
    streams::note(hearing, positions, &leaders);
    let case = hearing.case();
    let stale: Vec<_> = case.indices().filter(|&index| is_stale(index, case, &contest)).collect();
    let champion = contest.champion;
    let office = &hearing.precedents.office.gtid;
    let standpoint = Standpoint { champion, members: &[], stale: &stale, positions, office };
    let servers = hearing.records.indices();
    let verdicts = servers.map(|index| verdict(index, hearing, standpoint, &contest)).collect();
    let winner = contest.champion.or(hearing.precedents.last_writer);
    let split_brain = contest.split_brain || has_rival(winner, hearing.case());
    Judgement { verdicts, split_brain, writer: WriterRule::History }
}

fn verdict(
    index: ServerIndex,
    hearing: &mut Hearing<'_>,
    standpoint: Standpoint<'_>,
    contest: &Contest,
) -> Verdict {
    let case = hearing.case();
    let taken_over = contest.champion.is_some_and(|champion| champion != index);
    let opinion = |replica, since| opinion(replica, index, since, taken_over, case);
    if let Some(verdict) = unreachable_from_here(index, case, contest, &opinion) {
        return verdict;
    }
    if let Some(verdict) = by_liveness(index, hearing) {
        return overruled(index, verdict, &hearing.conclusions[index], contest);
    }
    if let Some(feeder) = fed::feeder(index, hearing.case()) {
        return fed::verdict(index, feeder, hearing, standpoint);
    }
    if let Some(verdict) = hearing.case().foreign(index) {
        return verdict;
    }
    let (record, conclusion) = hearing.of(index);
    let Some(facts) = record.mysql() else {
        return Verdict::UNHEARD;
    };
    if standing::is_shut_out(facts) {
        conclusion.mark_away(record);
        return Verdict::out(ServerState::Starting, StateReason::NotInGroup);
    }
    let (writability, hidden) = (facts.writability, facts.channels.is_none());
    match writability {
        Writability::OfflineMode => {
            Verdict::out(ServerState::OutOfService, StateReason::ReadOnly(writability))
        }
        Writability::Writable if hidden && hearing.precedents.last_writer != Some(index) => {
            REPLICATION_HIDDEN
        }
        Writability::Writable if !is_writable_replica(index, hearing.case()) => {
            match hearing.case().has_lost_history(index) {
                true => HISTORY_LOST,
                false => {
                    let lag = lag::lag_of_claimant(index, hearing.case(), standpoint);
                    writable_verdict(index, hearing, contest, lag)
                }
            }
        }
        Writability::Writable => {
            let verdict = replica::verdict(index, hearing, standpoint);
            match verdict.reason {
                StateReason::Fresh | StateReason::LacksNothingShown => {
                    verdict.because(StateReason::WritableReplica)
                }
                _ => verdict,
            }
        }
        _ if hidden => REPLICATION_HIDDEN,
        _ => replica::verdict(index, hearing, standpoint),
    }
}
