//! What is known to break a promise, or to depend on the order of arrival, and why that is right.
//! Everything else fails, and so does a row that nothing needs any more.

use crate::{class::Class, ledger::Promise};

pub(crate) struct Allowed {
    /// Names of worlds, or what they begin with and a star.
    pub(crate) worlds: &'static str,
    pub(crate) promise: Promise,
    /// The last words. A star stands for any, or for the rest of a word; a stroke stands between
    /// several.
    pub(crate) words: &'static str,
    /// What was published; a star for anything.
    pub(crate) ends: &'static str,
    pub(crate) why: &'static str,
}

/// Nobody answers well, so nobody can be asked.
const SILENCE: &str = "who was published when all fell silent is held or was withdrawn, and each \
                       instance holds what it has seen itself";
const STAY: &str = "the choice is free and kept: who was well in the moment in which the writer \
                    was left is a matter of that moment, and a later move would be for nothing";
const DONOR: &str = "a donor is left at once for a node that is well, and who is well is a matter \
                     of the moment; then the choice is kept";

const LOST: &str = "two that were heard to be writable at the same time had a contest, and who \
                    lost it is remembered; whether they were heard so is a matter of the order";
const SEEN: &str = "it was promoted before our eyes while everybody on its timeline was down";
const STRAY: &str = "it was on a timeline that no member was promoted to when it was promoted";
const FOLLOWS: &str = "the last writer follows it itself";
const FOLLOWED: &str = "the last writer is gone, and the other members have gone over to it; a \
                        server that lost a contest is nobody's measure";
const STAYED: &str = "it lost a contest, and who followed it before the winner was heard last \
                      has not gone over to it when that one is gone";
const CONFIRMED: &str = "a claim that was confirmed outlives a single missed reply";
const READS: &str = "no server is eligible for reads, and what stays is what was said last";
const LOCKED: &str =
    "a server that locks the probe out keeps the role that it had when it was heard last";
const REFUSED: &str =
    "whom a member followed that refuses us is not remembered over a restart, so that nobody tells";
const ELECTED: &str =
    "no secondary answers, so that nobody tells whether this group elects its writer";

const fn order(
    worlds: &'static str,
    promise: Promise,
    words: &'static str,
    why: &'static str,
) -> Allowed {
    Allowed { worlds, promise, words, ends: "*", why }
}

pub(crate) const ALLOWED: &[Allowed] = &[
    order("*", Promise::WriteOrder, "x/o/L | x/o/L", SILENCE),
    order("*", Promise::ReadOrder, "x/o/L | x/o/L", SILENCE),
    order("*", Promise::WriteOrder, "x/o/L/out | x/o/L/out | x/o/L/out", SILENCE),
    order("*", Promise::ReadOrder, "x/o/L/out | x/o/L/out | x/o/L/out", SILENCE),
    order("galera-3", Promise::WriteOrder, "x/o/L/out | * | *", STAY),
    order("galera-3", Promise::ReadOrder, "x/o/L/out | * | *", STAY),
    order("galera-3-second", Promise::WriteOrder, "* | x/o/L/out | *", STAY),
    order("galera-3-second", Promise::ReadOrder, "* | x/o/L/out | *", STAY),
    order("galera-3-donor", Promise::WriteOrder, "* | * | *", DONOR),
    order("galera-3", Promise::ReadOrder, "ok | ok/x/donor/out | L", LOCKED),
    order("galera-3-second", Promise::ReadOrder, "x/ok/out | ok | L", LOCKED),
    order("group-3", Promise::Unpublished, "L | x/PRI/out | PRI/out", ELECTED),
    order("postgres-2", Promise::Heir, "x | P2", SEEN),
    order("postgres-2*", Promise::Heir, "S* | P*", FOLLOWS),
    order("postgres-2*", Promise::WriteOrder, "x/o/L/P*/S* | P*/x", LOST),
    order("postgres-2*", Promise::ReadOrder, "* | *", READS),
    order("postgres-3*", Promise::WriteOrder, "* | P2/x | *", LOST),
    order("postgres-3*", Promise::ReadOrder, "* | * | *", READS),
    order("postgres-3", Promise::Forgotten, "P1 | P2 | L", REFUSED),
    order("postgres-2-wide", Promise::Unpublished, "x/o/L/S1 | P3", STRAY),
    order("postgres-3-double", Promise::Unpublished, "x | x/P2 | x/P2", LOST),
    order("postgres-cold", Promise::WriteOrder, "P1 | P2 | S1<1", LOST),
    order("mariadb-2", Promise::Unconfirmed, "W:A* | *", CONFIRMED),
    order("mariadb-2*", Promise::Unpublished, "x/o | W:A*", LOST),
    order("mariadb-2*", Promise::WriteOrder, "x/o/W:A*/O:A* | W:A*/O:A*/x", LOST),
    order("mariadb-2-wide", Promise::ReadOrder, "x/L | NEW/W:A*", READS),
    order("mysql-2-wide", Promise::Unpublished, "x/o | W:A*", LOST),
    order("mysql-2-wide", Promise::WriteOrder, "x/o/W:A* | W:A*", LOST),
    order("mysql-2-wide", Promise::ReadOrder, "x/L | NEW/W:A*", READS),
    order("mysql-3", Promise::Heir, "x/o | W:A* | W:A/R:A*", FOLLOWED),
    order("mysql-3", Promise::Unpublished, "x/o | W:A* | x/C:A*", LOST),
    order("mysql-3", Promise::Unpublished, "x/o | W:A* | R:A*", STAYED),
    order("mysql-3*", Promise::WriteOrder, "* | * | *", LOST),
    order("mysql-3", Promise::ReadOrder, "x/o | NEW | x", READS),
    order("mysql-cold", Promise::WriteOrder, "W:A | W:AB | R:A<1", LOST),
];

impl Allowed {
    pub(crate) fn is_for(&self, world: &str) -> bool {
        fits(self.worlds, world)
    }

    pub(crate) fn allows(&self, world: &str, class: &Class) -> bool {
        self.is_for(world)
            && self.promise == class.promise
            && fits(self.ends, &class.ends())
            && class.words().split(" | ").count() == self.words.split(" | ").count()
            && self
                .words
                .split(" | ")
                .zip(class.words().split(" | "))
                .all(|(patterns, word)| patterns.split('/').any(|pattern| fits(pattern, word)))
    }
}

/// A star at the end of a pattern stands for the rest.
fn fits(pattern: &str, text: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(beginning) => text.starts_with(beginning),
        None => text == pattern,
    }
}
