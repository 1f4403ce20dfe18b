//! Who of several writable servers is right, and who may take over.
//!
//! An heir must have inherited. What the last writer had written last may be lost with it, for
//! replication is asynchronous; but a server that shares nothing with it, or that is behind every
//! other member, has not inherited.

use std::time::Duration;

use super::{
    fed::feeder,
    history::{gave_way, history, is_writable_replica},
    mysql_facts,
    streams::point,
    topology::{attached_replicas, is_attached, is_receiving, opinion},
};
use crate::engine::{
    ClusterPolicy, FailureKind, GtidState, Loss, Moment, Relation, ServerIndex, StateReason,
    Thresholds,
    history::LostTail,
    ids::Servers,
    judge::{
        Precedents,
        contest::{self, Contest, Evidence, Loser},
        is_claimant, is_foreign,
        office::{
            has_won_over, is_awaited, is_reinstated, lives_by_refusal, lives_by_witness,
            mark_losers, was_asked_since,
        },
        reach,
        unanswered::is_patient,
    },
    positions::Positions,
    record::Record,
    trouble::Liveness,
};

/// Settles who is the primary, and remembers who lost.
pub(super) fn settle_primary(
    policy: &ClusterPolicy,
    records: &mut Servers<Record>,
    positions: &Positions,
    precedents: Precedents<'_>,
    now: Moment,
) -> Contest {
    for index in records.indices() {
        // What it writes from now on says nothing of what it has lost.
        let tail = records[index].history.lost_tail.take();
        let only_a_tail = precedents.last_writer == Some(index)
            && tail.is_some_and(|tail| is_ahead_of_all(index, tail, records));
        if records[index].history.lost
            && (only_a_tail || is_followed_by_all(index, policy, records, now))
        {
            records[index].history.mark_followed();
        }
        let followers = |one| attached_replicas(one, policy, records, now);
        let followed = followers(index);
        let gave_way = |heir| gave_way(heir, index, policy, records, precedents, now);
        let follows = |heir| is_receiving(heir, index, policy, records, now);
        let gone = |heir: ServerIndex| match records[heir].liveness(&policy.thresholds, now) {
            Liveness::Gone(_) => true,
            // It lets nobody in, and nobody receives from it: what it is now nothing shows.
            Liveness::Alive(_) => !is_patient(&records[heir], now) && followers(heir) == 0,
            _ => false,
        };
        if has_won_over(index, records, &followers)
            || is_reinstated(index, records, precedents, followed, &follows, &gave_way, &gone)
        {
            records[index].superseded = None;
        }
    }
    let field = Field { policy, records, positions, precedents, now };
    let mut claimants: Vec<_> = records.indices().filter(|&index| field.claims(index)).collect();
    // That nobody sees its channels is no proof that it has none.
    claimants.retain(|&one| !field.hides_channels(one) || precedents.last_writer == Some(one));
    let barred: Vec<_> = claimants.iter().filter_map(|&one| field.bar(one, &claimants)).collect();
    claimants.retain(|one| barred.iter().all(|loser| loser.server != *one));
    let mut contest = field.settle(&claimants);
    contest.losers.extend(barred);
    field.outdate_unheard(&mut contest);
    mark_losers(&contest, records, precedents);
    contest
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
    let is_known = tail == LostTail::Unflushed || records.enumerate().any(shown);
    is_known && records.enumerate().all(no_more)
}

/// Whether every other member that answers follows a server, and has nothing that this one lacks:
/// they were built from it, so that what it has is the cluster's.
fn is_followed_by_all(
    index: ServerIndex,
    policy: &ClusterPolicy,
    records: &Servers<Record>,
    now: Moment,
) -> bool {
    let own = &records[index].history.gtid;
    let since = records[index].writable.map(|run| run.since);
    let mut others = records.indices().filter(|&other| {
        other != index
            && records[other].liveness(&policy.thresholds, now) == Liveness::Answering
            && mysql_facts(&records[other]).is_some()
    });
    let built = |other: ServerIndex| {
        let theirs = records[other].history.inherited();
        is_attached(other, index, policy, records)
            && since.is_none_or(|since| records[other].facts_at >= since)
            && !theirs.is_empty()
            && own.contains(&theirs) == Some(true)
    };
    others.next().is_some_and(built) && others.all(built)
}

/// All that the question who is right rests on.
struct Field<'a> {
    policy: &'a ClusterPolicy,
    records: &'a Servers<Record>,
    positions: &'a Positions,
    precedents: Precedents<'a>,
    now: Moment,
}

impl Field<'_> {
    fn liveness(&self, index: ServerIndex) -> Liveness {
        self.records[index].liveness(&self.policy.thresholds, self.now)
    }

    fn claims(&self, index: ServerIndex) -> bool {
        let record = &self.records[index];
        let (policy, records, precedents) = (self.policy, self.records, self.precedents);
        record.superseded.is_none()
            && !self.has_been_full_for_long(index)
            && !mysql_facts(record).is_some_and(super::standing::is_shut_out)
            && (is_claimant(index, record, policy, precedents, self.now)
                || self.lives_by_witness(index)
                || lives_by_refusal(index, policy, records, precedents, self.now))
            && !is_writable_replica(index, policy, records, precedents, self.now)
            && feeder(index, policy, records, precedents).is_none()
    }

    fn lives_by_witness(&self, index: ServerIndex) -> bool {
        let (policy, records, now) = (self.policy, self.records, self.now);
        let told = |replica, since| opinion(replica, index, since, policy, records, true, now);
        lives_by_witness(index, policy, records, self.precedents, &told, now)
    }

    /// Whether a server takes nobody in any more, and no replica shows that it is written to.
    fn has_been_full_for_long(&self, index: ServerIndex) -> bool {
        let record = &self.records[index];
        self.liveness(index) == Liveness::Alive(FailureKind::Saturated)
            && !is_patient(record, self.now)
            && attached_replicas(index, self.policy, self.records, self.now) == 0
    }

    fn hides_channels(&self, index: ServerIndex) -> bool {
        mysql_facts(&self.records[index]).is_some_and(|facts| facts.channels.is_none())
    }

    /// Why a writable server has not inherited, when the last writer is not there to contest.
    fn bar(&self, index: ServerIndex, claimants: &[ServerIndex]) -> Option<Loser> {
        let last = self.precedents.last_writer;
        if last.is_some_and(|last| last == index || claimants.contains(&last)) {
            return None;
        }
        // Whom the last writer follows has inherited.
        if last.is_some_and(|last| is_receiving(last, index, self.policy, self.records, self.now)) {
            return None;
        }
        let lacks = self.is_stranger(index, last)
            || self.was_never_heir(index)
            || self.is_behind_all(index) && (last.is_some() || self.lacks_what_was_shown(index));
        let shared = self.policy.write.is_some_and(|write| write.shared_storage);
        (lacks && !shared).then_some(Loser {
            server: index,
            against: last,
            loss: Some(Loss::Age),
            reason: StateReason::LacksHistory,
        })
    }

    /// Whether a server has nothing in common with the cluster whose writer it claims to be.
    fn is_stranger(&self, index: ServerIndex, last: Option<ServerIndex>) -> bool {
        let record = &self.records[index];
        let own = &record.history.gtid;
        let had = &self.precedents.office.gtid;
        match last {
            Some(_) if !had.is_unknown() && !own.is_unknown() => {
                !had.is_empty() && own.shares(had) == Some(false)
            }
            // Without GTIDs only its own past speaks for it, or who follows it.
            Some(last) => {
                let known = self.records[last].history.server_id != 0;
                known
                    && !record.history.followed
                    && own.is_unknown()
                    && attached_replicas(index, self.policy, self.records, self.now) == 0
            }
            None => {
                // Another one that claims to be the writer is no witness. A replica that receives
                // from an empty server keeps what it has.
                let is_replica = |other: &ServerIndex| {
                    let facts = self.records[*other].facts.as_ref();
                    facts.is_some_and(|facts| !facts.claims_writable())
                };
                let mut others = self.shown_by_others(index).filter(is_replica).peekable();
                others.peek().is_some()
                    && others.all(|other| {
                        let theirs = &self.records[other].history.gtid;
                        !theirs.is_empty() && own.shares(theirs) == Some(false)
                    })
            }
        }
    }

    /// Whether every other member that answers and does not follow it has all that it has, and more.
    /// What one that was late has written itself since makes up for nothing.
    fn is_behind_all(&self, index: ServerIndex) -> bool {
        let (own, had) = (&self.records[index].history, &self.precedents.office.gtid);
        let late = self.was_promoted_late(index);
        let mut others = self.live_others(index).peekable();
        let ahead = |other: ServerIndex| {
            let record = &self.records[other];
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
        let record = &self.records[index];
        let lacks = |stream| {
            record.history.gtid.reaches(stream).is_some_and(|last| {
                let reached = self.positions.reached(stream, point(last), record.facts_at);
                reached.lacks_older_than(Duration::ZERO)
            })
        };
        attached_replicas(index, self.policy, self.records, self.now) == 0
            && self.positions.streams().any(lacks)
    }

    /// Whether a server lacked, when it was promoted, what somebody had shown longer ago than any read
    /// name allows.
    fn was_promoted_late(&self, index: ServerIndex) -> bool {
        let record = &self.records[index];
        let Some(run) = record.writable.filter(|run| run.promoted) else { return false };
        let limit = reach(self.policy).max(Thresholds::DETACHED_AFTER);
        let inherited = record.history.inherited();
        self.positions.streams().any(|stream| {
            let last = point(inherited.reaches(stream).unwrap_or(0));
            self.positions.reached(stream, last, run.since).lacks_older_than(limit)
        })
    }

    /// Whether nothing shows that a server was ever made the last writer's heir: nobody saw it promoted
    /// and nobody follows it, and it lacks what that one had, and was never seen following, or even
    /// what that one came into office with.
    fn was_never_heir(&self, index: ServerIndex) -> bool {
        let record = &self.records[index];
        let lacks = |had: &GtidState| record.history.gtid.contains(had) == Some(false);
        let office = self.precedents.office;
        (!record.history.followed && lacks(&office.gtid) || lacks(&office.began_with))
            && !record.writable.is_some_and(|run| run.promoted)
            && attached_replicas(index, self.policy, self.records, self.now) == 0
    }

    /// The other members that answer, show what they have, and do not follow `index`.
    fn live_others(&self, index: ServerIndex) -> impl Iterator<Item = ServerIndex> {
        self.shown_by_others(index)
            .filter(move |&other| !is_attached(other, index, self.policy, self.records))
    }

    /// The other members that answer and show what they have.
    fn shown_by_others(&self, index: ServerIndex) -> impl Iterator<Item = ServerIndex> {
        self.records.indices().filter(move |&other| {
            let record = &self.records[other];
            other != index
                && self.liveness(other) == Liveness::Answering
                && !record.history.gtid.is_unknown()
                && !record.history.lost
                && record.superseded.is_none()
                && self.precedents.last_writer != Some(other)
                && !is_foreign(record, self.precedents)
        })
    }

    fn settle(&self, claimants: &[ServerIndex]) -> Contest {
        let (policy, records, now) = (self.policy, self.records, self.now);
        contest::settle(
            claimants,
            self.precedents.last_writer,
            &Evidence {
                relation: &|one, other| history(one, other, policy, records, now),
                following: &|one| attached_replicas(one, policy, records, now),
                priority: &|one| policy.server(one).priority,
                older: &|_, newer| StateReason::OlderHistory(newer),
                precedes: &|_, one| self.precedents.office.precedes(&records[one], now),
                asked_since: &|one, other| was_asked_since(one, other, policy, records, now),
                is_awaited: &|one| is_awaited(one, policy, records, self.precedents, now),
                hold: false,
            },
        )
    }

    /// A published server that has said nothing since the start is outdated by what it was known to
    /// have.
    fn outdate_unheard(&self, contest: &mut Contest) {
        let (Some(published), Some(champion)) = (self.precedents.published, contest.champion)
        else {
            return;
        };
        let record = &self.records[published];
        if published == champion || record.facts.is_some() || contest.against(published).is_some() {
            return;
        }
        if history(champion, published, self.policy, self.records, self.now) == Relation::Ahead {
            contest.losers.push(Loser {
                server: published,
                against: Some(champion),
                loss: Some(Loss::Age),
                reason: StateReason::OlderHistory(champion),
            });
        }
    }
}
