//! What may happen in a story.

use pointsman::engine::FailureKind;

/// Whom it happens to: who that is, is known when it happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Who {
    /// The rightful writer.
    Writer,
    /// Another one, counted from the writer.
    Other(usize),
    /// Who was the writer in the beginning.
    Founder,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Happening {
    Kill(Who),
    Start(Who),
    Freeze(Who),
    Thaw(Who),
    /// The world's own failover: `true` beside its stopped channel.
    Failover(bool),
    /// This one is promoted, whoever else has more.
    Promote(Who),
    /// It follows the writer as it is, without having been rebuilt.
    Rejoin(Who),
    /// MySQL: it follows the writer as it is, with what that one has not.
    RejoinWithItsEnd(Who),
    /// A replica takes so many changes itself, in this GTID domain.
    Errant(Who, u64, u32),
    ReadOnly(Who, bool),
    /// It answers, and writes hang.
    Stall(Who, bool),
    /// Standbys follow the writer.
    Repoint,
    Switchover,
    Rebuild(Who),
    Copy(Who),
    LoseVolume(Who),
    Restore(Who),
    Stray(Who, u32),
    Cascade(Who, Who),
    Plugged(Who, bool),
    Paused(Who, bool),
    Broken(Who, bool),
    Late(Who, u64),
    Delayed(Who, u64),
    Hidden(Who, bool),
    OldControlFile(Who, bool),
    Archive(Who),
    DomainBlocked(Who, bool),
    Migrates(Who, bool),
    Refuses(Who, Option<FailureKind>),
    CutOff(Who, bool),
    Writes(bool),
    Partition(Who),
    Reunite(Who, Who),
    Donor(Who, bool),
    /// It leaves its group and replicates from a member.
    Async(Who, Who),
    /// Declared a component of its own, by hand.
    Bootstrap(Who),
    /// What follows happens to one monitor.
    Isolated(usize, bool),
    RestartWarm(usize),
    RestartCold(usize),
    Remember(usize),
    RestartOld(usize),
    Rename(usize, Who),
    Remove(usize, Who),
    Complete(usize),
    Swap(usize, Who, Who),
    Pin(usize, Who),
    Drain(usize, Who),
    Hold(usize),
    /// An operator makes whoever takes writes the writer, when the rightful one is gone.
    Accept,
}

impl Happening {
    /// The monitor that it happens to, if it is one.
    pub(super) fn monitor(self) -> Option<usize> {
        match self {
            Self::Isolated(at, _)
            | Self::RestartWarm(at)
            | Self::RestartCold(at)
            | Self::Remember(at)
            | Self::RestartOld(at)
            | Self::Rename(at, _)
            | Self::Remove(at, _)
            | Self::Complete(at)
            | Self::Swap(at, ..)
            | Self::Pin(at, _)
            | Self::Drain(at, _)
            | Self::Hold(at) => Some(at),
            _ => None,
        }
    }
}
