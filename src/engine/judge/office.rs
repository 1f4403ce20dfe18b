//! The office: the last published writer is in it until another server takes over from it. What it
//! had is what an heir must have inherited, also when it is gone.

use std::time::Duration;

use crate::engine::{GtidState, Moment, record::Record};

/// The last published writer, as far as its heirs are concerned.
#[derive(Clone, Debug, Default)]
pub struct Office {
    /// PostgreSQL: the timeline that it wrote on.
    pub timeline: Option<u32>,
    /// MySQL and MariaDB: what it was last known to have.
    pub gtid: GtidState,
    /// MySQL and MariaDB: what it had when it came into office.
    pub began_with: GtidState,
    /// MySQL and MariaDB: since when it has been writable by the promotion that it is in office with.
    pub promoted: Option<Moment>,
    /// When it was asked last and was the primary.
    pub led: Option<Moment>,
    /// When it came into office; `None` when that was before the start of the process.
    pub since: Option<Moment>,
}

impl Office {
    /// Two servers that turn writable within so long were promoted at about the same time, as far as
    /// anybody can tell who asks once in a while: another instance may have heard them the other way
    /// round.
    const AT_ONCE: Duration = Duration::from_secs(3);

    /// For so long after it came into office the name may still go over to the other one. Later there
    /// is more to lose by a move than by two instances that disagree.
    const YOUNG: Duration = Duration::from_secs(10);

    /// Whether the one in office is not just one of two that turned writable at about the same time.
    pub(in crate::engine::judge) fn precedes(&self, rival: &Record, now: Moment) -> bool {
        match (self.since, rival.writable) {
            // A copy, or an old primary that is back, was promoted by nobody.
            (Some(since), Some(run)) if run.promoted && now.since(since) < Self::YOUNG => {
                since + Self::AT_ONCE <= run.since || run.since + Self::AT_ONCE <= since
            }
            _ => true,
        }
    }
}
