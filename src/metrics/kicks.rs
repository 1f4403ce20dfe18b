//! What session kicks count.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

/// Counts by cluster and server. A clone counts the same.
#[derive(Clone, Debug, Default)]
pub struct KickCounts(Arc<Mutex<ByServer>>);

/// By the names of cluster and server.
type ByServer = BTreeMap<(Box<str>, Box<str>), KickTotals>;

/// The kicks of one server since the start of the process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KickTotals {
    /// Sessions that were ended.
    pub ended: u64,
    /// Sessions that a dry run found.
    pub found: u64,
    /// Rounds that ended nothing because something failed.
    pub failures: u64,
}

impl KickCounts {
    /// Adds to what is counted of a server.
    pub fn count(&self, cluster: &str, server: &str, more: KickTotals) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let totals = counts.entry((cluster.into(), server.into())).or_default();
        totals.ended += more.ended;
        totals.found += more.found;
        totals.failures += more.failures;
    }

    /// All of them, by the names of cluster and server.
    pub fn totals(&self) -> BTreeMap<(Box<str>, Box<str>), KickTotals> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_add_up_by_server() {
        let counts = KickCounts::default();
        let again = counts.clone();
        again.count("orders", "db1", KickTotals { ended: 2, ..KickTotals::default() });
        counts.count("orders", "db1", KickTotals { failures: 1, ..KickTotals::default() });
        counts.count("orders", "db2", KickTotals { found: 3, ..KickTotals::default() });
        let totals: Vec<_> = counts.totals().into_values().collect();
        let of = |ended, found, failures| KickTotals { ended, found, failures };
        assert_eq!(totals, [of(2, 0, 1), of(0, 3, 0)]);
    }
}
