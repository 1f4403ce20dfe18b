//! Who is published as it calls itself. A server says what it likes: the address by which it calls itself
//! must be an allowed one, and what answers there has to prove itself as every find has.

use std::net::{IpAddr, SocketAddr};

use super::{
    Action, Ledger, Newcomer,
    entry::{Place, Stage},
};
use crate::{
    discovery::{ExaminedReason, Published, is_unpublishable},
    engine::{Endpoint, Moment},
    plain_text::start_of_line,
};

/// Characters of what a server calls itself that are shown.
const SHOWN: usize = 63;

impl Ledger {
    /// A find has proven itself where it was asked, and calls itself `reported`.
    pub(super) fn proven(
        &mut self,
        newcomer: Newcomer,
        reported: Option<Endpoint>,
        now: Moment,
    ) -> Option<Action> {
        match (self.rules.publish, reported) {
            (Published::Probed, _) => Some(self.joins(newcomer, now)),
            (Published::Reported, Some(endpoint)) => {
                let interval = self.rules.interval;
                if let Some(entry) = self.entries.get_mut(&Place::At(newcomer.at)) {
                    entry.wait(interval, now);
                }
                Some(Action::Locate(newcomer, endpoint))
            }
            (Published::Reported, None) => {
                self.stays_out(newcomer.at, ExaminedReason::ReportsNothing, now);
                None
            }
        }
    }

    /// The host by which a newcomer calls itself has these addresses.
    pub fn located(
        &mut self,
        newcomer: Newcomer,
        endpoint: &Endpoint,
        addresses: &[IpAddr],
        now: Moment,
    ) -> Option<Action> {
        let at = newcomer.at;
        let addresses: Vec<_> = addresses.iter().map(IpAddr::to_canonical).collect();
        if endpoint.port == at.port() && addresses.contains(&at.ip().to_canonical()) {
            return Some(self.joins(newcomer, now));
        }
        let may_be = |address: &&IpAddr| {
            !is_unpublishable(**address)
                && self.rules.allows(**address)
                && !self.rules.excludes(**address, None)
        };
        let shown = format!("{}:{}", start_of_line(&endpoint.host, SHOWN), endpoint.port).into();
        match addresses.iter().find(may_be) {
            Some(address) => {
                let place = Place::At(SocketAddr::new(*address, endpoint.port));
                if let Some(entry) = self.entries.get_mut(&Place::At(at)) {
                    entry.known_at = Some(place);
                }
                self.stays_out(at, ExaminedReason::Reports(shown), now);
            }
            None => self.stays_out(at, ExaminedReason::ReportsOutside(shown), now),
        }
        None
    }

    fn joins(&mut self, newcomer: Newcomer, now: Moment) -> Action {
        let interval = self.rules.interval;
        if let Some(entry) = self.entries.get_mut(&Place::At(newcomer.at)) {
            // Asked again only when joining comes to nothing.
            entry.fail(interval, now);
            entry.stage = Stage::Proven(newcomer.proof.clone());
        }
        self.joining += 1;
        Action::Join(newcomer)
    }

    fn stays_out(&mut self, at: SocketAddr, reason: ExaminedReason, now: Moment) {
        self.note_unproven(&Place::At(at), reason, now, &mut Vec::new());
    }
}
