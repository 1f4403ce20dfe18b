//! A claim to be writable, reply by reply.

use super::Moment;

/// Replies in a row that claim to be writable in the same way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct WritableRun {
    /// When the first of them had come.
    pub(super) since: Moment,
    pub(super) replies: u32,
    /// The reply just before said that it was not writable, and nothing came between: it was seen
    /// to turn writable.
    pub(super) turned: bool,
    /// It was promoted since its last reply: it was seen to turn writable, or its timeline has risen.
    pub(super) promoted: bool,
    /// PostgreSQL: the timeline that all of them show.
    pub(super) timeline: Option<u32>,
}
