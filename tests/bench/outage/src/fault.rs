//! What befalls a primary.

/// One kind of fault, injected once per round into each cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub(crate) enum Fault {
    /// SIGKILL to the main process.
    Kill,
    /// It is retired in order, and a replica is promoted at once.
    Switchover,
    /// SIGSTOP to all of its processes.
    Freeze,
    /// Every packet from and to it is lost.
    Hole,
}

impl Fault {
    /// In the order of the rounds.
    pub(crate) const ALL: [Self; 4] = [Self::Kill, Self::Switchover, Self::Freeze, Self::Hole];

    /// As tables call it.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Kill => "kill -9",
            Self::Switchover => "planned switchover",
            Self::Freeze => "primary frozen",
            Self::Hole => "black hole",
        }
    }
}
