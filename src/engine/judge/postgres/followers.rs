//! Whom the standbys of a cluster follow, and what they tell of it.

use crate::engine::{
    Endpoint, Moment, PostgresRole, ServerIndex, ServerPolicy, Upstream,
    judge::case::Case,
    reception::{Opinion, Origin},
    record::Record,
};

/// Where a standby receives from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sender {
    /// This member.
    Member(ServerIndex),
    /// A server outside the cluster.
    Outside,
    /// It does not tell.
    Hidden,
}

/// Where an attached standby receives from; `None` for one that is not attached.
pub fn sender(standby: ServerIndex, case: Case<'_>) -> Option<Sender> {
    match case.records[standby].postgres_role()? {
        PostgresRole::Standby { receiver, sender, .. } if receiver.is_attached() => {
            let member = |named: &Endpoint| case.policy.position(|server| server.is_at(named));
            Some(match sender {
                None => Sender::Hidden,
                Some(named) => member(named).map_or(Sender::Outside, Sender::Member),
            })
        }
        _ => None,
    }
}

/// Whom a standby receives from, for people; `None` for one that is not attached or does not tell.
pub fn upstream(standby: ServerIndex, case: Case<'_>) -> Option<Upstream<ServerIndex>> {
    match sender(standby, case)? {
        Sender::Member(member) => Some(Upstream::Member(member)),
        Sender::Outside => Some(Upstream::Outside),
        Sender::Hidden => None,
    }
}

/// Where what a standby receives comes from in the end: through how many other standbys ever that
/// answer and receive the same timeline.
pub fn origin(standby: ServerIndex, case: Case<'_>) -> Option<Sender> {
    let record = &case.records[standby];
    let mut found = sender(standby, case)?;
    for _ in 1..case.records.len() {
        let Sender::Member(member) = found else { break };
        let upstream = &case.records[member];
        let Some(next) = sender(member, case) else { break };
        if upstream.trouble.is_some() || upstream.received_timeline() != record.received_timeline()
        {
            break;
        }
        found = next;
    }
    Some(found)
}

/// How many standbys that answer follow `primary`.
pub fn followers(primary: ServerIndex, case: Case<'_>) -> usize {
    followers_of(primary, case).count()
}

/// The standbys that answer and follow `primary`: directly, or through others on its timeline.
pub fn followers_of(primary: ServerIndex, case: Case<'_>) -> impl Iterator<Item = ServerIndex> {
    case.others(primary)
        .filter(move |&index| case.answers(index) && is_follower(index, primary, case))
}

/// How many standbys are on the side of `primary` by their last words, or by what was remembered of
/// them: they followed it, or have come to its timeline and follow nobody. The dead are on nobody's
/// side when it is dead itself.
pub fn adherents(primary: ServerIndex, case: Case<'_>) -> usize {
    let all_count = !case.is_gone(primary);
    let own = case.records[primary].primary_timeline().or(case.records[primary].history.timeline);
    let adheres = |standby: &ServerIndex| {
        let record = &case.records[*standby];
        let is_standby = record.primary_timeline().is_none() && sender(*standby, case).is_none();
        let waits = is_standby && own.is_some() && record.history.timeline == own;
        *standby != primary
            && (all_count || !case.is_gone(*standby))
            && (waits || is_follower(*standby, primary, case))
    };
    case.indices().filter(adheres).count()
}

/// Whether a standby follows `primary` by its last word: directly, or through others.
pub fn is_follower(standby: ServerIndex, primary: ServerIndex, case: Case<'_>) -> bool {
    let own = case.records[primary].primary_timeline().or(case.records[primary].history.timeline);
    match origin(standby, case) {
        None => false,
        Some(Sender::Member(sender)) if sender == primary => !is_passed_on(standby, primary, case),
        // Another one that calls itself a primary.
        Some(Sender::Member(sender))
            if case.records[sender].primary_timeline().is_some()
                && !is_passed_on(standby, sender, case) =>
        {
            false
        }
        Some(_) => own.is_some() && case.records[standby].received_timeline() == own,
    }
}

/// Whether a standby shows that its sender, which does not answer, only passes on what another member
/// writes: it receives that one's timeline, which the sender was never seen writing on.
fn is_passed_on(standby: ServerIndex, sender: ServerIndex, case: Case<'_>) -> bool {
    let silent = &case.records[sender];
    let received = case.records[standby].received_timeline();
    let writes = |member: ServerIndex| {
        let record = &case.records[member];
        let own = record.primary_timeline();
        own.is_some() && own == received && record.is_confirmed_writable() && case.answers(member)
    };
    silent.trouble.is_some()
        && received > silent.primary_timeline().or(silent.history.timeline)
        && case.others(sender).any(writes)
}

/// Whether a server is a standby that receives from `sender` directly, as far as it tells.
fn is_sent_by(record: &Record, sender: &ServerPolicy) -> bool {
    match record.postgres_role() {
        Some(PostgresRole::Standby { receiver, sender: Some(named), .. }) => {
            receiver.is_attached() && sender.is_at(named)
        }
        _ => false,
    }
}

/// What `standby` tells of `primary`, silent `since` then: nothing, when it follows another one.
pub fn opinion(
    standby: ServerIndex,
    primary: ServerIndex,
    since: Moment,
    case: Case<'_>,
) -> Opinion {
    let record = &case.records[standby];
    if is_sent_by(record, case.policy.server(primary)) && !is_passed_on(standby, primary, case) {
        return record.opinion("", Origin::Source, since, case.now);
    }
    match is_follower(standby, primary, case) || hides_everything(record) {
        true => record.opinion("", Origin::Beyond, since, case.now),
        false => Opinion::Nothing,
    }
}

/// Whether an attached standby tells neither whom nor which timeline it follows.
fn hides_everything(record: &Record) -> bool {
    matches!(
        record.postgres_role(),
        Some(PostgresRole::Standby { receiver, sender: None, timeline: None, .. })
            if receiver.is_attached()
    )
}
