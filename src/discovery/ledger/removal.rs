//! Servers that an operator takes away, and lets be taken in again.

use std::net::SocketAddr;

use super::{Ledger, entry::Place};
use crate::engine::Moment;

impl Ledger {
    /// An operator has removed a server: it is not taken in again before its time.
    pub fn remove(&mut self, name: &str, now: Moment) {
        let member = self.members.iter().find(|member| member.name.eq_ignore_ascii_case(name));
        let Some(member) = member.cloned() else { return };
        let instance = member.found.as_ref().and_then(|found| found.instance.clone());
        for address in &member.addresses {
            let at = SocketAddr::new(*address, member.port);
            self.names.remove(&member.name, instance.clone(), at, now);
        }
        self.members.retain(|other| other.name != member.name);
    }

    /// Takes a server in again that an operator has removed. `false` when there is no tombstone.
    pub fn revive(&mut self, name: &str, now: Moment) -> bool {
        let revived = self.names.revive(name);
        for at in &revived {
            if let Some(entry) = self.entries.get_mut(&Place::At(*at)) {
                entry.try_at(now);
            }
        }
        !revived.is_empty()
    }
}
