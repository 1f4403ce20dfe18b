//! What a ledger shows of its finds and sources.

use super::{
    FindView, Ledger, SourceView,
    entry::{Place, Stage},
};
use crate::{
    discovery::{
        FindState, ForgottenReason, LeavingReason, Member, Proof, SightedReason, SourceKind,
    },
    engine::Moment,
};

impl Ledger {
    /// All finds, members of the cluster that were found first.
    pub fn finds(&self) -> Vec<FindView> {
        let found = self.members.iter().filter_map(|member| self.found(member));
        let others = self.entries.iter().filter(|(place, _)| self.member_at(place).is_none());
        let others = others.map(|(place, entry)| {
            let bound = match place {
                Place::At(at) => self.names.of(None, *at).map(|binding| &binding.name),
                Place::Name(..) => None,
            };
            let tomb = match place {
                Place::At(at) => self.names.tombstone(None, *at),
                Place::Name(..) => None,
            };
            let state = match (tomb, self.bar(place, entry), &entry.stage) {
                (Some(tomb), _, _) => FindState::Forgotten(tomb.reason),
                // It may be the last for whom there was room.
                (None, _, Stage::Proven(proof)) if self.joining > 0 => {
                    FindState::Kin(proof.clone())
                }
                (None, Some(reason), _) => FindState::Sighted(reason),
                (None, None, Stage::Fresh) => FindState::Sighted(SightedReason::Waits),
                (None, None, Stage::Unproven(reason)) => FindState::Examined(reason.clone()),
                (None, None, Stage::Proven(proof)) => FindState::Kin(proof.clone()),
            };
            FindView {
                name: bound.or(entry.hint.as_ref()).map(|name| name.as_str().into()),
                at: place.to_string().into(),
                sources: entry.named.iter().copied().collect(),
                state,
            }
        });
        let mut finds: Vec<_> = found.chain(others).collect();
        let buried = self.names.tombstones.iter().filter(|tomb| {
            let at = tomb.at.to_string();
            finds.iter().all(|find| *find.at != at)
        });
        let buried: Vec<_> = buried
            .map(|tomb| FindView {
                name: Some(tomb.name.clone()),
                at: tomb.at.to_string().into(),
                sources: Vec::new(),
                state: FindState::Forgotten(match tomb.reason {
                    ForgottenReason::Gone => ForgottenReason::Gone,
                    ForgottenReason::Removed => ForgottenReason::Removed,
                }),
            })
            .collect();
        finds.extend(buried);
        finds
    }

    /// A member that was found.
    fn found(&self, member: &Member) -> Option<FindView> {
        let found = member.found.as_ref()?;
        let address = member.addresses.first()?;
        let place = Place::At(std::net::SocketAddr::new(*address, member.port));
        let entry = self.entries.get(&place);
        let proof = match entry.map(|entry| &entry.stage) {
            Some(Stage::Proven(proof)) => proof.clone(),
            _ => Proof::Earlier,
        };
        let state = match (self.is_held(member), self.is_unnamed(member), found.drained) {
            (true, _, _) => FindState::Leaving(LeavingReason::Held),
            (false, true, _) => FindState::Leaving(LeavingReason::Unnamed),
            (false, false, true) => FindState::Kin(proof),
            (false, false, false) => FindState::Member(proof),
        };
        Some(FindView {
            name: Some(member.name.clone()),
            at: place.to_string().into(),
            sources: entry.into_iter().flat_map(|entry| entry.named.iter().copied()).collect(),
            state,
        })
    }

    /// All sources, in the order of the configuration.
    pub fn sources(&self, now: Moment) -> Vec<SourceView> {
        let view = |&source: &SourceKind| {
            let known = self.sources.get(&source);
            SourceView {
                source,
                age: known.and_then(|known| known.answered).map(|at| now.since(at)),
                fault: known.and_then(|known| known.fault.clone()),
            }
        };
        self.rules.sources.iter().map(view).collect()
    }
}
