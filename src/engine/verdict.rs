//! The judgement of one server, before anybody chooses among the servers.

use super::{Lag, ServerState, StateReason};

/// What a server is, and what it may be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    pub state: ServerState,
    pub reason: StateReason,
    pub write: WriteEligibility,
    pub read: ReadEligibility,
    pub lag: Option<Lag>,
}

/// May a server be in the write name?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteEligibility {
    /// It may be chosen.
    Eligible,
    /// It may be written to, and a witness speaks against it: it is chosen, and stays, only while
    /// no other server is eligible.
    Spare,
    /// Nothing is known against it: it stays when it is published, and is not chosen anew.
    Open,
    /// It does not answer, or cannot do the work well now: it stays when it is published, until
    /// another one is eligible.
    Gone,
    /// It said so itself, or its word is overruled: never.
    Refused,
}

/// May a server be in a read name?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadEligibility {
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
        write: WriteEligibility::Open,
        read: ReadEligibility::No,
        lag: None,
    };

    /// A server that is out of both names.
    pub fn out(state: ServerState, reason: StateReason) -> Self {
        Self {
            state,
            reason,
            write: WriteEligibility::Refused,
            read: ReadEligibility::No,
            lag: None,
        }
    }

    /// The same verdict with another reading of its reason.
    pub fn because(self, reason: StateReason) -> Self {
        Self { reason, ..self }
    }
}
