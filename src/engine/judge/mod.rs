//! What the observations of a cluster's servers add up to: one verdict per server.
//!
//! The order of things: who claims to be writable, who of them is right, and then each server against that. A verdict
//! rests on the whole cluster, so all are made anew together; the tables are in `docs/JUDGEMENT.md`.

mod contest;
mod mysql;
mod postgres;
#[cfg(test)]
mod tests;

use std::time::Duration;

use self::contest::Contest;
use super::{
    ClusterKind, ClusterPolicy, Facts, FailureKind, Lag, Moment, ServerIndex, ServerState,
    StateReason, Thresholds,
    record::{Liveness, Record},
    verdict::{ReadFitness, Verdict, WriteFitness},
};

/// The verdicts on all servers of a cluster.
#[derive(Clone, Debug)]
pub(super) struct Judgement {
    /// One per server, in config order.
    pub(super) verdicts: Vec<Verdict>,
    /// Two servers are writable and nothing but precedence tells which is right.
    pub(super) split_brain: bool,
    /// Several servers may be written to, and the choice among them is free.
    pub(super) free_choice: bool,
}

/// What a judgement may know besides the servers' own records.
#[derive(Clone, Copy, Debug)]
pub(super) struct Precedents<'a> {
    /// The server that the write name says now.
    pub(super) published: Option<ServerIndex>,
    /// The last server that it said, also after a withdrawal.
    pub(super) last_writer: Option<ServerIndex>,
    /// The server that the write name may not return to yet.
    pub(super) blocked: Option<ServerIndex>,
    /// The identity of the cluster, once it is known.
    pub(super) identity: Option<&'a Identity>,
}

/// What members of one cluster have in common: PostgreSQL's system identifier, Galera's cluster UUID.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Identity {
    System(u64),
    Galera(Box<str>),
}

/// Judges all servers of one cluster.
pub(super) fn judge(
    policy: &ClusterPolicy,
    records: &mut [Record],
    precedents: Precedents<'_>,
    now: Moment,
) -> Judgement {
    match policy.kind {
        ClusterKind::Postgres => postgres::judge(policy, records, precedents, now),
        ClusterKind::MySql => mysql::judge(policy, records, precedents, now),
        ClusterKind::Tcp => judge_tcp(policy, records, now),
    }
}

/// The identity that the records speak for, given the one known so far.
///
/// The known one stays while any server's last word carries it. Otherwise the one that most servers carry is taken,
/// among equals that of the first server in config order.
pub(super) fn identity(records: &[Record], known: Option<&Identity>) -> Option<Identity> {
    let carried: Vec<Identity> = records.iter().filter_map(carried_identity).collect();
    if let Some(known) = known.filter(|known| carried.contains(known)) {
        return Some(known.clone());
    }
    let votes = |one: &Identity| carried.iter().filter(|other| *other == one).count();
    let most = carried.iter().map(votes).max()?;
    carried.iter().find(|one| votes(one) == most).cloned()
}

fn carried_identity(record: &Record) -> Option<Identity> {
    match record.facts.as_ref()? {
        Facts::Postgres(facts) => Some(Identity::System(facts.system_identifier)),
        Facts::MySql(facts) => mysql::galera_identity(facts),
        Facts::Tcp => None,
    }
}

fn is_foreign(record: &Record, precedents: Precedents<'_>) -> bool {
    match (carried_identity(record), precedents.identity) {
        (Some(carried), Some(known)) => carried != *known,
        _ => false,
    }
}

const FOREIGN: Verdict = Verdict {
    state: ServerState::WrongCluster,
    reason: StateReason::OtherCluster,
    write: WriteFitness::Refused,
    read: ReadFitness::Never,
    lag: None,
};

fn judge_tcp(policy: &ClusterPolicy, records: &mut [Record], now: Moment) -> Judgement {
    let verdicts = records
        .iter_mut()
        .map(|record| {
            if let Some(verdict) = by_liveness(record, policy, now) {
                return verdict;
            }
            if is_returning(record, policy) {
                return RETURNING;
            }
            Verdict {
                state: ServerState::Up,
                reason: StateReason::Accepts,
                write: WriteFitness::Fit,
                read: ReadFitness::Replica,
                lag: None,
            }
        })
        .collect();
    Judgement { verdicts, split_brain: false, free_choice: true }
}

const RETURNING: Verdict = Verdict {
    state: ServerState::Starting,
    reason: StateReason::Returning,
    write: WriteFitness::Gone,
    read: ReadFitness::No,
    lag: None,
};

/// Whether a server that was away has yet to prove itself by `rise` good replies.
fn is_returning(record: &mut Record, policy: &ClusterPolicy) -> bool {
    record.away &= record.successes < policy.thresholds.rise;
    record.away
}

/// The verdict on a server whose last probe was not answered; `None` when its facts are to be judged.
///
/// "Cannot log in" is not "down": a server that is alive keeps the role it had.
fn by_liveness(record: &mut Record, policy: &ClusterPolicy, now: Moment) -> Option<Verdict> {
    let settled = record.settled;
    let write_before = settled.map_or(WriteFitness::Open, |settled| match settled.write {
        WriteFitness::Fit => WriteFitness::Open,
        other => other,
    });
    let lag = settled.and_then(|settled| settled.lag);
    let verdict = match record.liveness(&policy.thresholds, now) {
        Liveness::Answering => return None,
        Liveness::Unheard => Verdict::UNHEARD,
        Liveness::Doubtful(kind) => {
            let before = match record.verdict {
                Verdict::UNHEARD => Verdict::UNHEARD.because(StateReason::Fails(kind)),
                before => before,
            };
            let write = match before.write {
                WriteFitness::Fit => WriteFitness::Open,
                other => other,
            };
            Verdict { write, ..before }
        }
        Liveness::ProbeSilent => {
            record.mark_away();
            let read = match settled.map(|settled| settled.read) {
                Some(ReadFitness::Replica | ReadFitness::LastResort) => ReadFitness::LastResort,
                _ => ReadFitness::No,
            };
            let (state, reason) = (ServerState::Unknown, StateReason::ProbeSilent);
            Verdict { state, reason, write: write_before, read, lag }
        }
        Liveness::Gone(kind) => {
            record.mark_away();
            Verdict {
                state: ServerState::Down,
                reason: StateReason::Fails(kind),
                write: WriteFitness::Gone,
                read: ReadFitness::No,
                lag: None,
            }
        }
        Liveness::Alive(kind) => alive_but_refusing(record, kind, write_before, lag, now),
    };
    match settled.map(|settled| settled.read) {
        Some(ReadFitness::Never) => Some(Verdict { read: ReadFitness::Never, ..verdict }),
        _ => Some(verdict),
    }
}

/// The verdict on a server that does not answer now, when those who do prove its last word outdated.
fn overruled(index: ServerIndex, verdict: Verdict, record: &Record, contest: &Contest) -> Verdict {
    match contest.against(index) {
        Some(reason) if record.settled.is_some_and(|settled| settled.state == verdict.state) => {
            Verdict::out(ServerState::StalePrimary, reason)
        }
        // It is away and takes no writes; only its own word would withdraw it before its successor is confirmed.
        Some(_) if verdict.write == WriteFitness::Gone => verdict,
        Some(_) => Verdict { write: WriteFitness::Refused, ..verdict },
        None => verdict,
    }
}

fn alive_but_refusing(
    record: &mut Record,
    kind: FailureKind,
    write_before: WriteFitness,
    lag: Option<Lag>,
    now: Moment,
) -> Verdict {
    let reason = StateReason::Fails(kind);
    let read_before = record.settled.map_or(ReadFitness::No, |settled| settled.read);
    match kind {
        FailureKind::Saturated => {
            let since = record.trouble.as_ref().map_or(now, |trouble| trouble.kind_since);
            let patient = now.since(since) < Thresholds::SATURATED_GRACE;
            let read = match read_before {
                ReadFitness::Replica if !patient => ReadFitness::LastResort,
                before => before,
            };
            Verdict { state: ServerState::Saturated, reason, write: write_before, read, lag }
        }
        FailureKind::Misconfigured => Verdict {
            state: ServerState::Misconfigured,
            reason,
            write: write_before,
            read: read_before,
            lag,
        },
        FailureKind::Maintenance => Verdict::out(ServerState::Maintenance, reason),
        FailureKind::GroupUnready => {
            record.mark_away();
            Verdict::out(ServerState::Starting, reason)
        }
        _ => {
            record.mark_away();
            Verdict { write: WriteFitness::Gone, ..Verdict::out(ServerState::Starting, reason) }
        }
    }
}

/// Whether a server takes part in the question who is the primary: it says that it is writable, nothing proves that
/// it is gone, and its word counts.
fn is_claimant(
    index: ServerIndex,
    record: &Record,
    policy: &ClusterPolicy,
    precedents: Precedents<'_>,
    now: Moment,
) -> bool {
    let published = precedents.published == Some(index);
    let liveness = record.liveness(&policy.thresholds, now);
    let present = match liveness {
        Liveness::Answering | Liveness::Doubtful(_) => true,
        Liveness::ProbeSilent
        | Liveness::Alive(FailureKind::Saturated | FailureKind::Misconfigured) => published,
        Liveness::Gone(_) | Liveness::Unheard | Liveness::Alive(_) => false,
    };
    present
        && record.facts.as_ref().is_some_and(Facts::claims_writable)
        && (published || record.is_confirmed_writable())
        && !record.cannot_write(&policy.thresholds)
        && !is_foreign(record, precedents)
}

/// The verdict on a server that says it is writable, given how the contest ended.
fn writable_verdict(
    index: ServerIndex,
    record: &mut Record,
    policy: &ClusterPolicy,
    contest: &Contest,
) -> Verdict {
    if record.cannot_write(&policy.thresholds) {
        return Verdict {
            read: ReadFitness::LastResort,
            ..Verdict::out(ServerState::ReadOnlyPrimary, StateReason::CannotWrite)
        };
    }
    if contest.champion == Some(index) {
        record.away = false;
        return Verdict {
            state: ServerState::Primary,
            reason: StateReason::SaysWritable,
            write: WriteFitness::Fit,
            read: ReadFitness::Primary,
            lag: None,
        };
    }
    if let Some(reason) = contest.against(index) {
        return Verdict::out(ServerState::StalePrimary, reason);
    }
    if record.superseded.is_some() {
        return Verdict::out(ServerState::StalePrimary, StateReason::NotRejoined);
    }
    unconfirmed(record)
}

/// The verdict on a server whose first word as a writable one has yet to be confirmed: it stays what it was.
fn unconfirmed(record: &Record) -> Verdict {
    let before = match record.settled {
        _ if record.away => Verdict { state: ServerState::Starting, ..Verdict::UNHEARD },
        Some(settled) => settled,
        None => Verdict::UNHEARD,
    };
    let write = match before.write {
        WriteFitness::Fit => WriteFitness::Open,
        other => other,
    };
    Verdict { write, ..before.because(StateReason::WritableUnconfirmed) }
}

/// The verdict on a primary whose probes time out while a replica still receives from it: our way to it is broken, not
/// the server. `None` when that is not the case.
fn unreachable_from_here(
    index: ServerIndex,
    records: &[Record],
    policy: &ClusterPolicy,
    contest: &Contest,
    now: Moment,
) -> Option<Verdict> {
    let record = &records[index.0];
    let Liveness::Gone(kind) = record.liveness(&policy.thresholds, now) else {
        return None;
    };
    let since = record.trouble.as_ref()?.since;
    let settled = record.settled.filter(|settled| settled.state == ServerState::Primary)?;
    let others = records.iter().enumerate().filter(|(other, _)| *other != index.0);
    let somebody_receives = others.into_iter().any(|(_, replica)| replica.received_after(since));
    (kind.may_be_ours() && somebody_receives && contest.against(index).is_none()).then(|| Verdict {
        write: WriteFitness::Open,
        read: ReadFitness::No,
        ..settled.because(StateReason::UnreachableFromHere)
    })
}

/// Passes a fresh reply of a replica through the gates of all read names, and tells whether any is open.
///
/// `lag` is `None` when there is nothing to compare with, which leaves the gates as they are, and `Some(None)` when
/// the reply itself says that lag cannot be told.
fn pass_gates(record: &mut Record, policy: &ClusterPolicy, lag: Option<Option<Lag>>) -> bool {
    if let (true, Some(lag)) = (record.fresh, lag) {
        for (gate, read) in record.gates.iter_mut().zip(&policy.reads) {
            gate.pass(lag, read.max_lag);
        }
    }
    record.gates.is_empty() || record.gates.iter().any(|gate| gate.is_fresh())
}

/// The verdict on a replica that receives what it should.
fn attached_verdict(fresh: bool, lag: Option<Lag>, compared: bool) -> Verdict {
    let (state, reason) = match (fresh, compared, lag) {
        (true, true, _) => (ServerState::Replica, StateReason::Fresh),
        (true, false, _) => (ServerState::Replica, StateReason::FreshWhenLastCompared),
        (false, _, Some(lag)) => (ServerState::ReplicaLagging, StateReason::Behind(lag)),
        (false, _, None) => (ServerState::ReplicaLagging, StateReason::LagUnknown),
    };
    Verdict { state, reason, write: WriteFitness::Refused, read: ReadFitness::Replica, lag }
}

/// How long a condition has lasted: `None` while it does not hold.
fn lasting(since: &mut Option<Moment>, holds: bool, now: Moment) -> Option<Duration> {
    match holds {
        true => Some(now.since(*since.get_or_insert(now))),
        false => {
            *since = None;
            None
        }
    }
}
