//! What all rounds have brought.

use std::collections::BTreeMap;

use pointsman_testbed::database::Engine;

use crate::{contestant::Contestant, fault::Fault, moves::Moves, tally::Tally};

/// What is timed: from which moment on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Row {
    /// From the fault.
    Fault(Fault),
    /// From the moment when the call for the promotion has returned.
    Returned(Fault),
    /// From the moment when the promoted server itself says that it is writable.
    Visible(Fault),
}

/// Times and wrong turns of all contestants.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    tallies: BTreeMap<(Row, Engine, Contestant), Tally>,
    moves: BTreeMap<(Engine, Contestant), Moves>,
    unseen: BTreeMap<(Fault, Engine, Contestant), usize>,
}

impl Findings {
    /// Adds one time.
    pub(crate) fn add(
        &mut self,
        row: Row,
        engine: Engine,
        contestant: Contestant,
        time: Option<f64>,
    ) {
        self.tallies.entry((row, engine, contestant)).or_default().add(time);
    }

    /// The times of one row.
    pub(crate) fn tally(&self, row: Row, engine: Engine, contestant: Contestant) -> Option<&Tally> {
        self.tallies.get(&(row, engine, contestant))
    }

    /// The wrong turns of one contestant, to be added to.
    pub(crate) fn moves(&mut self, engine: Engine, contestant: Contestant) -> &mut Moves {
        self.moves.entry((engine, contestant)).or_default()
    }

    /// The wrong turns of one contestant.
    pub(crate) fn moves_of(&self, engine: Engine, contestant: Contestant) -> Option<Moves> {
        self.moves.get(&(engine, contestant)).copied()
    }

    /// A contestant has not noticed a fault within the bound.
    pub(crate) fn note_unseen(&mut self, fault: Fault, engine: Engine, contestant: Contestant) {
        *self.unseen.entry((fault, engine, contestant)).or_default() += 1;
    }

    /// Whether a contestant is not waited for any more, because it has not noticed this fault
    /// [`CHANCES`] times.
    pub(crate) fn gave_up(&self, fault: Fault, engine: Engine, contestant: Contestant) -> bool {
        self.unseen.get(&(fault, engine, contestant)).is_some_and(|times| *times >= CHANCES)
    }
}

/// So often a contestant may miss a fault before it is no longer waited for. Pointsman is always
/// waited for, since it never comes to that unless something is wrong.
const CHANCES: usize = 2;
