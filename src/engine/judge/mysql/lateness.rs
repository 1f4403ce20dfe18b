//! Whether a server was late when it turned writable.
//!
//! Nobody need have seen that. It turned writable after it was last no primary by its own word, and an
//! heir after the last writer was last the primary; an earlier process may have heard either. What
//! somebody had shown by then, and it has not inherited since, it lacked when it turned writable, and for
//! at least as long as it had lacked it before.

use super::history::is_writable_replica;
use crate::engine::{
    Position, ServerIndex, Thresholds,
    judge::case::{Case, Hearing},
    positions::Positions,
};

/// Notes of each server whose last reply shows that it is no primary when that was.
pub fn note_denials(hearing: &mut Hearing<'_>) {
    for index in hearing.records.indices() {
        let case = hearing.case();
        let record = &case.records[index];
        let is_denial = record.facts.is_some()
            && (!record.claims_writable() || is_writable_replica(index, case));
        if is_denial {
            let (record, conclusion) = hearing.of(index);
            conclusion.note_denial(record);
        }
    }
}

/// Whether a server lacked, when it turned writable, what somebody had shown longer ago than any read
/// name allows.
pub fn was_late(index: ServerIndex, case: Case<'_>, positions: &Positions) -> bool {
    let denied = case.conclusions[index].last_denial();
    let Some(since) = denied.max(case.precedents.office.led) else { return false };
    let limit = case.policy.reach().max(Thresholds::DETACHED_AFTER);
    let history = &case.records[index].history;
    // What it has written since makes up for nothing; what it had written before is no gap.
    let had = [&history.inherited(), &history.wrote_before];
    positions.streams().any(|stream| {
        let last = had.iter().filter_map(|had| had.reaches(stream)).max().unwrap_or(0);
        positions.reached(stream, Position::transaction(last), since).lacks_older_than(limit)
    })
}
