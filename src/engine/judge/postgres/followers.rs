//! Whom the standbys of a cluster follow, and what they tell of it.

use super::{postgres_role, primary_timeline, received_timeline};
use crate::engine::{
    ClusterPolicy, Endpoint, Moment, PostgresRole, ServerIndex, ServerPolicy,
    ids::Servers,
    judge::is_endpoint_of,
    reception::{Opinion, Origin},
    record::Record,
    trouble::Liveness,
};

/// Where a standby receives from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sender {
    /// This member.
    Member(ServerIndex),
    /// A server outside the cluster.
    Outside,
    /// It does not tell.
    Hidden,
}

/// Where an attached standby receives from; `None` for one that is not attached.
pub(super) fn sender(record: &Record, policy: &ClusterPolicy) -> Option<Sender> {
    match postgres_role(record)? {
        PostgresRole::Standby { receiver, sender, .. } if receiver.is_attached() => {
            let member = |named: &Endpoint| policy.position(|server| is_endpoint_of(named, server));
            Some(match sender {
                None => Sender::Hidden,
                Some(named) => member(named).map_or(Sender::Outside, Sender::Member),
            })
        }
        _ => None,
    }
}

/// Where what a standby receives comes from in the end: through how many other standbys ever that
/// answer and receive the same timeline.
pub(super) fn origin(
    standby: ServerIndex,
    policy: &ClusterPolicy,
    records: &Servers<Record>,
) -> Option<Sender> {
    let record = &records[standby];
    let mut found = sender(record, policy)?;
    for _ in 1..records.len() {
        let Sender::Member(member) = found else { break };
        let upstream = &records[member];
        let Some(next) = sender(upstream, policy) else { break };
        if upstream.trouble.is_some() || received_timeline(upstream) != received_timeline(record) {
            break;
        }
        found = next;
    }
    Some(found)
}

/// How many standbys that answer follow `primary`.
pub(super) fn followers(
    primary: ServerIndex,
    policy: &ClusterPolicy,
    records: &Servers<Record>,
    now: Moment,
) -> usize {
    followers_of(primary, policy, records, now).count()
}

/// The standbys that answer and follow `primary`: directly, or through others on its timeline.
pub(super) fn followers_of(
    primary: ServerIndex,
    policy: &ClusterPolicy,
    records: &Servers<Record>,
    now: Moment,
) -> impl Iterator<Item = ServerIndex> {
    records.indices().filter(move |&index| {
        index != primary
            && records[index].liveness(&policy.thresholds, now) == Liveness::Answering
            && is_follower(index, primary, policy, records)
    })
}

/// How many standbys are on the side of `primary` by their last words, or by what was remembered of
/// them: they followed it, or have come to its timeline and follow nobody. The dead are on nobody's
/// side when it is dead itself.
pub(super) fn adherents(
    primary: ServerIndex,
    policy: &ClusterPolicy,
    records: &Servers<Record>,
    now: Moment,
) -> usize {
    let is_gone = |one: ServerIndex| {
        matches!(records[one].liveness(&policy.thresholds, now), Liveness::Gone(_))
    };
    let all_count = !is_gone(primary);
    let own = primary_timeline(&records[primary]).or(records[primary].history.timeline);
    let adheres = |standby: &ServerIndex| {
        let record = &records[*standby];
        let is_standby = primary_timeline(record).is_none() && sender(record, policy).is_none();
        let waits = is_standby && own.is_some() && record.history.timeline == own;
        *standby != primary
            && (all_count || !is_gone(*standby))
            && (waits || is_follower(*standby, primary, policy, records))
    };
    records.indices().filter(adheres).count()
}

/// Whether a standby follows `primary` by its last word: directly, or through others.
pub(super) fn is_follower(
    standby: ServerIndex,
    primary: ServerIndex,
    policy: &ClusterPolicy,
    records: &Servers<Record>,
) -> bool {
    let own = primary_timeline(&records[primary]).or(records[primary].history.timeline);
    match origin(standby, policy, records) {
        None => false,
        Some(Sender::Member(sender)) if sender == primary => true,
        // Another one that calls itself a primary.
        Some(Sender::Member(sender)) if primary_timeline(&records[sender]).is_some() => false,
        Some(_) => own.is_some() && received_timeline(&records[standby]) == own,
    }
}

/// Whether a server is a standby that receives from `sender` directly, as far as it tells.
fn is_sent_by(record: &Record, sender: &ServerPolicy) -> bool {
    match postgres_role(record) {
        Some(PostgresRole::Standby { receiver, sender: Some(named), .. }) => {
            receiver.is_attached() && is_endpoint_of(named, sender)
        }
        _ => false,
    }
}

/// What `standby` tells of `primary`, silent `since` then: nothing, when it follows another one.
pub(super) fn opinion(
    standby: ServerIndex,
    primary: ServerIndex,
    since: Moment,
    policy: &ClusterPolicy,
    records: &Servers<Record>,
    now: Moment,
) -> Opinion {
    let record = &records[standby];
    if is_sent_by(record, policy.server(primary)) {
        return record.opinion("", Origin::Source, since, now);
    }
    match is_follower(standby, primary, policy, records) || hides_everything(record) {
        true => record.opinion("", Origin::Beyond, since, now),
        false => Opinion::Nothing,
    }
}

/// Whether an attached standby tells neither whom nor which timeline it follows.
fn hides_everything(record: &Record) -> bool {
    matches!(
        postgres_role(record),
        Some(PostgresRole::Standby { receiver, sender: None, timeline: None, .. })
            if receiver.is_attached()
    )
}
