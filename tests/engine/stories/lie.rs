//! Wrong decisions on purpose: every oracle must catch the one that is made for it.

use pointsman::engine::{Decision, Event, ReadReason, ReadServer, ServerIndex, WriteReason};

use super::{
    Oracle,
    monitor::{CLUSTER, Monitor},
    story::Story,
    truth::{Truth, is_visible},
};
use crate::world::World;

/// What a monitor says in the place of the truth.
pub(super) struct Lie {
    against: Oracle,
    /// The servers of the world that it says.
    hosts: Vec<usize>,
}

impl Lie {
    pub(super) fn new(against: Oracle) -> Self {
        Self { against, hosts: Vec::new() }
    }

    /// Chooses whom to say.
    pub(super) fn prepare(&mut self, world: &World, truth: &Truth) {
        let wrong = |index: &usize| match self.against {
            Oracle::Impostor => truth.impostors[*index].is_some(),
            Oracle::DeadReads => !is_visible(*index, world),
            Oracle::Quorum => !world.hosts[*index].takes_writes(),
            Oracle::ReadLag => true,
            _ => false,
        };
        self.hosts = (0..world.hosts.len()).filter(wrong).collect();
    }

    /// An event that comes with what is said, if this lie needs one.
    pub(super) fn event(&self, decision: &Decision) -> Option<Event> {
        let from = decision.write.and_then(|write| write.server);
        let reason = WriteReason::NotWritable;
        (self.against == Oracle::Withdrawal && from.is_some()).then_some(Event::Write {
            cluster: CLUSTER,
            from,
            to: None,
            reason,
        })
    }

    pub(super) fn distort(&self, decision: &mut Decision, places: &[usize]) {
        let place =
            |host: &usize| places.iter().position(|known| known == host).map(ServerIndex::new);
        let servers = || self.hosts.iter().filter_map(place);
        if matches!(self.against, Oracle::ReadLag | Oracle::DeadReads) {
            let read = |server| ReadServer { server, percent: 100, sessions: None };
            for name in decision.reads.iter_mut().filter(|_| !self.hosts.is_empty()) {
                (name.servers, name.reason) = (servers().map(read).collect(), ReadReason::Eligible);
            }
        } else if let Some(write) = &mut decision.write {
            let keeps = self.against == Oracle::Impostor && self.hosts.is_empty();
            write.server = if keeps { write.server } else { servers().next() };
        }
    }
}

#[test]
fn every_oracle_catches_the_lie_that_is_made_for_it() {
    for oracle in Oracle::ALL {
        let caught = (0..2000).any(|seed| {
            let honest = Story::new(seed).play(&[oracle]).1;
            let lied = || Story::new(seed).with_a_lie(oracle).play(&[oracle]).1;
            honest.is_none() && lied().is_some()
        });
        assert!(caught, "{oracle} catches nothing");
    }
}

impl Monitor {
    pub(super) fn prepare_lie(&mut self, world: &World, truth: &Truth) {
        if let Some(lie) = &mut self.lie {
            lie.prepare(world, truth);
        }
    }
}
