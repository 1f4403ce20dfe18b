//! What the page remembers of what is published.

use std::sync::{MutexGuard, PoisonError};

use super::Operations;
use crate::{
    admin::page::{
        history::History,
        writers::{PublishedWriter, Writer},
    },
    clock,
    engine::{ClusterId, Lag, WriteReason},
};

impl Operations {
    /// What was in the last minutes. It must be let go of before anything is awaited.
    pub fn history(&self) -> MutexGuard<'_, History> {
        self.0.history.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds what is now to the history.
    pub fn remember(&self) {
        let snapshot = self.0.reader.snapshot();
        let totals = self.0.metrics.dns.totals();
        let layout = snapshot.table.layout();
        let clusters = || layout.clusters().iter().enumerate();
        let servers = clusters().flat_map(|(id, listing)| {
            let report = snapshot.reports.of(ClusterId(id));
            listing.servers.iter().enumerate().map(move |(index, server)| {
                let server_report = report.and_then(|report| report.servers.get(index));
                let lag = server_report.and_then(|server| server.standing.lag);
                (&*server.name, lag.map(Lag::millis))
            })
        });
        let slots = self.slots();
        let names = slots.iter().map(|(name, slot)| {
            let slot = usize::try_from(*slot).unwrap_or(usize::MAX);
            (&**name, totals.names.get(slot).map_or(0, |counts| counts.iter().sum()))
        });
        self.history().note(self.0.clock.now(), servers, totals.all_queries(), names);
        self.remember_writers();
    }

    /// Adds to the history who the write names say now.
    pub fn remember_writers(&self) {
        // The chronicle before the snapshot: what is published is not older than what is told.
        let entries = self.0.chronicle.entries();
        let snapshot = self.0.reader.snapshot();
        let clusters = snapshot.table.layout().clusters().iter().enumerate();
        let writers = clusters.filter_map(|(id, listing)| {
            let report = snapshot.reports.of(ClusterId(id))?;
            let write = report.decision.write?;
            let server = write.server.and_then(|server| listing.server_name(server));
            let writer = published_writer(server, write.reason);
            let since = report.start.at(write.since);
            Some(PublishedWriter { cluster: &listing.name, writer, since })
        });
        let entries = entries.iter().map(|entry| &**entry);
        self.history().writers().note(entries, writers, clock::wall_time());
    }
}

/// Who a write name says; not known before the first round of probes.
fn published_writer(server: Option<&str>, reason: WriteReason) -> Writer {
    match (server, reason) {
        (Some(server), _) => Writer::Server(server.into()),
        (None, WriteReason::NotReady) => Writer::Unknown,
        (None, _) => Writer::None,
    }
}
