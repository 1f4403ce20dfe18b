//! What the observations of a cluster's servers add up to: one verdict per server.
//!
//! The order of things: who claims to be writable, who of them is right, and then each server
//! against that. A verdict rests on the whole cluster, so all are made anew together; the tables
//! are in `docs/JUDGEMENT.md`.

mod contest;
mod identity;
mod mysql;
mod office;
mod postgres;
#[cfg(test)]
mod tests;
mod unanswered;

use std::time::Duration;

use self::{
    contest::Contest,
    identity::{FOREIGN, is_foreign},
    unanswered::{by_liveness, overruled, unreachable_from_here},
};
use super::{
    ClusterKind, ClusterPolicy, Endpoint, FailureKind, Lag, Loss, Moment, ServerIndex,
    ServerPolicy, ServerState, StateReason,
    ids::Servers,
    positions::Positions,
    record::Record,
    steering::Steering,
    trouble::Liveness,
    verdict::{ReadFitness, Verdict, WriteFitness},
};

pub(super) use self::{
    identity::{Identity, KnownIdentity},
    office::Office,
};

/// The verdicts on all servers of a cluster.
#[derive(Clone, Debug)]
pub(super) struct Judgement {
    /// One per server, in config order.
    pub(super) verdicts: Servers<Verdict>,
    /// Two servers are writable and nothing but precedence tells which is right.
    pub(super) split_brain: bool,
    /// By what the writer is found.
    pub(super) writer: WriterRule,
}

/// By what the writer of a cluster is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WriterRule {
    /// The servers' histories prove who it is; one that was left must follow before its word counts
    /// again.
    History,
    /// The servers' group elects it, and vouches for it.
    Elected,
    /// Several servers may be written to, and the choice among them is free.
    Free,
}

/// What a judgement may know besides the servers' own records.
#[derive(Clone, Copy, Debug)]
pub(super) struct Precedents<'a> {
    /// The server that the write name says now.
    pub(super) published: Option<ServerIndex>,
    /// The last server that it said, also after a withdrawal.
    pub(super) last_writer: Option<ServerIndex>,
    /// What that one had.
    pub(super) office: &'a Office,
    /// Every server has had its time to say what it is: what speaks for one is not only that it was
    /// heard first.
    pub(super) ready: bool,
    /// The servers that the write name may not return to yet.
    pub(super) blocked: &'a [ServerIndex],
    /// What operators wish of the choice among several.
    pub(super) steering: &'a Steering,
    /// The identity of the cluster, once it is known.
    pub(super) identity: Option<&'a Identity>,
}

/// Judges all servers of one cluster.
pub(super) fn judge(
    policy: &ClusterPolicy,
    records: &mut Servers<Record>,
    positions: &mut Positions,
    precedents: Precedents<'_>,
    now: Moment,
) -> Judgement {
    match policy.kind {
        ClusterKind::Postgres => postgres::judge(policy, records, positions, precedents, now),
        ClusterKind::MySql => mysql::judge(policy, records, positions, precedents, now),
        ClusterKind::Tcp => judge_tcp(policy, records, now),
    }
}

fn judge_tcp(policy: &ClusterPolicy, records: &mut Servers<Record>, now: Moment) -> Judgement {
    let verdicts = records
        .iter_mut()
        .map(|record| {
            if let Some(verdict) = by_liveness(record, policy, now) {
                return verdict;
            }
            if is_returning(record, policy) {
                return returning(record);
            }
            record.vouch_for_freshness();
            Verdict {
                state: ServerState::Up,
                reason: StateReason::Accepts,
                write: WriteFitness::Fit,
                read: ReadFitness::Replica,
                lag: None,
            }
        })
        .collect();
    Judgement { verdicts, split_brain: false, writer: WriterRule::Free }
}

/// The verdict on a server that was away and has yet to prove itself.
///
/// One whose probe was silent has not been gone as far as anybody knows: if it is published, it
/// stays.
fn returning(record: &Record) -> Verdict {
    let write = match record.verdict.write {
        WriteFitness::Open => WriteFitness::Open,
        _ => WriteFitness::Gone,
    };
    let (state, reason) = (ServerState::Starting, StateReason::Returning);
    Verdict { state, reason, write, read: ReadFitness::No, lag: None }
}

/// Whether a server that was away has yet to prove itself by `rise` good replies.
fn is_returning(record: &mut Record, policy: &ClusterPolicy) -> bool {
    record.away &= record.successes < policy.thresholds.rise;
    record.away
}

/// Whether a server takes part in the question who is the primary: it says that it is writable,
/// nothing proves that it is gone, and its word counts.
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
        Liveness::Answering => true,
        // One that was gone or not ready before is not more present for being silent now.
        Liveness::Doubtful(_) => !record.away,
        Liveness::ProbeSilent
        | Liveness::Alive(FailureKind::Saturated | FailureKind::Misconfigured) => published,
        Liveness::Gone(_) | Liveness::Unheard | Liveness::Alive(_) => false,
    };
    present
        && record.claims_writable()
        && (published || record.is_confirmed_writable())
        && !record.heart.is_stopped(now)
        && !record.history.lost
        && !is_foreign(record, precedents)
}

/// The verdict on a server that says it is writable, given how the contest ended.
fn writable_verdict(
    index: ServerIndex,
    record: &mut Record,
    contest: &Contest,
    now: Moment,
) -> Verdict {
    let stale = why_stale(index, record, contest);
    if record.heart.is_stopped(now) && stale.is_none() {
        return Verdict {
            read: ReadFitness::LastResort,
            ..Verdict::out(ServerState::ReadOnlyPrimary, StateReason::CannotWrite)
        };
    }
    if contest.champion == Some(index) {
        (record.away, record.left_office) = (false, false);
        return Verdict {
            state: ServerState::Primary,
            reason: StateReason::SaysWritable,
            write: WriteFitness::Fit,
            read: ReadFitness::Primary,
            lag: None,
        };
    }
    if record.history.lost && contest.against(index).is_none() {
        return HISTORY_LOST;
    }
    match stale {
        Some(reason) => Verdict::out(ServerState::StalePrimary, reason),
        None => unconfirmed(record),
    }
}

/// What speaks against the word of a server that calls itself a primary: that it has lost now, or
/// before.
fn why_stale(index: ServerIndex, record: &Record, contest: &Contest) -> Option<StateReason> {
    contest.against(index).or_else(|| {
        let superseded = record.superseded.as_ref()?;
        Some(match (superseded.loss, superseded.by) {
            (Loss::Name | Loss::Age | Loss::Acceptance, _) => StateReason::NotRejoined,
            (Loss::Following, Some(by)) => StateReason::Unfollowed(by),
            (Loss::Precedence, Some(by)) if contest.champion == Some(by) => {
                StateReason::SecondWriter(by)
            }
            (Loss::Precedence | Loss::Following, _) => StateReason::LostContest,
        })
    })
}

/// The verdict on a server that is not what it was: it proves nothing until it has followed.
const HISTORY_LOST: Verdict = Verdict {
    state: ServerState::WrongCluster,
    reason: StateReason::HistoryLost,
    write: WriteFitness::Refused,
    read: ReadFitness::Never,
    lag: None,
};

/// Whether a server that calls itself a primary has lost against the one that is right.
fn is_stale(index: ServerIndex, record: &Record, contest: &Contest) -> bool {
    contest.champion.is_some_and(|champion| champion != index)
        && (contest.against(index).is_some() || record.superseded.is_some())
}

/// The verdict on a server whose first word as a writable one has yet to be confirmed: it stays
/// what it was.
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

/// What a replica's position comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Freshness {
    /// It is fresh enough for at least one read name.
    fresh: bool,
    /// How far it is behind; `None` when that cannot be told.
    lag: Option<Lag>,
    /// There is a primary that answers, so that it was compared with the present.
    compared: bool,
    /// Its lag is within the longest limit of all.
    within: bool,
    /// Only its next reply can tell.
    undecided: bool,
}

impl Freshness {
    /// Passes a fresh reply of a replica through the gates of all read names.
    ///
    /// `lag` is `None` when only the next reply can tell, which leaves the gates as they are, and
    /// `Some(None)` when it cannot be told, which is late.
    fn pass(
        record: &mut Record,
        policy: &ClusterPolicy,
        lag: Option<Option<Lag>>,
        compared: bool,
    ) -> Self {
        let undecided = lag.is_none() && !record.gates.iter().any(|gate| gate.is_known());
        if let (true, Some(lag)) = (record.fresh, lag) {
            for (gate, read) in record.gates.iter_mut().zip(&policy.reads) {
                gate.pass(lag, read.max_lag);
            }
        }
        let fresh = record.gates.is_empty() || record.gates.iter().any(|gate| gate.is_fresh());
        let before = || record.settled.filter(|_| record.left_behind.is_none());
        let lag = lag.unwrap_or_else(|| before().and_then(|settled| settled.lag));
        let within = lag.is_some_and(|Lag(lag)| lag <= reach(policy));
        Self { fresh, lag, compared, within, undecided }
    }

    /// The verdict on a replica that receives what it should.
    fn attached(self) -> Verdict {
        let Self { fresh, lag, compared, within, undecided } = self;
        let (state, reason) = match (fresh, compared, lag) {
            (false, _, None) if undecided => (ServerState::Replica, StateReason::LagUnknown),
            (true, true, _) => (ServerState::Replica, StateReason::Fresh),
            (true, false, Some(Lag(lag))) if !lag.is_zero() => {
                (ServerState::Replica, StateReason::Fresh)
            }
            (true, false, _) => (ServerState::Replica, StateReason::LacksNothingShown),
            (false, _, Some(_)) if within => (ServerState::ReplicaLagging, StateReason::CatchingUp),
            (false, _, Some(lag)) => (ServerState::ReplicaLagging, StateReason::Behind(lag)),
            (false, _, None) => (ServerState::ReplicaLagging, StateReason::LagUnknown),
        };
        Verdict { state, reason, write: WriteFitness::Refused, read: ReadFitness::Replica, lag }
    }
}

/// The longest lag that any read name allows: as far back the positions must reach.
fn reach(policy: &ClusterPolicy) -> Duration {
    policy.reads.iter().map(|read| read.max_lag).max().unwrap_or_default()
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

/// Whether a replica names this server as the place it gets its changes from.
fn is_endpoint_of(endpoint: &Endpoint, server: &ServerPolicy) -> bool {
    endpoint.port == server.port && server.aliases.contains(&endpoint.host)
}
