//! The judgement of one server, before anybody chooses among the servers.

use super::{Lag, ServerState, StateReason};

/// What a server is, and what it may be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    pub state: ServerState,
    pub reason: StateReason,
    pub write: WriteFitness,
    pub read: ReadFitness,
    pub lag: Option<Lag>,
}

/// May a server be in the write name?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteFitness {
    /// It may be chosen.
    Fit,
    /// It may be written to, and a witness speaks against it: it is chosen, and stays, only while
    /// nobody else is fit.
    Spare,
    /// Nothing is known against it: it stays when it is published, and is not chosen anew.
    Open,
    /// It does not answer, or cannot do the work well now: it stays when it is published, until
    /// another one is fit.
    Gone,
    /// It said so itself, or its word is overruled: never.
    Refused,
}

/// May a server be in a read name?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadFitness {
    /// A replica; its lag gates tell which names it is fresh enough for.
    Replica,
    /// The primary: by `include_primary`, or when replicas are short.
    Primary,
    /// Only when the name would have too few servers otherwise.
    LastResort,
    /// Not now; it stays in a last known set.
    No,
    /// Its data is another cluster's: not even in a last known set.
    Never,
}

impl Verdict {
    /// Before the first word of or about a server.
    pub const UNHEARD: Self = Self {
        state: ServerState::Unknown,
        reason: StateReason::NotProbedYet,
        write: WriteFitness::Open,
        read: ReadFitness::No,
        lag: None,
    };

    /// A server that is out of both names.
    pub fn out(state: ServerState, reason: StateReason) -> Self {
        Self { state, reason, write: WriteFitness::Refused, read: ReadFitness::No, lag: None }
    }

    /// The same verdict with another reading of its reason.
    pub fn because(self, reason: StateReason) -> Self {
        Self { reason, ..self }
    }
}
