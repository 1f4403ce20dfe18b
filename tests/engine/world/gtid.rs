//! The transactions that a server of the model shows.

use std::collections::BTreeMap;

use pointsman::engine::{BinlogState, GtidSet, GtidState};

use super::{Breed, World, history::Writer, mysql::uuid};

/// The domain of the changes that are no ordinary ones.
pub(super) const SIDE_DOMAIN: u32 = 7;

impl World {
    pub(super) fn gtid(&self, index: usize) -> GtidState {
        if !self.gtids {
            return GtidState::Unknown;
        }
        match self.breed {
            Breed::MySql | Breed::Group => self.mysql_set(index),
            Breed::Galera => GtidState::Unknown,
            _ => self.mariadb_state(index),
        }
    }

    /// What is executed: a replica has more in its relay log.
    fn executed(&self, index: usize) -> impl Iterator<Item = (Writer, u64)> + '_ {
        let host = &self.hosts[index];
        let mut left = host.history.length();
        if host.writes_as.is_none() && host.group.is_none() {
            left = host.replayed;
        }
        let mut before = host.reset_at;
        host.history.0.iter().filter_map(move |&(writer, changes)| {
            let done = changes.min(left);
            left -= done;
            let forgotten = before.min(done);
            before -= forgotten;
            (done > forgotten).then_some((writer, done - forgotten))
        })
    }

    fn mysql_set(&self, index: usize) -> GtidState {
        let mut by_source: BTreeMap<String, Vec<(u64, u64)>> = BTreeMap::new();
        for (writer, changes) in self.executed(index) {
            let known = by_source.entry(self.source(writer)).or_default();
            let counted: u64 = known.iter().map(|(first, last)| last + 1 - first).sum();
            let from = if self.counts_anew(index) { counted } else { writer.from };
            known.push((from + 1, from + changes));
        }
        for ((server, incarnation, _), intervals) in self.hosts[index].errants.iter() {
            by_source.entry(uuid(server, incarnation)).or_default().extend(intervals);
        }
        let text: Vec<_> = by_source
            .iter()
            .flat_map(|(uuid, all)| all.iter().map(move |(from, to)| format!("{uuid}:{from}-{to}")))
            .collect();
        let set = GtidSet::parse(&text.join(","));
        set.expect("the model writes valid GTIDs").into()
    }

    /// Its numbers are no more those of its history: they count from a `RESET MASTER`, or for a
    /// group.
    fn counts_anew(&self, index: usize) -> bool {
        self.hosts[index].reset_at > 0 || self.breed == Breed::Group
    }

    /// A group writes under its own name.
    fn source(&self, writer: Writer) -> String {
        match self.breed {
            Breed::Group => super::group::NAME.to_owned(),
            _ => uuid(writer.server, writer.incarnation),
        }
    }

    fn mariadb_state(&self, index: usize) -> GtidState {
        let host = &self.hosts[index];
        let (mut sequence, mut state) = (0, Vec::new());
        let mut last: BTreeMap<u32, String> = BTreeMap::new();
        for (writer, changes) in self.executed(index) {
            sequence += changes;
            let number = if self.counts_anew(index) { sequence } else { writer.from + changes };
            state.push(format!("{}-{}-{number}", writer.domain, self.number(writer)));
            last.extend(state.last().cloned().map(|gtid| (writer.domain, gtid)));
        }
        if self.side_domain && host.side > 0 {
            let side = format!("{SIDE_DOMAIN}-1-{}", host.side);
            state.push(side.clone());
            last.insert(SIDE_DOMAIN, side);
        }
        let applied: Vec<_> = last.values().cloned().collect();
        for ((server, _, domain), intervals) in host.errants.iter() {
            let end = intervals.iter().map(|(_, last)| *last).max().unwrap_or(0);
            let gtid = format!("{domain}-{}-{end}", self.hosts[server].server_id);
            state.push(gtid.clone());
            if !last.contains_key(&domain) || host.errant_last && server == index {
                last.insert(domain, gtid);
            }
        }
        let written: Vec<_> = last.into_values().collect();
        let parsed = BinlogState::parse(&written.join(","), &state.join(","), &applied.join(","));
        parsed.expect("the model writes valid GTIDs").into()
    }

    fn number(&self, writer: Writer) -> u32 {
        self.hosts.get(writer.server).map_or(900, |host| host.server_id)
    }
}
