//! What must be true of the names, each with what the monitor could know.

use std::fmt;

/// A promise that is checked against the truth of the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Oracle {
    /// A server that is no heir (a copy, an empty one, an older one, one that was succeeded) is not
    /// published once the monitor has published its better. It could know: it had published, without
    /// an override and by words of that time, the rightful writer of a later reign, and, of one that
    /// lost what it had while it was published, had two of its replies. A writable copy of a
    /// MySQL server is known by a contest that it lost; on
    /// PostgreSQL by its timeline. Nothing is asked of a monitor that began without that memory.
    Impostor,
    /// The rightful writer is not withdrawn while it answers. It could know: the last three replies
    /// said writable and nothing else was wrong, and no other member's last words were those of a
    /// primary on a newer history.
    Withdrawal,
    /// One visible server takes writes, the world's own failover made it the writer, and for a
    /// minute nobody else took any: it is published. It could know: everything answered all that
    /// time. Nothing is asked of one that published a server which is no heir at a start without
    /// memory, for an equal timeline succeeds nobody.
    Liveness,
    /// A server that a read name says as eligible is within the limit. It could know: the positions that
    /// it was shown since it began to remember, dated by their arrival; six replies in a row that
    /// lack one which is older than the limit. Without GTIDs nothing is asked. Nothing is asked, either, of
    /// one on a promotion outside whose timeline has the number of the cluster's as it was shown, nor where
    /// no primary was ever seen; nor while a split brain is declared, nor when an operator's word was
    /// forgotten.
    ReadLag,
    /// The read set is not of dead servers alone while a eligible one answers. It could know: for the
    /// whole of the stillness at the end.
    DeadReads,
    /// Two monitors of one world end alike, whatever each of them has missed. Declared split brains
    /// aside, and while no writer is plainly right those that did not see the same reigns, or a
    /// server that came up empty and died.
    Twins,
    /// A warm restart changes nothing in the end: the one that was restarted says what the one that
    /// was not would have said.
    Restart,
    /// Members of a group without a quorum are not published while one with a quorum is visible,
    /// and one of these is. It could know: for the whole of the stillness at the end.
    Quorum,
}

impl Oracle {
    pub(super) const ALL: [Self; 8] = [
        Self::Impostor,
        Self::Withdrawal,
        Self::Liveness,
        Self::ReadLag,
        Self::DeadReads,
        Self::Twins,
        Self::Restart,
        Self::Quorum,
    ];

    pub(super) fn named(name: &str) -> Self {
        let found = Self::ALL.into_iter().find(|oracle| oracle.to_string() == name);
        found.unwrap_or_else(|| panic!("no such oracle: {name}; there are {:?}", Self::ALL))
    }
}

impl fmt::Display for Oracle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Impostor => "impostor",
            Self::Withdrawal => "withdrawal",
            Self::Liveness => "liveness",
            Self::ReadLag => "read-lag",
            Self::DeadReads => "dead-reads",
            Self::Twins => "twins",
            Self::Restart => "restart",
            Self::Quorum => "quorum",
        })
    }
}

/// An oracle that did not hold, and how.
#[derive(Debug)]
pub(super) struct Broken {
    pub oracle: Oracle,
    pub text: String,
}

impl Broken {
    pub(super) fn new(oracle: Oracle, text: impl Into<String>) -> Self {
        Self { oracle, text: text.into() }
    }
}
