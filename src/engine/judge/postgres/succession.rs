//! Who of several primaries is right, and who may take over.
//!
//! A promotion of PostgreSQL always makes a higher timeline (manual, "Timelines"), so a server on the
//! last writer's timeline was promoted by nobody: it is a copy. What a standby shows of somebody
//! else's promotion is hearsay: it keeps a server from being published anew, and takes nothing from
//! one that is published and alive.

use std::cmp::Ordering;

use super::{
    followers::{Sender, followers, followers_of, is_follower, opinion, origin, sender},
    reinstatement::{gave_way, reinstate},
};
use crate::engine::{
    Loss, OnNewerTimeline, PostgresRole, Relation, ServerIndex, ServerState, StateReason,
    judge::{
        case::{Case, Hearing},
        claim::is_claimant,
        contest::{self, Contest, Evidence, Loser},
        tenure::{
            has_the_volume, is_awaited, is_kept_by_missed, is_remembered, lives_by_refusal,
            lives_by_witness, lives_in_office, mark_losers, note_arrivals, was_asked_since,
        },
    },
    trouble::Liveness,
    verdict::Verdict,
};

/// Settles who is the primary, and remembers who lost.
pub fn settle_primary(hearing: &mut Hearing<'_>) -> Contest {
    note_arrivals(hearing);
    reinstate(hearing);
    let contest = Field { case: hearing.case() }.contest();
    mark_losers(&contest, hearing);
    contest
}

/// All that the question who is right rests on.
struct Field<'a> {
    case: Case<'a>,
}

impl Field<'_> {
    fn contest(&self) -> Contest {
        let mut losers = Vec::new();
        let mut claimants = Vec::new();
        for index in self.case.indices() {
            if !self.claims(index) {
                continue;
            }
            match self.bar(index) {
                Some(loser) => losers.push(loser),
                None => claimants.push(index),
            }
        }
        let mut contest = self.settle(&claimants);
        contest.losers.extend(losers);
        self.outdate_others(&mut contest);
        contest
    }

    fn timeline(&self, index: ServerIndex) -> Option<u32> {
        let record = &self.case.records[index];
        let office = || self.case.precedents.office.timeline;
        let remembered = is_remembered(index, self.case);
        record.primary_timeline().or_else(|| remembered.then(office).flatten())
    }

    fn followers(&self, index: ServerIndex) -> usize {
        followers(index, self.case)
    }

    /// How many members follow a server. What we have missed of a follower takes nothing from the one
    /// in office.
    fn supporters(&self, index: ServerIndex) -> usize {
        let missed = self.case.indices().filter(|&one| {
            let liveness = self.case.liveness(one);
            matches!(liveness, Liveness::Doubtful(_) | Liveness::ProbeSilent)
                && one != index
                && is_follower(one, index, self.case)
        });
        let in_office = self.case.precedents.published == Some(index);
        self.followers(index) + if in_office { missed.count() } else { 0 }
    }

    /// Whether a server takes part: it says that it is a writable primary, nothing proves that it is
    /// gone, and its word counts.
    fn claims(&self, index: ServerIndex) -> bool {
        self.case.superseded(index).is_none()
            && self.timeline(index).is_some()
            && (is_claimant(index, self.case)
                || self.lives_by_witness(index)
                || lives_by_refusal(index, self.case))
    }

    fn lives_by_witness(&self, index: ServerIndex) -> bool {
        let told = |standby, since| opinion(standby, index, since, self.case);
        lives_by_witness(index, self.case, &told)
    }

    /// Why a server that says it is writable is no heir, whoever else is there.
    fn bar(&self, index: ServerIndex) -> Option<Loser> {
        let own = self.timeline(index)?;
        let age = |newer, against| Loser {
            server: index,
            against: Some(against),
            loss: Some(Loss::Age),
            reason: StateReason::OlderTimeline(newer),
        };
        if lives_in_office(index, self.case) {
            return None;
        }
        if self.is_off_branch(index) {
            let (against, reason) = (self.case.precedents.last_writer, StateReason::OffBranch);
            return Some(Loser { server: index, against, loss: None, reason });
        }
        let newest = self.newest_written_beside(index, own);
        if let Some((newer, by)) = newest.filter(|_| !self.was_seen_promoted(index, own)) {
            return Some(age(newer, by));
        }
        if let Some((newer, by)) = self.hearsay_against(index, own) {
            return Some(Loser { loss: None, ..age(newer, by) });
        }
        self.lacks_what_the_last_writer_had(index, own)
    }

    fn lacks_what_the_last_writer_had(&self, index: ServerIndex, own: u32) -> Option<Loser> {
        let had = self.case.precedents.office.timeline?;
        let Some(last) = self.case.precedents.last_writer else {
            return self.bar_of_removed(index, own, had);
        };
        if last == index || gave_way(last, own, self.case) || self.was_seen_promoted(index, own) {
            return None;
        }
        let (loss, reason) = match own.cmp(&had) {
            Ordering::Less => (Loss::Age, StateReason::OlderTimeline(had)),
            Ordering::Equal if self.is_copy(index, last) => {
                (Loss::Precedence, StateReason::NotPromoted)
            }
            Ordering::Equal | Ordering::Greater => return None,
        };
        Some(Loser { server: index, against: Some(last), loss: Some(loss), reason })
    }

    /// Why a server is no heir of a last writer that has left the configuration: it is on an older
    /// timeline, or was a standby, is on the same one, and nobody follows it.
    fn bar_of_removed(&self, index: ServerIndex, own: u32, had: u32) -> Option<Loser> {
        let was_standby = self.case.has_followed(index);
        let reason = match own.cmp(&had) {
            _ if self.was_seen_promoted(index, own) => return None,
            Ordering::Less => StateReason::OlderTimeline(had),
            Ordering::Equal if was_standby && !self.is_sender(index) => StateReason::NotPromoted,
            Ordering::Equal | Ordering::Greater => return None,
        };
        Some(Loser { server: index, against: None, loss: None, reason })
    }

    /// Whether a standby that answers receives from this server directly.
    fn is_sender(&self, index: ServerIndex) -> bool {
        followers_of(index, self.case)
            .any(|it| sender(it, self.case) == Some(Sender::Member(index)))
    }

    /// Whether a server on the last writer's own timeline is no more than a copy of it. While both are
    /// there, the contest tells.
    fn is_copy(&self, index: ServerIndex, last: ServerIndex) -> bool {
        !(self.claims(last) || has_the_volume(index, self.case))
    }

    /// The highest timeline above `own` that another member was seen writing on, dead or alive. A
    /// first reply does not count: it could be an odd one. Nor does the word of one that lost.
    fn newest_written_beside(&self, index: ServerIndex, own: u32) -> Option<(u32, ServerIndex)> {
        let others = self.case.others(index).filter(|&other| {
            self.case.superseded(other).is_none()
                && !self.case.has_lost_history(other)
                && !self.case.is_foreign(other)
                && !self.is_off_branch(other)
        });
        let written =
            others.filter_map(|other| match *self.case.records[other].postgres_role()? {
                PostgresRole::Primary { timeline, read_only, .. } => {
                    let published = self.case.precedents.published == Some(other);
                    let was_one = |settled: Verdict| {
                        matches!(settled.state, ServerState::Primary | ServerState::StalePrimary)
                    };
                    let confirmed = self.case.records[other].is_confirmed_writable()
                        || self.case.conclusions[other].settled.is_some_and(was_one);
                    (read_only || published || confirmed).then_some((timeline, other))
                }
                PostgresRole::Standby { .. } => None,
            });
        written.filter(|(timeline, _)| *timeline > own).max()
    }

    /// Whether a primary was promoted where it was proven to be on another branch than the cluster's:
    /// the number of its timeline says nothing. One that was promoted before our eyes when all members
    /// that had written were gone is the last resort of whoever did it; but who writes on a timeline
    /// that no member was promoted to is not known to be gone.
    fn is_off_branch(&self, index: ServerIndex) -> bool {
        let conclusion = &self.case.conclusions[index];
        let Some(reason) = conclusion.left_behind.filter(|_| conclusion.left_for_sure) else {
            return false;
        };
        let Some(own) = self.timeline(index) else { return false };
        let last = self.case.precedents.last_writer.filter(|last| *last != index);
        let gave_way = last.is_some_and(|last| gave_way(last, own, self.case));
        // A promotion from there is on a higher one.
        if conclusion.left_on.is_some_and(|on| own <= on) {
            return false;
        }
        let is_stray = matches!(reason, StateReason::StrayTimeline(_));
        // The last writer has come to that timeline itself.
        let came_to = |last: ServerIndex| self.case.records[last].postgres()?.standby_timeline();
        let is_there = last.and_then(came_to).is_some_and(|it| Some(it) >= conclusion.left_on);
        if is_stray && is_there {
            return false;
        }
        !gave_way && (is_stray || !self.was_seen_promoted(index, 0))
    }

    /// Whether this server was promoted before our eyes, when everybody was gone who had written on
    /// the timeline `from` or a later one.
    fn was_seen_promoted(&self, index: ServerIndex, from: u32) -> bool {
        let Some(run) = self.case.records[index].writable.filter(|run| run.turned) else {
            return false;
        };
        let mut newer = self.case.others(index).filter(|&other| {
            let timeline = self.case.records[other].primary_timeline();
            timeline.is_some_and(|timeline| timeline >= from) && !self.case.is_foreign(other)
        });
        newer.all(|other| {
            let conclusion = &self.case.conclusions[other];
            self.case.is_gone(other)
                && conclusion.verdict.state == ServerState::Down
                && conclusion.since <= run.since
        })
    }

    /// What standbys show of a promotion that nobody has seen: enough to keep a server from being
    /// published, while nobody follows that one.
    fn hearsay_against(&self, index: ServerIndex, own: u32) -> Option<(u32, ServerIndex)> {
        let shown = self.case.records.enumerate().filter_map(|(standby, record)| {
            let newer = record.received_timeline().filter(|timeline| *timeline > own)?;
            // It showed that already beside the primary that lived, and was the suspect itself.
            let left_behind = self.case.conclusions[standby].left_behind;
            if left_behind == Some(StateReason::StrayTimeline(newer)) {
                return None;
            }
            let from_member = match origin(standby, self.case)? {
                // What a loser was promoted to is known.
                Sender::Member(sender) => {
                    sender != index
                        && self.case.superseded(sender).is_none()
                        && !self.is_off_branch(sender)
                }
                Sender::Hidden => true,
                Sender::Outside => false,
            };
            let answers = self.case.answers(standby);
            (from_member && answers && !self.case.is_foreign(standby)).then_some((newer, standby))
        });
        shown.max().filter(|_| self.followers(index) == 0)
    }

    /// Whether a newer timeline takes nothing from one in office that lives.
    fn holds(&self, incumbent: Option<ServerIndex>, claimants: &[ServerIndex]) -> bool {
        let rule = self.case.policy.write.map(|write| write.on_newer_timeline);
        let followers = |one| self.followers(one);
        let follows = |member, one| is_follower(member, one, self.case);
        rule == Some(OnNewerTimeline::Hold)
            || is_kept_by_missed(incumbent, claimants, self.case, &followers, &follows)
    }

    fn settle(&self, claimants: &[ServerIndex]) -> Contest {
        let case = self.case;
        let last = case.precedents.last_writer;
        let ahead_of_last = |one: &ServerIndex| {
            last.is_some_and(|last| *one != last && self.timeline(*one) > self.timeline(last))
        };
        // Whether the one in office lives will be known in a moment.
        let in_doubt =
            last.is_some_and(|last| matches!(self.case.liveness(last), Liveness::Doubtful(_)));
        let wait = in_doubt
            && claimants
                .iter()
                .filter(|one| ahead_of_last(one))
                .all(|&one| self.followers(one) == 0);
        // One that is in doubt itself is chosen for nothing new.
        let waits = |one: &ServerIndex| {
            ahead_of_last(one) && (wait || self.case.liveness(*one) != Liveness::Answering)
        };
        let present: Vec<_> = claimants.iter().copied().filter(|one| !waits(one)).collect();
        contest::settle(
            &present,
            last,
            &Evidence {
                relation: &|one, other| match self.timeline(one).cmp(&self.timeline(other)) {
                    Ordering::Less => Relation::Behind,
                    Ordering::Equal => Relation::Equal,
                    Ordering::Greater => Relation::Ahead,
                },
                following: &|one| self.supporters(one),
                priority: &|one| case.policy.server(one).priority,
                older: &|_, newer| {
                    StateReason::OlderTimeline(self.timeline(newer).unwrap_or_default())
                },
                precedes: &|_, one| case.precedents.office.precedes(&case.records[one], case.now),
                asked_since: &|one, other| was_asked_since(one, other, case),
                is_awaited: &|one| is_awaited(one, case),
                hold: self.holds(last, &present),
            },
        )
    }

    /// Says of primaries that take no part whether the one that is right has left them behind: those
    /// that are locked, read-only or have not been heard.
    fn outdate_others(&self, contest: &mut Contest) {
        for index in self.case.indices() {
            let record = &self.case.records[index];
            if contest.champion == Some(index) || contest.against(index).is_some() {
                continue;
            }
            let published = self.case.precedents.published == Some(index);
            // A first reply may be an odd one.
            if !published && record.writable.is_some() && !record.is_confirmed_writable() {
                continue;
            }
            let own = self.timeline(index).filter(|_| !self.case.is_foreign(index));
            let Some(own) = own else {
                continue;
            };
            let champion = contest.champion.and_then(|champion| {
                Some((self.timeline(champion)?, champion)).filter(|(newer, _)| *newer > own)
            });
            let read_only = || {
                self.newest_written_beside(index, own)
                    .filter(|_| contest.champion.is_none() && self.followers(index) == 0)
            };
            if let Some((newer, by)) = champion.or_else(read_only) {
                contest.losers.push(Loser {
                    server: index,
                    against: Some(by),
                    loss: Some(Loss::Age),
                    reason: StateReason::OlderTimeline(newer),
                });
            }
        }
        self.read_only_successor(contest);
    }

    /// A member that was promoted and refuses writes has left the champion behind, too, unless the
    /// others follow the champion.
    fn read_only_successor(&self, contest: &mut Contest) {
        let Some(champion) = contest.champion else { return };
        let Some(own) = self.timeline(champion) else { return };
        let newer = self.newest_written_beside(champion, own).filter(|&(_, other)| {
            let refuses = matches!(
                self.case.records[other].postgres_role(),
                Some(PostgresRole::Primary { read_only: true, .. })
            );
            refuses && self.case.answers(other)
        });
        let Some((newer, by)) = newer else { return };
        let (own_followers, others) = (self.supporters(champion), self.followers(by));
        let loser = if own_followers > 0 && own_followers >= others {
            let reason = StateReason::Unfollowed(champion);
            Loser { server: by, against: Some(champion), loss: Some(Loss::Following), reason }
        } else if self.holds(Some(champion), &[champion, by]) {
            return;
        } else {
            contest.champion = None;
            let reason = StateReason::OlderTimeline(newer);
            Loser { server: champion, against: Some(by), loss: Some(Loss::Age), reason }
        };
        contest.losers.push(loser);
    }
}
