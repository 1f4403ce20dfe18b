//! What operators wish of the choice of a writer, and what a move of the name is.

use super::ServerIndex;

/// What operators wish of the choice.
#[derive(Clone, Debug, Default)]
pub struct Steering {
    /// To be chosen, as soon as it may be.
    pub wanted: Option<ServerIndex>,
    /// Whether `wanted` is so by a pin: then it is also preferred to one that was merely published
    /// before it.
    pub pinned: bool,
    /// To be left, where the choice is free.
    pub barred: Vec<ServerIndex>,
}

/// The name says another server than the last one that it said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Move {
    pub from: ServerIndex,
    pub to: ServerIndex,
    /// The servers' own words show that the new one is right, not an operator's alone.
    pub proven: bool,
}
