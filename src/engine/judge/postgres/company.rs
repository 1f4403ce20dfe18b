//! How many of the others are on a standby's timeline.

use crate::engine::{ServerIndex, judge::case::Case};

/// Whether more standbys that are known to receive a higher timeline than what this one receives.
pub fn is_outvoted(
    index: ServerIndex,
    case: Case<'_>,
    receives: &dyn Fn(&ServerIndex) -> bool,
) -> bool {
    let Some(own) = case.records[index].received_timeline() else { return false };
    let others: Vec<_> = case
        .indices()
        .filter(receives)
        .filter_map(|other| case.records[other].received_timeline())
        .collect();
    let newer = others.iter().filter(|timeline| **timeline > own).count();
    let same = others.iter().filter(|timeline| **timeline == own).count() + 1;
    newer > same
}

/// Whether no more of the other members that answer have come to a standby's timeline than have not. An
/// heir outside, whom most follow, has more.
pub fn is_alone(index: ServerIndex, case: Case<'_>) -> bool {
    let timeline = |server: ServerIndex| case.records[server].postgres()?.standby_timeline();
    let own = timeline(index);
    let others = || case.others(index).filter(|other| case.answers(*other));
    let same = others().filter(|other| timeline(*other) == own).count();
    let elsewhere = others().count() - same;
    own.is_some() && same <= elsewhere
}
