//! What is shown of a cluster's finds and sources.

use super::ClusterDiscovery;
use crate::{
    discovery::{ExaminedReason, FindState, FindView, Mode, SourceView},
    report::{DiscoveredServer, DiscoveryReport, DiscoverySource, FindStanding},
};

impl ClusterDiscovery {
    /// Tells everybody how far each find has come.
    pub(super) fn report(&self) {
        let now = self.clock.now();
        let find = |find: FindView| DiscoveredServer {
            standing: standing(&find.state),
            name: find.name,
            at: find.at,
            state: find.state.name().into(),
            reason: find.state.to_string().into(),
            sources: find.sources.iter().map(|source| source.name().into()).collect(),
        };
        let source = |source: SourceView| DiscoverySource {
            source: source.source.name().into(),
            age_seconds: source.age.map(|age| age.as_secs()),
            fault: source.fault,
        };
        self.around.reports.tell(DiscoveryReport {
            cluster: self.name.clone(),
            mode: match self.ledger.rules().mode {
                Mode::Propose => "propose".into(),
                Mode::Join => "join".into(),
            },
            sources: self.ledger.sources(now).into_iter().map(source).collect(),
            finds: self.ledger.finds().into_iter().map(find).collect(),
        });
    }
}

fn standing(state: &FindState) -> FindStanding {
    match state {
        FindState::Examined(ExaminedReason::Stranger) => FindStanding::Stranger,
        FindState::Examined(ExaminedReason::First(_)) => FindStanding::WantsAVoucher,
        FindState::Sighted(_) | FindState::Examined(_) | FindState::Forgotten(_) => {
            FindStanding::Outside
        }
        FindState::Kin(_) => FindStanding::Proposed,
        FindState::Member(_) => FindStanding::Member,
        FindState::Leaving(_) => FindStanding::Leaving,
    }
}
