//! How far a server has come towards what its next probes may make of it.

use std::fmt;

/// Probes in a row that agree, and how many must. `done` is at least 1 on the way down, and always
/// less than `of`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// What they will have shown.
    pub towards: Towards,
    /// So many have.
    pub done: u32,
    /// So many must: `fall`, `rise` or a constant of [`Thresholds`](super::Thresholds).
    pub of: u32,
}

/// What some probes in a row come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Towards {
    /// It fails and will count as down.
    Down,
    /// It was away and will be back.
    Back,
    /// It says that it is writable and will be believed.
    Writable,
}

impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { towards, done, of } = *self;
        let left = of.saturating_sub(done);
        let probes = if left == 1 { "probe" } else { "probes" };
        match towards {
            Towards::Down => write!(f, "{done} of {of} failures; Down at {of} of {of}"),
            Towards::Back => write!(f, "back in {left} good {probes}"),
            Towards::Writable => write!(f, "believed to be writable in {left} good {probes}"),
        }
    }
}
