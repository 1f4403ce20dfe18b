//! What a rehearsal has found, as the JSON report has it. It is pure.

use std::time::Duration;

use serde::Serialize;

use super::{
    attempts::Attempts, beat::BeatKind, record::Record, verdict::Verdict, wording::of_millis,
};
use crate::wall_time::WallTime;

/// How the watching ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum End {
    /// Everything had followed.
    Complete,
    /// The time was over.
    TimedOut,
    /// Ctrl-C, or SIGTERM.
    Interrupted,
}

/// Everything that is told. A field may be added; none is removed or given another meaning.
#[derive(Clone, Debug, Serialize)]
pub struct Findings {
    /// The cluster.
    pub cluster: String,
    /// Its write name.
    pub name: String,
    /// `postgres` or `mysql`.
    pub engine: String,
    /// What was done over and over: `insert`, `commit` or `role`.
    pub mode: &'static str,
    /// When the watching began, RFC 3339.
    pub began: String,
    /// How long it took.
    pub lasted_ms: u128,
    /// How it ended.
    pub end: End,
    /// `passed`, `failed` or `not-moved`.
    pub verdict: &'static str,
    /// Why it failed, a sentence each.
    pub faults: Vec<String>,
    /// How long anything may take.
    pub target_ms: u128,
    /// The servers that had the name at the beginning.
    pub from: Vec<String>,
    /// Those that have it at the end, when they are others.
    pub to: Option<Vec<String>>,
    /// When the name moved, RFC 3339.
    pub moved: Option<String>,
    /// The writes.
    pub writes: AttemptFindings,
    /// Writes that were acknowledged and are not on the new server; `None` when nobody could look.
    pub lost_writes: Option<u64>,
    /// New connections.
    pub connects: AttemptFindings,
    /// The resolvers.
    pub resolvers: Vec<ResolverFindings>,
    /// Sessions of clients on the old servers at the end; `None` when nobody could say.
    pub sessions_left: Option<u64>,
    /// Why not.
    pub sessions_fault: Option<String>,
    /// What was left behind, and how to remove it.
    pub left_behind: Option<String>,
    /// What was done over and over.
    #[serde(skip)]
    pub beat: BeatKind,
    #[serde(skip)]
    passed: bool,
}

/// What is told of attempts.
#[derive(Clone, Debug, Serialize)]
pub struct AttemptFindings {
    /// How many were good.
    pub good: u64,
    /// How many failed.
    pub failed: u64,
    /// When the last one was good on an old server, RFC 3339.
    pub last_good: Option<String>,
    /// When the first one was good on a new server, RFC 3339.
    pub first_good: Option<String>,
    /// What lies between.
    pub outage_ms: Option<u128>,
    /// Good ones on an old server that began after the name had moved.
    pub astray: u64,
    /// The words of the first failure.
    pub first_failure: Option<String>,
}

/// What is told of a resolver.
#[derive(Clone, Debug, Serialize)]
pub struct ResolverFindings {
    /// Its address.
    pub address: String,
    /// Answers with addresses.
    pub answers: u64,
    /// Questions without.
    pub failures: u64,
    /// The words of the last failure.
    pub last_failure: Option<String>,
    /// When it last said an old server, RFC 3339.
    pub last_old: Option<String>,
    /// When it first said a new one, RFC 3339.
    pub first_new: Option<String>,
    /// How long it gave old answers after the name had moved.
    pub late_ms: Option<u128>,
    /// Whether its last answer was a new one.
    pub followed: bool,
}

/// What is not seen by watching.
#[derive(Clone, Debug, Default)]
pub struct Aftermath {
    /// Writes that were acknowledged and are gone.
    pub lost: Option<u64>,
    /// Sessions of clients on the old servers, or why nobody knows.
    pub sessions: Option<Result<u64, String>>,
    /// What was left behind.
    pub left_behind: Option<String>,
}

/// What was rehearsed.
#[derive(Clone, Debug)]
pub struct Subject {
    /// The cluster.
    pub cluster: String,
    /// Its write name.
    pub name: String,
    /// Its engine.
    pub engine: String,
    /// What was done over and over.
    pub beat: BeatKind,
    /// How long anything may take.
    pub target: Duration,
    /// The addresses of the resolvers.
    pub resolvers: Vec<String>,
    /// When the watching began.
    pub began: WallTime,
}

impl Findings {
    /// What `record` shows, with what was found out at the end.
    pub fn of(
        subject: &Subject,
        record: &Record,
        end: End,
        lasted: Duration,
        after: Aftermath,
    ) -> Self {
        let Subject { beat, target, resolvers, began, .. } = subject;
        let verdict = Verdict::of(record, beat, *target, resolvers, after.lost);
        let at = |moment: Duration| {
            let millis = u64::try_from(moment.as_millis()).unwrap_or(u64::MAX);
            let time = WallTime::from_unix_millis(began.unix_millis().saturating_add(millis));
            format!("{time:.3}")
        };
        let names = |servers: &[Box<str>]| servers.iter().map(ToString::to_string).collect();
        let (sessions_left, sessions_fault) = match after.sessions {
            Some(Ok(left)) => (Some(left), None),
            Some(Err(why)) => (None, Some(why)),
            None => (None, None),
        };
        let told = record.resolvers.iter().zip(resolvers).map(|(seen, address)| ResolverFindings {
            address: address.clone(),
            answers: seen.answers,
            failures: seen.failures,
            last_failure: seen.failure.as_deref().map(str::to_owned),
            last_old: seen.last_old.map(at),
            first_new: seen.first_new.map(at),
            late_ms: record.moved.map(|moved| seen.lateness(moved).as_millis()),
            followed: seen.has_followed(),
        });
        Self {
            cluster: subject.cluster.clone(),
            name: subject.name.clone(),
            engine: subject.engine.clone(),
            mode: beat.word(),
            began: format!("{began:.3}"),
            lasted_ms: lasted.as_millis(),
            end,
            verdict: verdict.word(),
            target_ms: target.as_millis(),
            from: names(&record.from),
            to: record.to.as_deref().map(names),
            moved: record.moved.map(at),
            writes: AttemptFindings::of(&record.writes, at),
            lost_writes: after.lost,
            connects: AttemptFindings::of(&record.connects, at),
            resolvers: told.collect(),
            sessions_left,
            sessions_fault,
            left_behind: after.left_behind,
            beat: beat.clone(),
            passed: verdict == Verdict::Passed,
            faults: match verdict {
                Verdict::Failed(faults) => faults,
                Verdict::Passed | Verdict::NotMoved => Vec::new(),
            },
        }
    }

    /// Whether the name has moved.
    pub fn has_moved(&self) -> bool {
        self.moved.is_some()
    }

    /// Whether everything was within the target.
    pub fn has_passed(&self) -> bool {
        self.passed
    }

    /// The JSON report.
    pub fn json(&self) -> String {
        let text = serde_json::to_string_pretty(self).unwrap_or_else(|error| error.to_string());
        text + "\n"
    }

    /// The verdict in one sentence.
    pub fn headline(&self) -> String {
        let target = of_millis(self.target_ms);
        match self.writes.outage_ms {
            _ if !self.has_moved() => format!("{} has not moved while it was watched", self.name),
            Some(outage) if self.passed => {
                let (outage, noun) = (of_millis(outage), self.beat.noun());
                format!("passed: {outage} without a good {noun}, {target} allowed")
            }
            _ => format!("failed: {}", self.faults.join("; ")),
        }
    }
}

impl AttemptFindings {
    fn of(attempts: &Attempts, at: impl Fn(Duration) -> String) -> Self {
        Self {
            good: attempts.good,
            failed: attempts.failed,
            last_good: attempts.last_good.map(&at),
            first_good: attempts.first_good.map(&at),
            outage_ms: attempts.outage().map(|outage| outage.as_millis()),
            astray: attempts.astray,
            first_failure: attempts
                .first_failure
                .as_ref()
                .map(|(when, words)| format!("{}: {words}", at(*when))),
        }
    }
}
