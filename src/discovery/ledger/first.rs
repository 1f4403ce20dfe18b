//! A cluster that has no server yet: nothing can prove that one belongs before an operator has vouched
//! for the first.

use super::{Ledger, entry::Stage};
use crate::{discovery::ExaminedReason, engine::Moment};

impl Ledger {
    /// Once a first server is vouched for and has said what it is, whoever had nobody to prove itself
    /// by has.
    pub(super) fn look_again(&mut self, now: Moment) {
        if self.members.iter().any(|member| member.vouches().is_some()) {
            for entry in self.entries.values_mut() {
                if matches!(entry.stage, Stage::Unproven(ExaminedReason::First(_))) {
                    entry.stage = Stage::Fresh;
                    entry.try_at(now);
                }
            }
        }
    }
}
