//! The finds of one cluster: sources add, time removes, and proof decides.
//!
//! Its owner tells it who the members are, what sources said and what examinations came to, and does
//! what it asks for. It is pure: the same story gives the same actions.

mod action;
mod entry;
mod first;
mod leaving;
mod names;
mod removal;
mod reported;
mod shown;
mod view;

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

pub use self::{
    action::{Action, Newcomer, Notice, Sighting},
    names::{Binding, Tombstone},
    shown::{FindView, SourceView},
};
use self::{
    entry::{Departures, Entry, Place, Source, Stage},
    names::Names,
};
use super::{
    ExaminedReason, FINDS_MAX, Member, Mode, Rules, SightedReason, SourceKind, SourceReply, Word,
    is_unpublishable, kinship, kinship::Candidate,
};
use crate::engine::{FailureKind, Moment, ServerState};

/// Newcomers that are told of one reply.
const SIGHTED_TOLD: usize = 8;

/// All that discovery knows of one cluster.
#[derive(Clone, Debug)]
pub struct Ledger {
    rules: Rules,
    members: Vec<Member>,
    /// Each in a place of its own: most clusters have a handful, and a map has room for twice as many.
    entries: BTreeMap<Place, Box<Entry>>,
    sources: BTreeMap<SourceKind, Box<Source>>,
    names: Names,
    departures: Departures,
    /// The find that is being examined.
    examined: Option<SocketAddr>,
    /// Servers that were let in since the members were last seen.
    joining: usize,
}

impl Ledger {
    /// One that knows nothing but what an earlier process had: which names are whose, and who is not
    /// to be taken in.
    pub fn new(rules: Rules, bindings: Vec<Binding>, tombstones: Vec<Tombstone>) -> Self {
        Self {
            rules,
            members: Vec::new(),
            entries: BTreeMap::new(),
            sources: BTreeMap::new(),
            names: Names { bindings, tombstones, taken: Arc::default() },
            departures: Departures::default(),
            examined: None,
            joining: 0,
        }
    }

    /// Its rules.
    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// Goes on by other rules. What only the rules before allowed is looked at anew.
    pub fn follow(&mut self, rules: Rules) {
        self.sources.retain(|kind, _| rules.sources.contains(kind));
        for entry in self.entries.values_mut() {
            entry.named.retain(|kind| rules.sources.contains(kind));
        }
        self.rules = rules;
    }

    /// The servers of the cluster as they are now, and the names of all servers of all clusters, in
    /// lower case: one set for all ledgers.
    pub fn see(&mut self, members: Vec<Member>, taken: Arc<BTreeSet<Box<str>>>) {
        self.members = members;
        self.names.taken = taken;
        self.joining = 0;
    }

    /// Nothing is to be done before the members are [seen](Self::see) again: what they said, which may
    /// be long, is not kept meanwhile.
    pub fn rest(&mut self) {
        for member in &mut self.members {
            member.word = None;
        }
    }

    /// A source was asked. `sightings` are its finds with the addresses that their hosts have.
    pub fn heard(
        &mut self,
        kind: SourceKind,
        reply: &SourceReply,
        sightings: &[Sighting],
        now: Moment,
    ) -> Vec<Action> {
        let mut told = Vec::new();
        let mut named = BTreeSet::new();
        for sighting in sightings {
            for place in sighting.places(self.rules.port) {
                let place = self.note(place, sighting, kind, now, &mut told);
                let elsewhere = self.entries.get(&place).and_then(|entry| entry.known_at.clone());
                if let Some(elsewhere) = elsewhere {
                    named.insert(self.note(elsewhere, sighting, kind, now, &mut told));
                }
                named.insert(place);
            }
        }
        // One list of strangers does not fill the chronicle: `discover` shows them all.
        told.truncate(SIGHTED_TOLD);
        let source = self.sources.entry(kind).or_default();
        source.asked = Some(now);
        if let Some(why) = source.note_fault(reply.fault(), now) {
            told.push(Action::Tell(Notice::Source { source: kind, why }));
        }
        if !matches!(reply, SourceReply::Failed(_)) {
            source.answered = Some(now);
        }
        if self.is_final(kind, reply, now) {
            for (place, entry) in &mut self.entries {
                if !named.contains(place) {
                    entry.named.remove(&kind);
                }
            }
        }
        told
    }

    /// Whether what a reply does not name is not named any more. A broken reply takes nothing away,
    /// nor does an empty one before it has been empty for as long as a server may be gone.
    fn is_final(&mut self, kind: SourceKind, reply: &SourceReply, now: Moment) -> bool {
        let source = self.sources.entry(kind).or_default();
        match reply {
            SourceReply::Whole(finds) if finds.is_empty() => {
                let since = *source.empty_since.get_or_insert(now);
                self.rules.forget_after.is_some_and(|time| now.since(since) >= time)
            }
            SourceReply::Whole(_) => {
                source.empty_since = None;
                true
            }
            SourceReply::Partial { .. } => {
                source.empty_since = None;
                false
            }
            SourceReply::Failed(_) => false,
        }
    }

    /// Notes that a source names what is at `place`; returns under which place it is known.
    fn note(
        &mut self,
        place: Place,
        sighting: &Sighting,
        kind: SourceKind,
        now: Moment,
        told: &mut Vec<Action>,
    ) -> Place {
        let place = self.known_place(place, sighting);
        let is_member = self.member_at(&place).is_some();
        let is_new = !self.entries.contains_key(&place);
        if is_new && self.entries.len() >= FINDS_MAX {
            return place;
        }
        let entry = self.entries.entry(place.clone()).or_insert_with(|| Entry::new(now).into());
        let named_anew = entry.named.insert(kind);
        if named_anew && kind == SourceKind::Replication && !is_new {
            // A member sends to it again: whatever failed before is worth another look.
            entry.try_at(now);
        }
        entry.host.get_or_insert_with(|| sighting.find.host.clone());
        if entry.hint.is_none() {
            entry.hint.clone_from(&sighting.find.name);
        }
        entry.labels.add_all(&sighting.find.labels);
        if is_new && !is_member {
            let notice = Notice::Sighted { at: place.to_string().into(), source: kind };
            told.push(Action::Tell(notice));
        }
        place
    }

    /// Where a find is known: a source that does not know its port means the member at that address.
    fn known_place(&self, place: Place, sighting: &Sighting) -> Place {
        let Place::At(at) = place else { return place };
        if sighting.find.port.is_some() {
            return Place::At(at);
        }
        let here = self.members.iter().filter(|member| member.has_address(at.ip()));
        let ports: BTreeSet<_> = here.map(|member| member.port).collect();
        match ports.first() {
            Some(port) if !ports.contains(&at.port()) => Place::At(SocketAddr::new(at.ip(), *port)),
            _ => Place::At(at),
        }
    }

    /// The member at a place.
    fn member_at(&self, place: &Place) -> Option<&Member> {
        let Place::At(at) = place else { return None };
        self.members.iter().find(|member| member.port == at.port() && member.has_address(at.ip()))
    }

    /// What is to be done now.
    pub fn act(&mut self, now: Moment) -> Vec<Action> {
        let mut actions = Vec::new();
        self.names.bury(now);
        self.note_members(now);
        self.forget_finds(now);
        self.look_again(now);
        self.let_in(&mut actions);
        self.let_go(now, &mut actions);
        if let Some(at) = self.next_to_examine(now) {
            self.examined = Some(at);
            actions.push(Action::Examine(at));
        }
        actions
    }

    /// Why a find is not examined; `None` for one that may be.
    fn bar(&self, place: &Place, entry: &Entry) -> Option<SightedReason> {
        let Place::At(at) = place else { return Some(SightedReason::Unresolved) };
        let address = at.ip();
        if is_unpublishable(address) {
            return Some(SightedReason::Unpublishable);
        }
        if !self.rules.allows(address) {
            return Some(SightedReason::OutsideNetworks);
        }
        let bound = self.names.of(None, *at);
        if self.rules.excludes(address, entry.hint.as_ref())
            || self.rules.excludes(address, bound.map(|binding| &binding.name))
        {
            return Some(SightedReason::Excluded);
        }
        let servers = self.members.len() + self.joining;
        (servers >= self.rules.max_servers).then_some(SightedReason::TooMany)
    }

    /// The find whose turn it is. One at a time.
    fn next_to_examine(&self, now: Moment) -> Option<SocketAddr> {
        if self.examined.is_some() {
            return None;
        }
        let due = self.entries.iter().filter_map(|(place, entry)| {
            let Place::At(at) = place else { return None };
            let waits = entry.due <= now && !entry.named.is_empty();
            let open = waits
                && self.member_at(place).is_none()
                && self.names.tombstone(None, *at).is_none()
                && self.bar(place, entry).is_none();
            // Members have seen these; a list may be as long as it likes.
            let is_listed = !entry.named.contains(&SourceKind::Replication);
            open.then_some((is_listed, entry.due, *at))
        });
        due.min().map(|(_, _, at)| at)
    }

    /// An examination has ended, with the find's word or with how it failed.
    pub fn examined(
        &mut self,
        at: SocketAddr,
        came: Result<Word, FailureKind>,
        now: Moment,
    ) -> Vec<Action> {
        self.examined = None;
        let place = Place::At(at);
        let Some(entry) = self.entries.get(&place) else { return Vec::new() };
        // What has changed meanwhile counts: it may have joined by hand, or be barred.
        if self.member_at(&place).is_some() || self.bar(&place, entry).is_some() {
            return Vec::new();
        }
        let verdict = match &came {
            Ok(word) => kinship::judge(Candidate { at, word }, &self.members),
            Err(kind) => Err(ExaminedReason::NoAnswer(*kind)),
        };
        let instance = came.as_ref().ok().and_then(|word| word.introduction.instance.clone());
        let mut actions = Vec::new();
        if let Some(buried) = self.names.tombstone(instance.as_deref(), at) {
            let reason = ExaminedReason::SameServer { as_server: buried.name.clone() };
            self.note_unproven(&place, reason, now, &mut actions);
            return actions;
        }
        match verdict {
            Err(reason) => self.note_unproven(&place, reason, now, &mut actions),
            Ok(proof) => {
                let said = came.as_ref().ok().and_then(|word| word.introduction.name.as_deref());
                let name = self.names.given(said, instance.clone(), at, entry, &self.members);
                let via = proof.member();
                let sponsor = self.members.iter().find(|member| *member.name == *via);
                let attributes = self.rules.attributes(at.ip(), &entry.labels);
                let newcomer = Newcomer {
                    name: name.as_str().into(),
                    at,
                    depth: sponsor.map_or(0, Member::depth).saturating_add(1),
                    instance: instance.clone(),
                    attributes,
                    proof: proof.clone(),
                };
                self.names.bind(name, instance, at);
                let word = came.as_ref().ok();
                let reported = word.and_then(|word| word.introduction.endpoint.clone());
                actions.extend(self.proven(newcomer, reported, now));
            }
        }
        actions
    }

    fn note_unproven(
        &mut self,
        place: &Place,
        reason: ExaminedReason,
        now: Moment,
        actions: &mut Vec<Action>,
    ) {
        let interval = self.rules.interval;
        let Some(entry) = self.entries.get_mut(place) else { return };
        let was_stranger = matches!(entry.stage, Stage::Unproven(ExaminedReason::Stranger));
        if reason == ExaminedReason::Stranger && !was_stranger {
            actions.push(Action::Tell(Notice::Stranger { at: place.to_string().into() }));
        }
        if let ExaminedReason::SameServer { as_server } = &reason {
            let member = self.members.iter().find(|member| member.name == *as_server);
            let address = member.and_then(|member| Some((*member.addresses.first()?, member.port)));
            entry.known_at = address.map(|at| Place::At(at.into()));
        }
        entry.stage = Stage::Unproven(reason);
        entry.fail(interval, now);
    }

    /// A find could not join: the configuration with it would have a fault.
    pub fn refused(&mut self, at: SocketAddr, why: &str, now: Moment) {
        let interval = self.rules.interval;
        if let Some(entry) = self.entries.get_mut(&Place::At(at)) {
            entry.stage = Stage::Unproven(ExaminedReason::refused(why));
            entry.fail(interval, now);
        }
    }

    /// The addresses of the member that is known under a host name.
    pub fn addresses_of(&self, host: &str) -> Option<Vec<IpAddr>> {
        let member = self.members.iter().find(|member| member.is_on(host))?;
        Some(member.addresses.clone())
    }

    /// What a restart must not forget.
    pub fn remembered(&self) -> (&[Binding], &[Tombstone]) {
        (&self.names.bindings, &self.names.tombstones)
    }

    /// Who joins by itself is ready after some good replies.
    fn let_in(&self, actions: &mut Vec<Action>) {
        if self.rules.mode != Mode::Join {
            return;
        }
        let serves = |member: &&Member| {
            matches!(
                member.state,
                ServerState::Primary | ServerState::Replica | ServerState::ReplicaLagging
            )
        };
        let drained = self.members.iter().filter(|member| {
            member.found.as_ref().is_some_and(|found| found.drained)
                && member.replies >= self.rules.rise
        });
        actions.extend(drained.filter(serves).map(|member| Action::Ready(member.name.clone())));
    }
}

#[cfg(test)]
mod tests;
