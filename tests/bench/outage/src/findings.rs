//! What all rounds have brought.

use std::collections::BTreeMap;

use crate::{
    contestant::{Agent, Contestant, Stage},
    fault::Fault,
    tally::Tally,
};

/// The times of one application and one fault, in milliseconds until it wrote again.
#[derive(Clone, Debug, Default)]
pub(crate) struct Outages {
    /// From the moment when the new primary itself says that it is writable.
    pub(crate) visible: Tally,
    /// From the call for the promotion, where the bench calls.
    pub(crate) called: Tally,
    /// From the fault.
    pub(crate) fault: Tally,
    /// Rounds in which it did not write again within the bound.
    pub(crate) never: usize,
    /// Errors after it had come to write again.
    pub(crate) relapses: usize,
    /// Writes that the old primary acknowledged after Pointsman had come to name the new one.
    pub(crate) astray: usize,
}

/// What an application that only reads has lived to see of one fault.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pauses {
    /// The longest time without a read in each round, in milliseconds.
    pub(crate) longest: Tally,
    /// Reads that failed.
    pub(crate) failed: usize,
}

/// All of it.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    outages: BTreeMap<(Stage, Fault, Contestant), Outages>,
    pauses: BTreeMap<(Stage, Fault, Contestant), Pauses>,
    moves: BTreeMap<(Stage, Fault), Tally>,
}

impl Findings {
    /// Those of one application and one fault, to be added to.
    pub(crate) fn entry(&mut self, stage: Stage, fault: Fault, who: Contestant) -> &mut Outages {
        self.outages.entry((stage, fault, who)).or_default()
    }

    /// Those of one application and one fault.
    pub(crate) fn of(&self, stage: Stage, fault: Fault, who: Contestant) -> Option<&Outages> {
        self.outages.get(&(stage, fault, who))
    }

    /// Adds what a reader has lived to see in one round.
    pub(crate) fn add_pause(
        &mut self,
        key: (Stage, Fault, Contestant),
        longest: f64,
        failed: usize,
    ) {
        let pauses = self.pauses.entry(key).or_default();
        pauses.longest.add(Some(longest));
        pauses.failed += failed;
    }

    /// All of these.
    pub(crate) fn pauses(&self) -> impl Iterator<Item = (Stage, Fault, Contestant, &Pauses)> {
        self.pauses.iter().map(|((stage, fault, who), pauses)| (*stage, *fault, *who, pauses))
    }

    /// Adds a time from the moment when the new primary says that it is writable until Pointsman
    /// names it.
    pub(crate) fn add_move(&mut self, stage: Stage, fault: Fault, time: Option<f64>) {
        self.moves.entry((stage, fault)).or_default().add(time);
    }

    /// These times.
    pub(crate) fn moves(&self, stage: Stage, fault: Fault) -> Option<&Tally> {
        self.moves.get(&(stage, fault))
    }

    /// Whether an application is not waited for any more, because it has not come back from this
    /// fault [`CHANCES`] times. Who has an agent is always waited for.
    pub(crate) fn gave_up(&self, stage: Stage, fault: Fault, who: Contestant) -> bool {
        let never = self.of(stage, fault, who).map_or(0, |outages| outages.never);
        never >= CHANCES && who.agent == Agent::Nobody
    }
}

/// So often an application may stay away before it is no longer waited for.
const CHANCES: usize = 2;
