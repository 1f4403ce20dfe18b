//! The transactions that a server of the model shows.

use std::collections::BTreeMap;

use pointsman::engine::{BinlogState, GtidSet, GtidState};

use super::{Breed, World, history::Writer, mysql::uuid};

/// The domain of the changes that are no ordinary ones.
const SIDE_DOMAIN: u32 = 7;

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
        let mut by_source: BTreeMap<String, u64> = BTreeMap::new();
        for (writer, changes) in self.executed(index) {
            *by_source.entry(self.source(writer)).or_default() += changes;
        }
        let text: Vec<_> =
            by_source.iter().map(|(uuid, last)| format!("{uuid}:1-{last}")).collect();
        let set = GtidSet::parse(&text.join(","));
        GtidState::MySql(set.expect("the model writes valid GTIDs"))
    }

    /// A group writes under its own name.
    fn source(&self, writer: Writer) -> String {
        match self.breed {
            Breed::Group => super::group::NAME.to_owned(),
            _ => uuid(writer.server, writer.incarnation),
        }
    }

    fn mariadb_state(&self, index: usize) -> GtidState {
        let (mut sequence, mut state) = (0, Vec::new());
        for (writer, changes) in self.executed(index) {
            sequence += changes;
            state.push(format!("0-{}-{sequence}", self.number(writer)));
        }
        let mut last: Vec<_> = state.last().cloned().into_iter().collect();
        if self.side_domain && self.hosts[index].side > 0 {
            let side = format!("{SIDE_DOMAIN}-1-{}", self.hosts[index].side);
            state.push(side.clone());
            last.push(side);
        }
        let parsed = BinlogState::parse(&last.join(","), &state.join(","), "");
        GtidState::MariaDb(parsed.expect("the model writes valid GTIDs"))
    }

    fn number(&self, writer: Writer) -> u32 {
        self.hosts.get(writer.server).map_or(900, |host| host.server_id)
    }
}
