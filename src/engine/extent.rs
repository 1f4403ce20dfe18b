//! How far what a server has reaches: what decides who loses least by a promotion.
//!
//! Two copies of a book lack their ends. If one has 90 pages and the other 80 of the same print, the
//! first has all of the second. If each has pages that the other lacks, neither count of pages tells
//! which is the better one. And of different prints, page 80 of one says nothing about the other.
//!
//! A standby replays all that it has received before it is promoted, so what it has received counts.
//! A replica of MySQL counts what it has executed: its relay log is applied by whoever promotes it.

use std::fmt;

use super::{Facts, GtidState, Position, PostgresRole, Relation};

/// How far what a server has reaches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Extent {
    /// PostgreSQL: the WAL that a standby has received or replayed.
    Wal {
        /// Of this timeline.
        timeline: u32,
        /// Up to this point.
        position: Position,
    },
    /// MySQL and MariaDB: the transactions that it has executed.
    Transactions(GtidState),
}

impl Extent {
    /// That of a replica with these facts; `None` for others, and for one that does not tell.
    pub fn of(facts: &Facts) -> Option<Self> {
        match facts {
            Facts::Postgres(facts) => match facts.role {
                PostgresRole::Standby { received, replayed, .. } => Some(Self::Wal {
                    timeline: facts.standby_timeline()?,
                    position: received.max(replayed)?,
                }),
                PostgresRole::Primary { .. } => None,
            },
            Facts::MySql(facts) if facts.gtid.is_unknown() => None,
            Facts::MySql(facts) => Some(Self::Transactions(facts.gtid.clone())),
            Facts::Tcp => None,
        }
    }

    /// How it lies to `other`. Of two timelines neither point tells who has more: the other one may
    /// have left the common history before it.
    pub fn relation(&self, other: &Self) -> Relation {
        match (self, other) {
            (
                Self::Wal { timeline, position },
                Self::Wal { timeline: other_timeline, position: other_position },
            ) if timeline == other_timeline => match position.cmp(other_position) {
                std::cmp::Ordering::Equal => Relation::Equal,
                std::cmp::Ordering::Greater => Relation::Ahead,
                std::cmp::Ordering::Less => Relation::Behind,
            },
            (Self::Transactions(ours), Self::Transactions(theirs)) => ours.relation(theirs),
            _ => Relation::Unknown,
        }
    }
}

/// `0/3000148 on timeline 2`, or the GTIDs as the server prints them.
impl fmt::Display for Extent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Wal { timeline, position } => write!(f, "{position} on timeline {timeline}"),
            Self::Transactions(gtid) => gtid.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::GtidSet;

    fn wal(timeline: u32, offset: u64) -> Extent {
        Extent::Wal { timeline, position: Position::lsn(offset) }
    }

    #[test]
    fn points_of_one_timeline_are_in_order_and_those_of_two_are_not() {
        assert_eq!(wal(1, 200).relation(&wal(1, 100)), Relation::Ahead);
        assert_eq!(wal(1, 100).relation(&wal(1, 200)), Relation::Behind);
        assert_eq!(wal(1, 100).relation(&wal(1, 100)), Relation::Equal);
        assert_eq!(wal(2, 100).relation(&wal(1, 200)), Relation::Unknown);
        assert_eq!(wal(2, 0x0300_0148).to_string(), "0/3000148 on timeline 2");
    }

    #[test]
    fn transactions_are_in_order_when_one_set_holds_the_other() {
        let set = |text: &str| {
            let uuid = "3e11fa47-71ca-11e1-9e33-c80aa9429562";
            let set = GtidSet::parse(&text.replace('u', uuid)).expect("GTIDs");
            Extent::Transactions(set.into())
        };
        assert_eq!(set("u:1-9").relation(&set("u:1-5")), Relation::Ahead);
        assert_eq!(set("u:1-5:8").relation(&set("u:1-6")), Relation::Diverged);
        assert_eq!(set("u:1-5").relation(&wal(1, 5)), Relation::Unknown);
    }
}
