//! What replicas are measured against.

use crate::engine::{GtidState, ServerIndex, positions::Positions};

/// Who shows the present, and who does not.
#[derive(Clone, Copy)]
pub struct Standpoint<'a> {
    /// The primary, or the writer of the group.
    pub champion: Option<ServerIndex>,
    /// The members of a group that are in good standing: each has all that the group has.
    pub members: &'a [ServerIndex],
    /// Those that call themselves primaries and have lost against the one that is right.
    pub stale: &'a [ServerIndex],
    pub positions: &'a Positions,
    /// What the last writer was last known to have.
    pub office: &'a GtidState,
}

impl Standpoint<'_> {
    /// Which server shows the present to a replica of `source`.
    pub fn primary_for(&self, source: ServerIndex) -> Option<ServerIndex> {
        match self.members.contains(&source) {
            true => Some(source),
            false => self.champion,
        }
    }
}
