//! What the names of a cluster say beneath its overrides.
//!
//! The ladders go on as if nobody had wished anything, and what they come to is published unless an
//! override says otherwise: maintenance before freeze, freeze before pin, pin before drain. So the
//! end of an override needs no rule of its own. The one thing that outlasts an override is where it
//! has moved a choice that was free: see [`Steering`].

use super::{Cluster, overlay::Pin};
use crate::engine::{
    Event, Moment, Override, OverrideRefusal, OverrideTurn, ReadDecision, ReadReason, ServerIndex,
    ServerState, StateReason, Wish, WishKey, WriteDecision, WriteReason,
    read::Candidates,
    steering::Steering,
    verdict::{Verdict, WriteEligibility},
};

impl Cluster {
    /// Whether an override may be laid, and lays it.
    pub fn lay(&mut self, wished: Override, now: Moment) -> Result<(), OverrideRefusal> {
        match wished.wish {
            Wish::Pin { server, even_if_not_writable } => {
                if self.policy.write.is_none() {
                    return Err(OverrideRefusal::NoWriteName);
                }
                if !even_if_not_writable && !self.is_writable_now(server) {
                    let Verdict { state, reason, .. } = self.conclusions[server].limited;
                    return Err(OverrideRefusal::NotWritable { state, reason });
                }
            }
            Wish::Drain { server, force: false } => {
                if let Some(name) = self.is_last_reader(server, now) {
                    return Err(OverrideRefusal::LastReader { name });
                }
            }
            Wish::Drain { force: true, .. } | Wish::Freeze | Wish::Maintenance => {}
        }
        self.overlay.lay(wished);
        Ok(())
    }

    /// Lays an override that was in force before a restart: nothing is refused.
    pub fn resume(&mut self, laid: Override) {
        self.overlay.resume(laid);
    }

    pub fn lift(&mut self, key: WishKey) -> Option<Override> {
        self.overlay.lift(key)
    }

    pub fn overrides(&self) -> &[Override] {
        self.overlay.laid()
    }

    /// Confirmed as writable; the published one may have missed a reply or two.
    fn is_writable_now(&self, server: ServerIndex) -> bool {
        let verdict = &self.conclusions[server].limited;
        match verdict.write {
            WriteEligibility::Eligible | WriteEligibility::Spare => true,
            WriteEligibility::Open => {
                let published = self.said.write.server == Some(server);
                published && matches!(verdict.state, ServerState::Primary | ServerState::Up)
            }
            WriteEligibility::Gone | WriteEligibility::Refused => false,
        }
    }

    /// The read name that would be left without a server that is known to be of use.
    fn is_last_reader(&self, server: ServerIndex, now: Moment) -> Option<usize> {
        let mut drained = self.overlay.drained(false);
        drained.push(server);
        let candidates = self.candidates(self.said.write.server, &drained);
        let said_now = self.reads_said(self.said.write.server, now);
        (0..self.reads.len()).find(|&name| {
            let now = &said_now[name];
            let (left, rung) = self.reads[name].climb(&candidates);
            let lost = left.is_empty()
                || rung == ReadReason::LastKnown && now.reason != ReadReason::LastKnown;
            lost && now.servers.iter().any(|member| member.server == server)
        })
    }

    /// Ends what has had its time.
    pub(super) fn expire(&mut self, now: Moment, events: &mut Vec<Event>) {
        for over in self.overlay.expire(now) {
            let (cluster, laid, turn) = (self.id, Box::new(over), OverrideTurn::Expired);
            events.push(Event::Override { cluster, laid, turn });
        }
    }

    /// How operators steer the choice of the writer. A frozen name is steered too: where the choice
    /// is free, it is to find the server there that it says.
    pub(super) fn steering(&self) -> Steering {
        let pin = self.overlay.pin();
        let frozen = if self.is_frozen() { self.said.write.server } else { None };
        Steering {
            wanted: frozen.or_else(|| pin.map(|pin| pin.server)),
            pinned: frozen.is_none() && pin.is_some(),
            barred: self.overlay.drained(true),
        }
    }

    pub(super) fn is_frozen(&self) -> bool {
        self.overlay.has(WishKey::Freeze) && !self.overlay.has(WishKey::Maintenance)
    }

    /// Lays the overrides over what the ladders say.
    pub(super) fn lay_over(&mut self, now: Moment) {
        self.note_denial();
        let (server, reason) = self.write_said();
        let before = self.said.write;
        let since = match before.server == server {
            true => before.since,
            // What the ladder has said for longer has only been hidden.
            false => now,
        };
        self.said.write = WriteDecision { server, reason, since };
        self.said.reads = self.reads_said(server, now);
    }

    fn note_denial(&mut self) {
        let Some(pin) = self.overlay.pin() else {
            // Before the first decision overrides may still come back.
            if self.ready {
                self.overlay.forget_denial();
            }
            return;
        };
        match self.conclusions[pin.server].limited.write {
            WriteEligibility::Eligible | WriteEligibility::Spare => self.overlay.forget_denial(),
            WriteEligibility::Refused => self.overlay.deny(),
            WriteEligibility::Open | WriteEligibility::Gone => {}
        }
    }

    fn write_said(&self) -> (Option<ServerIndex>, WriteReason) {
        if self.policy.write.is_some() && self.overlay.has(WishKey::Maintenance) {
            return (None, WriteReason::Maintenance);
        }
        let unfrozen = self.write_unfrozen();
        let said = self.said.write;
        match said.reason {
            _ if !self.is_frozen() => unfrozen,
            // Nothing can stand still that has never been said.
            WriteReason::NotReady | WriteReason::Maintenance => match unfrozen {
                (_, WriteReason::NotReady) => unfrozen,
                (server, _) => (server, WriteReason::Frozen),
            },
            _ => (said.server, WriteReason::Frozen),
        }
    }

    fn write_unfrozen(&self) -> (Option<ServerIndex>, WriteReason) {
        let WriteDecision { server, reason, .. } = self.write.decision;
        if self.policy.write.is_none() {
            return (server, reason);
        }
        if let Some(pin) = self.overlay.pin() {
            return self.pinned(pin);
        }
        match server {
            Some(drained) if self.overlay.drained(true).contains(&drained) => {
                (None, WriteReason::Drained)
            }
            _ => (server, reason),
        }
    }

    fn pinned(&self, pin: Pin) -> (Option<ServerIndex>, WriteReason) {
        let Verdict { state, reason, write, .. } = self.conclusions[pin.server].limited;
        let here = Some(pin.server);
        match write {
            // Silence does not bring back what the server itself has ended.
            _ if self.overlay.denied() && !pin.even_if_not_writable => {
                (None, WriteReason::PinnedNotWritable)
            }
            _ if self.isolated => (here, WriteReason::HeldIsolated),
            WriteEligibility::Eligible | WriteEligibility::Spare => (here, WriteReason::Pinned),
            _ if pin.even_if_not_writable => (here, WriteReason::PinnedUnsafe(state)),
            _ if reason == StateReason::UnreachableFromHere => (here, WriteReason::HeldUnreachable),
            _ if reason == StateReason::Unresponsive => (here, WriteReason::HeldUnresponsive),
            _ if matches!(state, ServerState::Primary | ServerState::Up) => {
                (here, WriteReason::Pinned)
            }
            _ => (here, WriteReason::HeldPinned(state)),
        }
    }

    /// What the read names say, with `writer` in the write name.
    fn reads_said(&self, writer: Option<ServerIndex>, now: Moment) -> Vec<ReadDecision> {
        let drained = self.overlay.drained(false);
        let candidates = self.candidates(writer, &drained);
        (0..self.reads.len()).map(|name| self.read_said(name, &candidates, now)).collect()
    }

    fn read_said(&self, name: usize, candidates: &Candidates<'_>, now: Moment) -> ReadDecision {
        let before = &self.said.reads[name];
        let say = |servers, reason| candidates.say(name, before, servers, reason, now);
        if self.overlay.has(WishKey::Maintenance) {
            return say(Vec::new(), ReadReason::Maintenance);
        }
        let unfrozen = || self.read_unfrozen(name, candidates);
        let (servers, reason) = match before.reason {
            _ if !self.is_frozen() => unfrozen(),
            ReadReason::NotReady | ReadReason::Maintenance => match unfrozen() {
                (servers, ReadReason::NotReady) => (servers, ReadReason::NotReady),
                (servers, _) => (servers, ReadReason::Frozen),
            },
            _ => (members(before), ReadReason::Frozen),
        };
        say(servers, reason)
    }

    fn read_unfrozen(
        &self,
        name: usize,
        candidates: &Candidates<'_>,
    ) -> (Vec<ServerIndex>, ReadReason) {
        let ladder = &self.reads[name].decision;
        let follows = candidates.primary == self.primary(self.write.decision.server);
        if candidates.drained.is_empty() && follows {
            return (members(ladder), ladder.reason);
        }
        let stands_still = self.isolated || !self.ready;
        let (servers, reason) = match stands_still {
            true => {
                let mut servers = members(ladder);
                servers.retain(|server| !candidates.drained.contains(server));
                (servers, ladder.reason)
            }
            false => self.reads[name].climb(candidates),
        };
        match servers.is_empty() && !ladder.servers.is_empty() {
            true => (servers, ReadReason::Drained),
            false => (servers, reason),
        }
    }
}

fn members(read: &ReadDecision) -> Vec<ServerIndex> {
    read.servers.iter().map(|member| member.server).collect()
}
