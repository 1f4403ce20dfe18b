//! Transactions that a server of the model has beside the cluster's history: what a replica has
//! written itself, and what a former writer has kept of its lost end. Who follows it gets them,
//! too.

use std::collections::BTreeMap;

use super::{
    Breed, World,
    history::Writer,
    host::{Host, Role},
};

/// Whose number a transaction has: the server, how often it had been installed anew, and the
/// domain.
type Origin = (usize, u32, u32);

/// Such transactions: per origin the closed intervals of their numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Errants(BTreeMap<Origin, Vec<(u64, u64)>>);

impl Errants {
    fn add(&mut self, origin: Origin, interval: (u64, u64)) {
        let known = self.0.entry(origin).or_default();
        if interval.0 <= interval.1 && !known.contains(&interval) {
            known.push(interval);
        }
    }

    pub(super) fn join(&mut self, other: &Self) {
        for (origin, intervals) in &other.0 {
            intervals.iter().for_each(|interval| self.add(*origin, *interval));
        }
    }

    /// Each origin with its intervals.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Origin, &[(u64, u64)])> {
        self.0.iter().map(|(origin, intervals)| (*origin, &intervals[..]))
    }
}

impl World {
    /// So many changes are written to a replica itself, which goes on as a replica.
    pub(crate) fn write_errant(&mut self, index: usize, changes: u64, domain: u32) {
        let host = &self.hosts[index];
        if !host.runs() || !matches!(host.role, Role::Standby { .. }) {
            return;
        }
        let origin = (index, host.incarnation, domain);
        let before = self.last_number(index, origin);
        let host = &mut self.hosts[index];
        host.errants.add(origin, (before + 1, before + changes));
        host.errant_last = true;
    }

    /// In a ring a primary gets what is errant on the one that it replicates from, a tick later.
    pub(super) fn receive_in_ring(&mut self, index: usize) {
        let Some(of) = self.hosts[index].ring_of else { return };
        if self.hosts[index].runs() && self.hosts[of].runs() {
            let errants = self.hosts[of].errants_before.clone();
            self.hosts[index].errants.join(&errants);
        }
    }

    /// MySQL: a former writer follows as it is, by `SOURCE_AUTO_POSITION`: what the other one has
    /// not is errant now.
    pub(crate) fn rejoin_with_its_end(&mut self, index: usize, of: usize) {
        let shared = self.hosts[index].history.shared_with(&self.hosts[of].history);
        let host = &mut self.hosts[index];
        let mut before = 0;
        for &(writer, changes) in &host.history.0 {
            let kept = shared.saturating_sub(before).min(changes);
            let lost = (writer.from + kept + 1, writer.from + changes);
            host.errants.add((writer.server, writer.incarnation, writer.domain), lost);
            before += changes;
        }
        host.history = host.history.cut(shared);
        host.replayed = host.replayed.min(shared);
        self.rejoin(index, of);
        let below = |host: &Host| matches!(host.role, Role::Standby { of } if of == index);
        for at in 0..self.hosts.len() {
            let ahead = !self.hosts[at].history.begins(&self.hosts[of].history);
            if at != of && below(&self.hosts[at]) && ahead {
                self.rejoin_with_its_end(at, index);
            }
        }
    }

    /// The highest number that a server knows where it would write as `origin`: MySQL counts per
    /// server, MariaDB per domain.
    pub(super) fn last_number(&self, index: usize, origin: Origin) -> u64 {
        let Some(host) = self.hosts.get(index) else { return 0 };
        let counts = |(server, incarnation, domain): Origin| match self.breed {
            Breed::MySql => (server, incarnation) == (origin.0, origin.1),
            _ => domain == origin.2,
        };
        let of = |writer: &Writer| (writer.server, writer.incarnation, writer.domain);
        let history = host.history.0.iter().filter(|(writer, _)| counts(of(writer)));
        let ends = history.map(|(writer, changes)| writer.from + changes);
        let errants = host.errants.iter().filter(|(origin, _)| counts(*origin));
        let errants = errants.flat_map(|(_, intervals)| intervals.iter().map(|(_, last)| *last));
        ends.chain(errants).max().unwrap_or(0)
    }
}
