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
    order("galera-3-donor", Promise::ReadOrder, "* | * | *", DONOR),
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
