//! Each server as a candidate for a name: read off the verdicts, gates and overrides that decided.

use super::Cluster;
use crate::engine::{
    Because, Candidacy, Change, Lag, Moment, NameOf, ReadReason, ServerIndex, ServerState,
    StateReason, Thresholds, WishKey, WriteReason,
    verdict::{ReadEligibility, Verdict, WriteEligibility},
};

impl Cluster {
    /// Every server as a candidate for a name, in config order; nothing for a name that there is
    /// not.
    pub fn candidacy(&self, name: NameOf, now: Moment) -> Vec<Candidacy> {
        let servers = self.records.indices();
        match name {
            NameOf::Writes if self.policy.write.is_none() => Vec::new(),
            NameOf::Writes => servers.map(|server| self.as_writer(server, now)).collect(),
            NameOf::Reads(name) if name >= self.reads.len() => Vec::new(),
            NameOf::Reads(name) => servers.map(|server| self.as_reader(name, server)).collect(),
        }
    }

    fn as_writer(&self, server: ServerIndex, now: Moment) -> Candidacy {
        let said = self.said.write;
        let included = said.server == Some(server);
        let (because, change) = match included {
            true => (Because::Writes(said.reason), holds_until(said.reason)),
            false => self.not_writer(server, now),
        };
        Candidacy { server, included, because, change }
    }

    fn not_writer(&self, server: ServerIndex, now: Moment) -> (Because, Change) {
        let verdict = &self.conclusions[server].limited;
        let is = Because::Is(verdict.state, verdict.reason);
        let reason = self.said.write.reason;
        let stands = Because::WritesStand(reason);
        match reason {
            WriteReason::Maintenance | WriteReason::Frozen => {
                return (stands, Change::OverrideEnds);
            }
            WriteReason::NotReady => return (stands, Change::FirstRound),
            _ => {}
        }
        match self.pinned_server() {
            Some(pinned) if pinned == server => return (is, Change::Writable),
            Some(_) => return (Because::PinnedElsewhere, Change::OverrideEnds),
            None => {}
        }
        if self.overlay.drained(true).contains(&server) {
            return (Because::Drained, Change::OverrideEnds);
        }
        match verdict.write {
            WriteEligibility::Eligible if self.write.blocked(now).contains(&server) => {
                (Because::LeftMomentsAgo, Change::BlockEnds)
            }
            WriteEligibility::Eligible if reason == WriteReason::SplitBrain => {
                (stands, Change::Demoted)
            }
            WriteEligibility::Eligible => (Because::AnotherPublished, Change::PublishedFails),
            WriteEligibility::Spare => (is, Change::PublishedFails),
            WriteEligibility::Open | WriteEligibility::Gone | WriteEligibility::Refused => {
                (is, self.may_write_when(verdict))
            }
        }
    }

    /// What would make a writer of a server that is none.
    fn may_write_when(&self, verdict: &Verdict) -> Change {
        match verdict.state {
            ServerState::Replica
            | ServerState::ReplicaLagging
            | ServerState::ReplicaDetached
            | ServerState::ReplicaBroken => Change::Promoted,
            ServerState::Unknown | ServerState::ReadOnlyPrimary | ServerState::Primary => {
                Change::Writable
            }
            ServerState::StalePrimary => Change::Accepted,
            ServerState::WrongCluster if verdict.reason == StateReason::HistoryLost => {
                Change::Accepted
            }
            state => self.mended_when(state),
        }
    }

    fn as_reader(&self, name: usize, server: ServerIndex) -> Candidacy {
        let said = &self.said.reads[name];
        let included = said.servers.iter().any(|member| member.server == server);
        let (because, change) = match included {
            true => self.why_reader(name, server, said.reason),
            false => self.why_no_reader(name, server, said.reason),
        };
        Candidacy { server, included, because, change }
    }

    fn why_reader(
        &self,
        name: usize,
        server: ServerIndex,
        reason: ReadReason,
    ) -> (Because, Change) {
        let rules = &self.policy.reads[name];
        let verdict = &self.conclusions[server].limited;
        let stays = Because::Stays(reason);
        match reason {
            ReadReason::Frozen => return (stays, Change::OverrideEnds),
            ReadReason::Isolated => return (stays, Change::NetworkReturns),
            ReadReason::Remembered => return (stays, Change::FirstRound),
            ReadReason::LastKnown => return (stays, Change::AnyEligible),
            _ => {}
        }
        let is_writer = self.primary(self.said.write.server) == Some(server);
        let fresh = self.conclusions[server].gates[name].is_fresh();
        match verdict.read {
            _ if is_writer && rules.include_primary => (Because::PrimaryIncluded, Change::Demoted),
            _ if is_writer => (Because::PrimaryHelps, Change::ReplicasReturn),
            ReadEligibility::Replica if fresh => {
                let limit = Lag(rules.max_lag);
                let change = match verdict.lag {
                    Some(_) => Change::FallsBehind(limit),
                    None => Change::Fails,
                };
                (Because::Fresh(verdict.lag), change)
            }
            _ => (Because::HelpsOut(verdict.lag), Change::ReplicasReturn),
        }
    }

    fn why_no_reader(
        &self,
        name: usize,
        server: ServerIndex,
        reason: ReadReason,
    ) -> (Because, Change) {
        let rules = &self.policy.reads[name];
        let verdict = &self.conclusions[server].limited;
        let stands = Because::ReadsStand(reason);
        match reason {
            ReadReason::Maintenance | ReadReason::Frozen => return (stands, Change::OverrideEnds),
            ReadReason::NotReady | ReadReason::Remembered => return (stands, Change::FirstRound),
            ReadReason::Isolated => return (stands, Change::NetworkReturns),
            _ => {}
        }
        if self.overlay.drained(false).contains(&server) {
            return (Because::Drained, Change::OverrideEnds);
        }
        let is_writer = self.primary(self.said.write.server) == Some(server);
        match verdict.read {
            ReadEligibility::Replica if is_writer => (Because::PrimarySpared, Change::Demoted),
            ReadEligibility::Primary => (Because::PrimarySpared, Change::OthersFail),
            ReadEligibility::Replica => {
                let returns = rules.max_lag * Thresholds::LAG_RETURN_PERCENT / 100;
                let (lag, limit) = (verdict.lag, Lag(rules.max_lag));
                (Because::TooLate { lag, limit }, Change::CatchesUp(Lag(returns)))
            }
            ReadEligibility::LastResort => {
                (Because::NotNeeded(verdict.state, verdict.reason), Change::OthersFail)
            }
            ReadEligibility::No | ReadEligibility::Never => {
                (Because::Is(verdict.state, verdict.reason), self.mended_when(verdict.state))
            }
        }
    }

    fn pinned_server(&self) -> Option<ServerIndex> {
        let pin = self.overlay.laid().iter().find(|laid| laid.wish.key() == WishKey::Pin)?;
        pin.wish.server()
    }

    /// What ends a state that keeps a server out.
    fn mended_when(&self, state: ServerState) -> Change {
        match state {
            ServerState::Unknown | ServerState::Starting | ServerState::Down => {
                Change::AnswersWell(self.policy.thresholds.rise)
            }
            ServerState::Primary | ServerState::ReadOnlyPrimary | ServerState::StalePrimary => {
                Change::Follows
            }
            ServerState::Replica | ServerState::ReplicaLagging | ServerState::Up => {
                Change::AnswersWell(self.policy.thresholds.rise)
            }
            ServerState::ReplicaDetached | ServerState::ReplicaBroken => Change::Repaired,
            ServerState::Saturated => Change::HasRoom,
            ServerState::Misconfigured => Change::LetsIn,
            ServerState::WrongCluster => Change::Rebuilt,
            ServerState::OutOfService => Change::BackInService,
        }
    }
}

/// What would take the write name away from the server that it says for this reason.
fn holds_until(reason: WriteReason) -> Change {
    match reason {
        WriteReason::Primary | WriteReason::MostPreferred | WriteReason::Incumbent => {
            Change::Replaced
        }
        WriteReason::HeldSplitBrain => Change::OneLeft,
        WriteReason::HeldFlapping => Change::BlockEnds,
        WriteReason::HeldIsolated => Change::NetworkReturns,
        WriteReason::Remembered | WriteReason::NotReady => Change::FirstRound,
        WriteReason::Pinned
        | WriteReason::HeldPinned(_)
        | WriteReason::PinnedUnsafe(_)
        | WriteReason::PinnedNotWritable
        | WriteReason::Drained
        | WriteReason::Frozen
        | WriteReason::Maintenance => Change::OverrideEnds,
        WriteReason::Held(_)
        | WriteReason::HeldUnreachable
        | WriteReason::HeldUnresponsive
        | WriteReason::HeldNotWritable
        | WriteReason::NotWritable
        | WriteReason::SplitBrain
        | WriteReason::NoPrimaryKnown => Change::Succeeded,
    }
}
