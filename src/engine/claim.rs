//! A claim to be writable, reply by reply.

use super::Moment;

/// Replies in a row that claim to be writable in the same way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WritableRun {
    /// When the first of them had come.
    pub since: Moment,
    pub replies: u32,
    /// The reply just before said that it was not writable, and nothing came between, or on MySQL and
    /// MariaDB no more than a lost probe: it was seen to turn writable.
    pub turned: bool,
    /// It was promoted since its last reply: it was seen to turn writable, or its timeline has risen.
    pub promoted: bool,
    /// PostgreSQL: the timeline that all of them show.
    pub timeline: Option<u32>,
}
