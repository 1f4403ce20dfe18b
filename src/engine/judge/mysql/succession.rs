//! Who of several writable servers is right, and who may take over.
//!
//! An heir must have inherited. What the last writer had written last may be lost with it, for
//! replication is asynchronous; but a server that shares nothing with it, or that is behind every
//! other member, has not inherited.

use std::time::Duration;

use super::{
    fed::feeder,
    history::{gave_way, history, is_writable_replica},
    lateness::{note_denials, was_late},
    standing::is_shut_out,
    topology::{
        adherents, attached_replicas, is_attached, is_below, is_receiving, opinion, replicas_since,
    },
};
use crate::engine::{
    FailureKind, GtidState, Loss, Position, Relation, ServerIndex, StateReason,
    history::LostTail,
    ids::Servers,
    judge::{
        case::{Case, Hearing},
        claim::is_claimant,
        contest::{self, Contest, Evidence, Loser},
        tenure::{
            has_the_volume, has_won_over, is_awaited, is_kept_by_missed, is_reinstated,
            lives_by_refusal, lives_by_witness, mark_losers, note_arrivals, was_asked_since,
        },
        unanswered::is_patient,
    },
    positions::Positions,
    record::Record,
    trouble::Liveness,
};

/// Settles who is the primary, and remembers who lost.
pub fn settle_primary(hearing: &mut Hearing<'_>, positions: &Positions) -> Contest {
    note_arrivals(hearing);
    note_denials(hearing);
    for index in hearing.records.indices() {
        let (record, conclusion) = hearing.of(index);
        let tail = conclusion.take_tail(record);
        if is_ours_again(index, tail, hearing.case()) {
            hearing.conclusions[index].claim_history();
        }
        if counts_again(index, hearing.case()) {
            hearing.conclusions[index].superseded = None;
        }
    }
    let contest = Field { case: hearing.case(), positions }.contest();
    mark_losers(&contest, hearing);
    contest
}

/// Whether a server that has lost its history has the cluster's all the same: it was the last writer
/// and has lost no more than a crash takes, or all others were built from it.
fn is_ours_again(index: ServerIndex, tail: Option<LostTail>, case: Case<'_>) -> bool {
    let was_last = case.precedents.last_writer == Some(index);
    // Beside one that is writable, or that others receive from, another UUID is that of a copy.
    let alone = || {
        case.others(index).all(|other| {
            let receives = case.others(other).any(|source| is_attached(other, source, case));
            let is_writable = case.records[other].claims_writable();
            !is_writable && (!receives || is_below(other, index, case))
        })
    };
    let only_a_tail = || {
        let is_ahead = |tail| is_ahead_of_all(index, tail, case.records);
        was_last
            && tail.is_some_and(|tail| is_ahead(tail) && (tail != LostTail::Nothing || alone()))
    };
    case.has_lost_history(index) && (only_a_tail() || is_followed_by_all(index, case))
}

/// Whether the word of a superseded server counts again.
fn counts_again(index: ServerIndex, case: Case<'_>) -> bool {
    let followers = |one| attached_replicas(one, case);
    let gave_way = |heir| gave_way(heir, index, case);
    let follows = |heir| is_receiving(heir, index, case);
    let gone = |heir: ServerIndex| match case.liveness(heir) {
        Liveness::Gone(_) => true,
        // It lets nobody in, and nobody receives from it: what it is now nothing shows.
        Liveness::Alive(_) => !is_patient(&case.records[heir], case.now) && followers(heir) == 0,
        _ => false,
    };
    // Who has only lost its stream, or is away, has not gone over.
    let support = |one| if one == index { followers(one) } else { adherents(one, case) };
    let won_since = |heir: ServerIndex| {
        let heard = case.records[heir].facts.as_ref().map(|_| case.records[heir].facts_at);
        replicas_since(index, heard, case)
    };
    case.superseded(index).is_some()
        && (has_won_over(index, case, &support)
            || is_reinstated(index, case, &won_since, &follows, &gave_way, &gone))
}

/// Whether no other member, dead or alive, has shown what the last writer has lost: its crash has
/// lost the end of its log, and nobody has that. Where nothing is known of its disk, another one must
/// have shown how far the history reaches.
fn is_ahead_of_all(index: ServerIndex, tail: LostTail, records: &Servers<Record>) -> bool {
    let own = &records[index].history.gtid;
    let shown = |(other, record): (ServerIndex, &Record)| {
        let theirs = &record.history.gtid;
        other != index && !theirs.is_empty() && own.contains(theirs) == Some(true)
    };
    let no_more = |(other, record): (ServerIndex, &Record)| {
        other == index || own.contains(&record.history.inherited().known_to(own)) != Some(false)
    };
    let is_known = tail != LostTail::Unknown || records.enumerate().any(shown);
    is_known && records.enumerate().all(no_more)
}

/// Whether every other member that answers follows a server, and has nothing that this one lacks:
/// they were built from it, so that what it has is the cluster's.
fn is_followed_by_all(index: ServerIndex, case: Case<'_>) -> bool {
    let own = &case.records[index].history.gtid;
    let since = case.records[index].writable.map(|run| run.since);
    let is_shown =
        |other: &ServerIndex| case.answers(*other) && case.records[*other].mysql().is_some();
    let mut others = case.others(index).filter(is_shown);
    let built = |other: ServerIndex| {
        let theirs = case.records[other].history.inherited();
        is_below(other, index, case)
            && since.is_none_or(|since| case.records[other].facts_at >= since)
            && !theirs.is_empty()
            && own.contains(&theirs) == Some(true)
    };
    others.next().is_some_and(built) && others.all(built)
}

/// All that the question who is right rests on.
struct Field<'a> {
    case: Case<'a>,
    positions: &'a Positions,
}

impl Field<'_> {
    fn contest(&self) -> Contest {
        let last = self.case.precedents.last_writer;
        let mut claimants: Vec<_> =
            self.case.indices().filter(|&index| self.claims(index)).collect();
        // That nobody sees its channels is no proof that it has none.
        claimants.retain(|&one| !self.hides_channels(one) || last == Some(one));
        let barred: Vec<_> =
            claimants.iter().filter_map(|&one| self.bar(one, &claimants)).collect();
        claimants.retain(|one| barred.iter().all(|loser| loser.server != *one));
        let mut contest = self.settle(&claimants);
        contest.losers.extend(barred);
        self.outdate_unheard(&mut contest);
        contest
    }

    fn claims(&self, index: ServerIndex) -> bool {
        let case = self.case;
        case.superseded(index).is_none()
            && !self.has_been_full_for_long(index)
            && !case.records[index].mysql().is_some_and(is_shut_out)
            && (is_claimant(index, case)
                || self.lives_by_witness(index)
                || lives_by_refusal(index, case))
            && !is_writable_replica(index, case)
            && feeder(index, case).is_none()
    }

    fn lives_by_witness(&self, index: ServerIndex) -> bool {
        let told = |replica, since| opinion(replica, index, since, true, self.case);
        lives_by_witness(index, self.case, &told)
    }

    /// Whether a server takes nobody in any more, and no replica shows that it is written to.
    fn has_been_full_for_long(&self, index: ServerIndex) -> bool {
        let record = &self.case.records[index];
        self.case.liveness(index) == Liveness::Alive(FailureKind::Saturated)
            && !is_patient(record, self.case.now)
            && attached_replicas(index, self.case) == 0
    }

    fn hides_channels(&self, index: ServerIndex) -> bool {
        self.case.records[index].mysql().is_some_and(|facts| facts.channels.is_none())
    }

    /// Why a writable server has not inherited, when the last writer is not there to contest.
    fn bar(&self, index: ServerIndex, claimants: &[ServerIndex]) -> Option<Loser> {
        let last = self.case.precedents.last_writer;
        if last.is_some_and(|last| last == index || claimants.contains(&last)) {
            return None;
        }
        // Whom the last writer follows has inherited.
        if last.is_some_and(|last| is_receiving(last, index, self.case)) {
            return None;
        }
        if let Some(heir) = last.and_then(|last| self.heir_of(last)).filter(|heir| *heir != index) {
            let reason = StateReason::Unfollowed(heir);
            return Some(Loser { server: index, against: Some(heir), loss: None, reason });
        }
        let lacks = self.is_stranger(index, last)
            || self.never_followed(index)
            || self.is_behind_all(index) && (last.is_some() || self.lacks_what_was_shown(index));
        // That nobody has made it the heir may change, and what the last writer has is no reason any
        // more when that one is gone.
        let alone = self.lacks_the_beginning(index)
            || last.is_some_and(|last| self.is_outdone(index, last));
        let shared = has_the_volume(index, self.case);
        ((lacks || alone) && !shared).then_some(Loser {
            server: index,
            against: last,
            loss: lacks.then_some(Loss::Age),
            reason: StateReason::LacksHistory,
        })
    }

    /// Whom the last writer receives from, when that one says that it is writable.
    fn heir_of(&self, last: ServerIndex) -> Option<ServerIndex> {
        let case = self.case;
        case.others(last).find(|&heir| {
            case.records[heir].claims_writable()
                && is_receiving(last, heir, case)
                && !case.has_lost_history(heir)
                && !case.is_foreign(heir)
        })
    }

    /// Whether a server has nothing in common with the cluster whose writer it claims to be.
    fn is_stranger(&self, index: ServerIndex, last: Option<ServerIndex>) -> bool {
        let record = &self.case.records[index];
        let own = &record.history.gtid;
        let had = &self.case.precedents.office.gtid;
        match last {
            Some(_) if !had.is_unknown() && !own.is_unknown() => {
                !had.is_empty() && own.shares(had) == Some(false)
            }
            // Without GTIDs only its own past speaks for it, or who follows it.
            Some(last) => {
                let known = self.case.records[last].history.server_id != 0;
                known
                    && !self.case.has_followed(index)
                    && own.is_unknown()
                    && attached_replicas(index, self.case) == 0
            }
            None => {
                // Another one that claims to be the writer is no witness. A replica that receives
                // from an empty server keeps what it has.
                let is_replica = |other: &ServerIndex| {
                    let facts = self.case.records[*other].facts.as_ref();
                    facts.is_some_and(|facts| !facts.claims_writable())
                };
                let mut others = self.shown_by_others(index).filter(is_replica).peekable();
                others.peek().is_some()
                    && others.all(|other| {
                        let theirs = &self.case.records[other].history.gtid;
                        !theirs.is_empty() && own.shares(theirs) == Some(false)
                    })
            }
        }
    }

    /// Whether every other member that answers and does not follow it has all that it has, and more.
    /// What one that was late has written itself since makes up for nothing.
    fn is_behind_all(&self, index: ServerIndex) -> bool {
        let (own, had) = (&self.case.records[index].history, &self.case.precedents.office.gtid);
        let late = was_late(index, self.case, self.positions);
        let mut others = self.live_others(index).peekable();
        let ahead = |other: ServerIndex| {
            let record = &self.case.records[other];
            let theirs = &record.history;
            // Errant transactions of a replica are nobody's heritage; those of a writer may be.
            let writes = record.claims_writable();
            own.is_behind(theirs, had)
                || writes && theirs.gtid.relation(&own.gtid) == Relation::Ahead
                || late && own.has_inherited_less(theirs, had)
        };
        others.peek().is_some() && others.all(ahead)
    }

    /// Whether nobody follows a server, and it lacks what others had shown before it was asked: it never
    /// wrote that. An empty server that has its predecessor's number may have a beginning in common.
    fn lacks_what_was_shown(&self, index: ServerIndex) -> bool {
        let record = &self.case.records[index];
        let lacks = |stream| {
            record.history.gtid.reaches(stream).is_some_and(|last| {
                let reached =
                    self.positions.reached(stream, Position::transaction(last), record.facts_at);
                reached.lacks_older_than(Duration::ZERO)
            })
        };
        attached_replicas(index, self.case) == 0 && self.positions.streams().any(lacks)
    }

    /// Whether nothing shows that a server was ever made the last writer's heir: nobody saw it promoted,
    /// nobody has gone over to it, and it lacks what that one had, and was never seen following.
    fn never_followed(&self, index: ServerIndex) -> bool {
        !self.case.has_followed(index)
            && self.lacks(index, &self.case.precedents.office.gtid)
            && self.came_up_alone(index)
    }

    /// The same of one that has followed, and lacks even what the last writer came into office with.
    fn lacks_the_beginning(&self, index: ServerIndex) -> bool {
        self.lacks(index, &self.case.precedents.office.began_with) && self.came_up_alone(index)
    }

    fn lacks(&self, index: ServerIndex, had: &GtidState) -> bool {
        self.case.records[index].history.gtid.contains(had) == Some(false)
    }

    /// Whether nobody saw a server promoted and nobody follows it, and the last writer is there and has
    /// what it lacks.
    fn is_outdone(&self, index: ServerIndex, last: ServerIndex) -> bool {
        let had = &self.case.records[last].history.gtid;
        let is_itself = self.case.answers(last)
            && !self.case.has_lost_history(last)
            && !self.case.is_foreign(last);
        is_itself && self.lacks(index, had) && self.came_up_alone(index)
    }

    /// Whether nobody saw a writable server promoted, and nobody has gone over to it since the last
    /// writer was the primary.
    fn came_up_alone(&self, index: ServerIndex) -> bool {
        let led = self.case.precedents.office.led;
        !self.case.records[index].writable.is_some_and(|run| run.promoted)
            && replicas_since(index, led, self.case) == 0
    }

    /// The other members that answer, show what they have, and do not follow `index`, directly or
    /// through others.
    fn live_others(&self, index: ServerIndex) -> impl Iterator<Item = ServerIndex> {
        self.shown_by_others(index).filter(move |&other| !is_below(other, index, self.case))
    }

    /// The other members that answer and show what they have.
    fn shown_by_others(&self, index: ServerIndex) -> impl Iterator<Item = ServerIndex> {
        let case = self.case;
        case.others(index).filter(move |&other| {
            case.answers(other)
                && !case.records[other].history.gtid.is_unknown()
                && !case.has_lost_history(other)
                && case.superseded(other).is_none()
                && case.precedents.last_writer != Some(other)
                && !case.is_foreign(other)
        })
    }

    /// Whether the last writer has been away, nobody follows it now, and members have gone over to
    /// another one meanwhile: that it was there before says nothing any more.
    fn was_left(&self, last: ServerIndex, claimants: &[ServerIndex]) -> bool {
        let led = self.case.precedents.office.led;
        let gone_over = |one: &ServerIndex| replicas_since(*one, led, self.case) > 0;
        self.case.conclusions[last].left_office
            && attached_replicas(last, self.case) == 0
            && claimants.iter().any(|one| *one != last && gone_over(one))
    }

    fn settle(&self, claimants: &[ServerIndex]) -> Contest {
        let case = self.case;
        contest::settle(
            claimants,
            case.precedents.last_writer.filter(|&last| !self.was_left(last, claimants)),
            &Evidence {
                relation: &|one, other| history(one, other, case),
                following: &|one| attached_replicas(one, case),
                priority: &|one| case.policy.server(one).priority,
                older: &|_, newer| StateReason::OlderHistory(newer),
                precedes: &|_, one| case.precedents.office.precedes(&case.records[one], case.now),
                asked_since: &|one, other| was_asked_since(one, other, case),
                is_awaited: &|one| is_awaited(one, case),
                hold: is_kept_by_missed(
                    case.precedents.last_writer,
                    claimants,
                    case,
                    &|one| attached_replicas(one, case),
                    &|member, one| is_attached(member, one, case),
                ),
            },
        )
    }

    /// A published server that has said nothing since the start is outdated by what it was known to
    /// have.
    fn outdate_unheard(&self, contest: &mut Contest) {
        let (Some(published), Some(champion)) = (self.case.precedents.published, contest.champion)
        else {
            return;
        };
        let record = &self.case.records[published];
        if published == champion || record.facts.is_some() || contest.against(published).is_some() {
            return;
        }
        if history(champion, published, self.case) == Relation::Ahead {
            contest.losers.push(Loser {
                server: published,
                against: Some(champion),
                loss: Some(Loss::Age),
                reason: StateReason::OlderHistory(champion),
            });
        }
    }
}
