//! What replicas are measured against.

use crate::engine::{GtidState, ServerIndex, positions::Positions};

/// Who shows the present, and who does not.
#[derive(Clone, Copy)]
pub(super) struct Standpoint<'a> {
    /// The primary, or the writer of the group.
    pub(super) champion: Option<ServerIndex>,
    /// The members of a group that are in good standing: each has all that the group has.
    pub(super) members: &'a [ServerIndex],
    /// Those that call themselves primaries and have lost against the one that is right.
    pub(super) stale: &'a [ServerIndex],
    pub(super) positions: &'a Positions,
    /// What the last writer was last known to have.
    pub(super) office: &'a GtidState,
}

impl Standpoint<'_> {
    /// Which server shows the present to a replica of `source`.
    pub(super) fn primary_for(&self, source: ServerIndex) -> Option<ServerIndex> {
        match self.members.contains(&source) {
            true => Some(source),
            false => self.champion,
        }
    }
}
