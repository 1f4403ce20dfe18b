//! Who leaves: a server that was found, that no source names, and that has been down for long.

use std::{collections::BTreeSet, time::Duration};

use super::{
    Action, Ledger, Notice,
    entry::{Entry, Place},
};
use crate::{discovery::Member, engine::Moment};

/// Finds that are kept without a source that names them, where nothing is ever forgotten.
const FINDS_KEPT: Duration = Duration::from_secs(3600);

impl Ledger {
    /// Whether no source names a member any more. A source that has said nothing since the start may
    /// name it yet.
    pub(super) fn is_unnamed(&self, member: &Member) -> bool {
        let has_spoken =
            |kind| self.sources.get(kind).is_some_and(|source| source.answered.is_some());
        if !self.rules.sources.iter().all(has_spoken) {
            return false;
        }
        let named = |place: Place| self.entries.get(&place).is_some_and(|e| !e.named.is_empty());
        !member
            .addresses
            .iter()
            .any(|address| named(Place::At(std::net::SocketAddr::new(*address, member.port))))
    }

    /// Members that nobody has named since the start have a clock, too.
    pub(super) fn note_members(&mut self, now: Moment) {
        let found = self.members.iter().filter(|member| member.found.is_some());
        for member in found {
            for address in &member.addresses {
                let place = Place::At(std::net::SocketAddr::new(*address, member.port));
                self.entries.entry(place).or_insert_with(|| Entry::new(now).into());
            }
        }
    }

    /// Finds that nobody has named for long, and that are no members, are forgotten.
    pub(super) fn forget_finds(&mut self, now: Moment) {
        let kept = self.rules.forget_after.unwrap_or(FINDS_KEPT).max(self.rules.interval * 2);
        let members = &self.members;
        let is_member = |place: &Place| match place {
            Place::At(at) => {
                members.iter().any(|member| member.port == at.port() && member.has_address(at.ip()))
            }
            Place::Name(..) => false,
        };
        self.entries.retain(|place, entry| {
            entry.note_unnamed(now);
            is_member(place) || entry.unnamed_for(now).is_none_or(|time| time < kept)
        });
    }

    /// Servers that nobody names and that are down, whatever for how long.
    fn leaving(&self) -> BTreeSet<Box<str>> {
        let gone = self.members.iter().filter(|member| {
            member.found.is_some() && member.down_for.is_some() && self.is_unnamed(member)
        });
        gone.map(|member| member.name.clone()).collect()
    }

    /// Lets go of those whose time is over. When more than half of the cluster would leave, all are
    /// held until they have been the same for as long again.
    pub(super) fn let_go(&mut self, now: Moment, actions: &mut Vec<Action>) {
        let Some(time) = self.rules.forget_after else {
            self.departures.held = None;
            return;
        };
        let leaving = self.leaving();
        if leaving.len() * 2 > self.members.len() {
            match &self.departures.held {
                Some((held, since)) if *held == leaving => {
                    if now.since(*since) < time {
                        return;
                    }
                }
                _ => {
                    let servers = leaving.iter().cloned().collect();
                    actions.push(Action::Tell(Notice::Held { servers }));
                    self.departures.held = Some((leaving, now));
                    return;
                }
            }
        } else {
            self.departures.held = None;
        }
        let due = |name: &str| {
            let member = self.members.iter().find(|member| *member.name == *name);
            member.is_some_and(|member| {
                let down = member.down_for.is_some_and(|lasts| lasts >= time);
                down && self.unnamed_long(member, time, now)
            })
        };
        let gone: Vec<_> = leaving.iter().filter(|name| due(name)).cloned().collect();
        actions.extend(gone.into_iter().map(Action::Remove));
    }

    /// Whether nobody has named a member for so long.
    fn unnamed_long(&self, member: &Member, time: Duration, now: Moment) -> bool {
        member.addresses.iter().all(|address| {
            let place = Place::At(std::net::SocketAddr::new(*address, member.port));
            let entry = self.entries.get(&place);
            entry.and_then(|entry| entry.unnamed_for(now)).is_some_and(|lasts| lasts >= time)
        })
    }

    /// Whether a member that leaves is held with many others.
    pub(super) fn is_held(&self, member: &Member) -> bool {
        let held = self.departures.held.as_ref();
        held.is_some_and(|(servers, _)| servers.contains(&member.name))
    }
}
