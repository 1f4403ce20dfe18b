//! Verdicts that read the same whatever a server speaks.

use crate::engine::{
    ServerState, StateReason,
    conclusion::Conclusion,
    verdict::{ReadEligibility, Verdict, WriteEligibility},
};

/// The verdict on a server of another cluster.
pub const FOREIGN: Verdict = Verdict {
    state: ServerState::WrongCluster,
    reason: StateReason::OtherCluster,
    write: WriteEligibility::Refused,
    read: ReadEligibility::Never,
    lag: None,
};

/// The verdict on a server that was found, carries the cluster's identity, and may be a copy of it.
pub const STRANGER: Verdict = Verdict { reason: StateReason::Stranger, ..FOREIGN };

/// The verdict on a server that was found and must not be written to.
pub const MAY_NOT_WRITE: Verdict = Verdict {
    state: ServerState::StalePrimary,
    reason: StateReason::MayNotWrite,
    write: WriteEligibility::Refused,
    read: ReadEligibility::No,
    lag: None,
};

/// The verdict on a server that is not what it was: it proves nothing until it has followed.
pub const HISTORY_LOST: Verdict = Verdict {
    state: ServerState::WrongCluster,
    reason: StateReason::HistoryLost,
    write: WriteEligibility::Refused,
    read: ReadEligibility::Never,
    lag: None,
};

/// The verdict on a server that does not let the probe see whether it replicates.
pub const REPLICATION_HIDDEN: Verdict = Verdict {
    state: ServerState::Misconfigured,
    reason: StateReason::ReplicationHidden,
    write: WriteEligibility::Refused,
    read: ReadEligibility::LastResort,
    lag: None,
};

/// The verdict on a primary that refuses writes, for this reason.
pub fn read_only_primary(reason: StateReason) -> Verdict {
    let read = ReadEligibility::LastResort;
    Verdict { read, ..Verdict::out(ServerState::ReadOnlyPrimary, reason) }
}

/// The verdict on a server that was away and has yet to prove itself.
///
/// One whose probe was silent has not been gone as far as anybody knows: if it is published, it
/// stays.
pub fn returning(conclusion: &Conclusion) -> Verdict {
    let write = match conclusion.verdict.write {
        WriteEligibility::Open => WriteEligibility::Open,
        _ => WriteEligibility::Gone,
    };
    let (state, reason) = (ServerState::Starting, StateReason::Returning);
    Verdict { state, reason, write, read: ReadEligibility::No, lag: None }
}

/// The verdict on a server whose first word as a writable one has yet to be confirmed: it stays
/// what it was.
pub fn unconfirmed(conclusion: &Conclusion) -> Verdict {
    let before = match conclusion.settled {
        _ if conclusion.is_away() => Verdict { state: ServerState::Starting, ..Verdict::UNHEARD },
        Some(settled) => settled,
        None => Verdict::UNHEARD,
    };
    let write = match before.write {
        WriteEligibility::Eligible => WriteEligibility::Open,
        other => other,
    };
    Verdict { write, ..before.because(StateReason::WritableUnconfirmed) }
}
