//! PostgreSQL: what a server has written on a timeline while it was not the one that is right.
//!
//! It may have been promoted a moment before it died, or be contested. It takes no name, and yet who
//! receives nothing and lacks it is not known to be fresh.

use std::time::Duration;

use super::{Moment, Position, positions::PositionRing};

/// How far it has come on its highest timeline, and when.
#[derive(Clone, Debug)]
pub struct WrittenBeside {
    pub timeline: u32,
    pub points: PositionRing,
}

impl WrittenBeside {
    /// It was seen at `position` of `timeline` by a question of `asked`. `rises` when it had shown less
    /// before. A lower timeline than before is of another volume and undoes nothing.
    pub fn note(
        known: &mut Option<Box<Self>>,
        timeline: u32,
        (position, asked, rises): (Position, Moment, bool),
        reach: Duration,
    ) {
        if known.as_ref().is_some_and(|known| known.timeline > timeline) {
            return;
        }
        let begin = || Box::new(Self { timeline, points: PositionRing::default() });
        let known = match known {
            Some(known) if known.timeline == timeline => known,
            _ => known.insert(begin()),
        };
        known.points.show(position, asked, rises);
        known.points.thin_out(reach);
    }
}
