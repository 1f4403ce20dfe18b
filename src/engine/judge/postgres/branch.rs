//! Where a standby stands among the others: on the primary's branch of history, or on another one.

use std::time::Duration;

use super::{
    company::{is_alone, is_outvoted},
    followers::{Sender, origin, sender},
    wal::{newest_beside, written},
};
use crate::engine::{
    Moment, Position, PostgresFacts, PostgresRole, ServerIndex, StateReason, Stream,
    conclusion::Conclusion,
    judge::{case::Case, claim::is_stale, contest::Contest},
    positions::Positions,
    record::Record,
    trouble::Liveness,
};

/// Where a standby stands among the others.
pub struct Place {
    primary: Option<ServerIndex>,
    /// The primary's timeline.
    timeline: Option<u32>,
    /// The primary answers, so that what it shows is the present.
    pub(super) compared: bool,
    /// The primary is not known to be gone.
    has_primary: bool,
    /// Another member that answers receives.
    sibling_receives: bool,
    /// More of the others receive a higher timeline than there are that receive its own.
    outvoted: bool,
    feed: Feed,
    /// No more of the others are on its timeline than are not.
    is_alone: bool,
    /// It receives from a member that calls itself a primary and is not the one.
    misled_by: Option<ServerIndex>,
    /// Another member was promoted to its timeline.
    is_on_members_timeline: bool,
    /// Whom it receives from was itself promoted on another branch.
    is_led_off: bool,
    /// It receives from the primary, by the name that the primary has here.
    is_led: bool,
    /// It receives the last writer's timeline from that one, or from a standby that nothing speaks against.
    is_fed_inside: bool,
    /// The primary, and the member that what it receives comes from, were both asked since then.
    told: Option<Moment>,
    /// The primary was in recovery on a lower timeline then: its own began later.
    began_after: Option<Moment>,
}

/// What a standby receives in the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Feed {
    /// What a member writes, as far as it tells.
    Inside,
    /// What a server outside the cluster sends.
    Outside,
    /// Nothing: neither it nor the standby that it receives from (which may be itself) has a sender.
    Nothing,
}

/// The branch of history that a standby is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Branch {
    /// Nothing speaks against it.
    Same,
    /// It is on an older timeline, at a point from which it can still follow.
    MayFollow,
    /// No member feeds it, and nothing shows yet that this is the primary's branch.
    Unproven,
    /// It is proven to be on another one.
    Left(StateReason),
}

impl Place {
    /// Where the standby at `index` stands, by the last words of all.
    pub fn of(index: ServerIndex, case: Case<'_>, contest: &Contest) -> Self {
        let primary = contest.champion;
        let answers = |server| case.answers(server);
        let is_off = |server| contest.against(server) == Some(StateReason::OffBranch);
        let asked = |server: ServerIndex| case.records[server].facts_at;
        let origin = origin(index, case);
        let misled_by = match origin {
            Some(Sender::Member(sender)) => {
                let record = &case.records[sender];
                let misleads = match primary {
                    Some(primary) => {
                        primary != sender
                            && (record.is_confirmed_writable() || is_stale(sender, case, contest))
                    }
                    // Whoever has lost is none, whether its heir is there or not.
                    None => case.superseded(sender).is_some() || is_off(sender),
                };
                let calls_itself_primary = record.primary_timeline().is_some();
                (misleads && answers(sender) && calls_itself_primary).then_some(sender)
            }
            _ => None,
        };
        let leader = primary.map(Sender::Member);
        let receives = |other: &ServerIndex| {
            *other != index
                && answers(*other)
                && case.conclusions[*other].left_behind.is_none()
                && sender(*other, case).is_some()
        };
        Self {
            primary,
            timeline: primary.and_then(|primary| case.records[primary].primary_timeline()),
            compared: primary.is_some_and(answers),
            has_primary: primary.is_some_and(|primary| {
                !matches!(case.liveness(primary), Liveness::Gone(_) | Liveness::Unheard)
            }),
            sibling_receives: case.indices().any(|other| receives(&other)),
            outvoted: is_outvoted(index, case, &receives),
            feed: Feed::of(origin, case),
            is_alone: is_alone(index, case),
            misled_by,
            is_on_members_timeline: {
                let own = case.records[index].postgres().and_then(PostgresFacts::standby_timeline);
                let mut others = case.others(index);
                own.is_some() && others.any(|it| case.records[it].primary_timeline() == own)
            },
            is_led_off: misled_by.is_some_and(is_off),
            is_led: leader.is_some() && sender(index, case) == leader,
            is_fed_inside: is_fed_inside(index, case),
            told: primary.map(|primary| match origin {
                Some(Sender::Member(sender)) => asked(primary).min(asked(sender)),
                _ => asked(primary),
            }),
            began_after: primary.and_then(|primary| last_recovery(&case.records[primary])),
        }
    }

    /// Whether there is somebody that it could receive from.
    pub fn is_attended(&self) -> bool {
        self.has_primary || self.sibling_receives
    }

    /// The branch that the standby at `index` is on.
    pub fn branch(&self, index: ServerIndex, case: Case<'_>, positions: &Positions) -> Branch {
        let record = &case.records[index];
        let Some(facts) = record.postgres() else { return Branch::Same };
        let PostgresRole::Standby { replayed, .. } = facts.role else { return Branch::Same };
        if let Some(sender) = self.misled_by {
            return Branch::Left(StateReason::FollowsStale(sender));
        }
        let came_to = facts.standby_position();
        // The control file says "at least", so an old timeline in it says nothing.
        let receives = received_timeline_shown(record);
        let is_past = |own| is_past_fork(own, came_to, positions);
        let (Some(primary), Some(timeline)) = (self.primary, self.timeline) else {
            // A primary of a later timeline was seen, and its absence does not undo that.
            let newest = positions.newest_timeline();
            let past = newest.and_then(|newest| went_past(index, newest, case, positions));
            if let Some(reason) = past {
                return Branch::Left(reason);
            }
            if receives.is_some_and(is_past) {
                return Branch::Left(StateReason::DeadBranch);
            }
            // An earlier process may have seen that one; and who was never right was seen, too.
            let known = newest.max(case.precedents.office.timeline);
            let known = known.or_else(|| newest_beside(case));
            let begun = |own: &u32| known.is_none_or(|known| *own <= known);
            return match facts.standby_timeline() {
                Some(own) if self.feed != Feed::Inside && self.is_alone && !begun(&own) => {
                    Branch::Unproven
                }
                _ if self.outvoted => Branch::MayFollow,
                _ => Branch::Same,
            };
        };
        if self.compared
            && let Some(own) = facts.standby_timeline().filter(|own| *own > timeline)
        {
            return Branch::Left(StateReason::StrayTimeline(own));
        }
        if self.compared && self.is_older_than_primary(&case.conclusions[index]) {
            return Branch::Left(StateReason::StrayTimeline(timeline));
        }
        let is_later = facts.standby_timeline().is_some_and(|own| own > timeline);
        if !self.compared && is_later && self.feed != Feed::Inside && self.is_alone {
            return Branch::Unproven;
        }
        if self.is_ahead_of(&case.records[primary], record, replayed) {
            return Branch::Left(StateReason::Diverged);
        }
        if let Some(reason) = went_past(index, timeline, case, positions) {
            return Branch::Left(reason);
        }
        match receives.filter(|own| *own < timeline) {
            Some(own) if is_past(own) => Branch::Left(StateReason::DeadBranch),
            Some(_) => Branch::MayFollow,
            None if self.is_unproven(index, case, came_to, positions) => Branch::Unproven,
            None => Branch::Same,
        }
    }

    /// Whether a standby has not shown yet that its timeline is the primary's, and not another one of the
    /// same number: it lacks what was shown before it came to it, or has come to it since the primary was
    /// asked, so that it may be ahead.
    ///
    /// This is asked of one that a server outside feeds. After a promotion it is asked of one that nobody
    /// feeds and that was on this timeline when it was first seen, too: that one must also have gone on
    /// since then, unless it has all.
    fn is_unproven(
        &self,
        index: ServerIndex,
        case: Case<'_>,
        came_to: Option<Position>,
        positions: &Positions,
    ) -> bool {
        let arrival = case.conclusions[index].arrival(self.timeline);
        let (Some(arrival), Some(primary), Some(came_to)) = (arrival, self.primary, came_to) else {
            return false;
        };
        let lacks = |shown_before| {
            positions.reached(&Stream::Wal, came_to, shown_before).lacks_older_than(Duration::ZERO)
        };
        let is_asked = case.records[primary].facts_at >= arrival.at;
        let is_behind = !is_asked || lacks(arrival.at);
        let stands_still =
            || Some(came_to) == arrival.came_to && lacks(case.records[index].facts_at);
        let is_doubtful = match self.feed {
            Feed::Inside => false,
            Feed::Outside => is_behind,
            Feed::Nothing if self.began_after.is_none() || !arrival.is_first => false,
            Feed::Nothing => is_behind || stands_still(),
        };
        self.compared && is_doubtful
    }

    /// Whether a standby has replayed what the primary did not have when it was asked later.
    fn is_ahead_of(&self, primary: &Record, record: &Record, replayed: Option<Position>) -> bool {
        self.compared
            && primary.facts_at >= record.facts_came
            && written(primary).zip(replayed).is_some_and(|(written, replayed)| replayed > written)
    }

    /// Whether a standby had come to a timeline of the primary's number before the primary's began: two
    /// that were promoted apart count alike.
    fn is_older_than_primary(&self, conclusion: &Conclusion) -> bool {
        let since = conclusion.in_recovery_since(self.timeline);
        !self.is_led && since.zip(self.began_after).is_some_and(|(since, began)| since <= began)
    }

    /// Notes the branch that a standby is on.
    pub fn note_branch(
        &self,
        branch: Branch,
        record: &Record,
        positions: &Positions,
        conclusion: &mut Conclusion,
    ) {
        match branch {
            Branch::Left(reason) => {
                let is_past = || {
                    let facts = record.postgres()?;
                    let own = facts.standby_timeline()?;
                    Some(is_past_fork(own, facts.standby_position(), positions))
                };
                let is_proof = match reason {
                    // Whom it follows may have written nothing that the primary has not.
                    StateReason::FollowsStale(_) => self.is_led_off || is_past() == Some(true),
                    StateReason::StrayTimeline(_) => !self.is_on_members_timeline && !self.is_led,
                    _ => true,
                };
                conclusion.leave_branch(reason, record, self.told.filter(|_| is_proof));
                conclusion.beyond_primary |= reason == StateReason::Diverged;
            }
            Branch::Unproven => {}
            _ if self.is_on_right_branch(record, conclusion) => {
                conclusion.return_to_branch();
            }
            _ => {}
        }
    }

    /// Whether a standby is seen on the primary's own branch.
    fn is_on_right_branch(&self, record: &Record, conclusion: &Conclusion) -> bool {
        let came_to = record.postgres().and_then(PostgresFacts::standby_timeline);
        let received = record.received_timeline();
        let on_it = received.is_some() && received == self.timeline
            || came_to == self.timeline && self.misled_by.is_none();
        // Who was beyond the primary and still receives what it received goes on beside it.
        let is_told = conclusion.left_on.is_none_or(|own| Some(own) != self.timeline)
            || is_attached(record) && (self.is_led || !conclusion.beyond_primary);
        // Without a primary a newer timeline than before must do, or the last writer's.
        let followed = |reason| match reason {
            StateReason::DeadBranch => true,
            StateReason::FollowsStale(_) => self.misled_by.is_none(),
            _ => false,
        };
        let went_on = self.primary.is_none()
            && (conclusion.left_behind.is_some_and(followed) && received > conclusion.left_on
                || self.is_fed_inside && received != conclusion.left_on);
        // Whom it followed is right after all.
        let is_cleared = self
            .primary
            .map(StateReason::FollowsStale)
            .is_some_and(|it| conclusion.left_behind == Some(it));
        self.compared && on_it && is_told || went_on || is_cleared
    }
}

impl Feed {
    fn of(origin: Option<Sender>, case: Case<'_>) -> Self {
        match origin {
            // One that does not answer may have been promoted.
            Some(Sender::Member(sender))
                if case.answers(sender) && case.records[sender].primary_timeline().is_none() =>
            {
                Self::Nothing
            }
            Some(Sender::Member(_) | Sender::Hidden) => Self::Inside,
            Some(Sender::Outside) => Self::Outside,
            None => Self::Nothing,
        }
    }
}

/// Whether a standby receives the last writer's timeline from that one, or from another standby that is on
/// no other branch: it was built anew there, if it was on one.
fn is_fed_inside(index: ServerIndex, case: Case<'_>) -> bool {
    let Some(Sender::Member(sender)) = sender(index, case) else { return false };
    let received = case.records[index].received_timeline();
    let feeder = &case.records[sender];
    let is_sibling =
        feeder.primary_timeline().is_none() && case.conclusions[sender].left_behind.is_none();
    received.is_some()
        && received == case.precedents.office.timeline
        && case.answers(sender)
        && (is_sibling || case.precedents.last_writer == Some(sender))
}

/// Whether a standby has come past the point where later timelines begin than its `own`.
fn is_past_fork(own: u32, came_to: Option<Position>, positions: &Positions) -> bool {
    positions.fork_after(own).zip(came_to).is_some_and(|(fork, end)| end > fork)
}

/// When a primary was last known to be in recovery on a lower timeline than it has now.
fn last_recovery(primary: &Record) -> Option<Moment> {
    let timeline = primary.primary_timeline()?;
    primary.recovered_on.filter(|(on, _)| *on < timeline).map(|(_, at)| at)
}

/// Whether a server is a standby that may be taken as attached to a sender.
pub fn is_attached(record: &Record) -> bool {
    record.postgres().is_some_and(PostgresFacts::is_attached)
}

/// Why a standby that receives nothing has what the primary, on `timeline`, has not: it was seen past
/// the fork before, or it wrote beside the primary on one timeline.
fn went_past(
    index: ServerIndex,
    timeline: u32,
    case: Case<'_>,
    positions: &Positions,
) -> Option<StateReason> {
    let record = &case.records[index];
    let (on, end) = record.history.reached?;
    let came_to = record.postgres()?.standby_timeline();
    if is_attached(record) || came_to.is_some_and(|own| own > on) {
        return None;
    }
    if on == timeline && case.superseded(index).is_some() {
        return Some(StateReason::Diverged);
    }
    // What a former primary has come to since was written beside the one that took over, too.
    let end = match case.superseded(index) {
        Some(_) => record.postgres()?.standby_position().map_or(end, |now| end.max(now)),
        None => end,
    };
    let past_it = positions.fork_after(on).is_some_and(|fork| end > fork);
    (on < timeline && past_it).then_some(StateReason::DeadBranch)
}

/// The timeline that a standby receives or tries to.
fn received_timeline_shown(record: &Record) -> Option<u32> {
    match record.postgres_role()? {
        PostgresRole::Standby { timeline, .. } => *timeline,
        PostgresRole::Primary { .. } => None,
    }
}
