//! What befalls a cluster.

use crate::sight::Wish;

/// One kind of fault, injected once per round into each cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub(crate) enum Fault {
    /// SIGKILL to a replica.
    Kill,
    /// SIGSTOP to all processes of a replica.
    Freeze,
    /// Every packet between the contestants and a replica is lost.
    Drop,
    /// SIGKILL to the primary, and a promotion a second later.
    Primary,
    /// The primary is retired in order, and a replica is promoted at once.
    Switchover,
    /// The same, by somebody whose hook gives a hint when the promotion has returned.
    Hinted,
}

impl Fault {
    /// In the order of the rounds.
    pub(crate) const ALL: [Self; 6] =
        [Self::Kill, Self::Freeze, Self::Drop, Self::Primary, Self::Switchover, Self::Hinted];

    /// Whose users are watched.
    pub(crate) fn wish(self) -> Wish {
        match self {
            Self::Kill | Self::Freeze | Self::Drop => Wish::Read,
            Self::Primary | Self::Switchover | Self::Hinted => Wish::Write,
        }
    }

    /// Whether the primary is alive and gives way by its operator's will.
    pub(crate) fn is_planned(self) -> bool {
        matches!(self, Self::Switchover | Self::Hinted)
    }
}
