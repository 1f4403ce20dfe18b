//! The task that turns published tables into versions, and tells the notifiers.

use std::sync::Arc;

use tokio::{select, sync::watch, task::JoinSet, time::Instant};

use super::{
    Listening, Transfers, catalog,
    notifier::{Latest, Notifier},
    offer::{Offer, OfferedZone},
    version::{Difference, Version},
};
use crate::{
    answers::{AnswerTable, Copied},
    config::TransferConfig,
    publish::Reader,
};

/// Whoever writes the offer.
pub struct Editor {
    transfers: Transfers,
    configs: watch::Receiver<Arc<TransferConfig>>,
    copied: Copied,
    listening: Listening,
    reader: Reader,
    generations: watch::Receiver<u64>,
    /// The newest serial of each zone of the offer.
    latest: Vec<watch::Sender<Option<Latest>>>,
    notifiers: JoinSet<()>,
    /// Replaced offers that a reader may still hold: they are freed here, not where queries are answered.
    replaced: Vec<Arc<Offer>>,
}

impl Editor {
    /// Of what `reader` reads.
    pub fn new(
        transfers: Transfers,
        configs: watch::Receiver<Arc<TransferConfig>>,
        copied: Copied,
        listening: Listening,
        reader: &Reader,
    ) -> Self {
        Self {
            transfers,
            configs,
            copied,
            listening,
            generations: reader.generations(),
            reader: reader.clone(),
            latest: Vec::new(),
            notifiers: JoinSet::new(),
            replaced: Vec::new(),
        }
    }

    /// Runs until nothing is published any more.
    pub async fn run(mut self) {
        self.configure();
        loop {
            self.edit();
            select! {
                changed = self.generations.changed() => if changed.is_err() { return },
                changed = self.configs.changed() => match changed {
                    Ok(()) => self.configure(),
                    Err(_) => return,
                },
                // A notifier ends by a fault of ours alone.
                Some(_) = self.notifiers.join_next() => {}
            }
        }
    }

    /// Offers what the configuration says, and tells those whom it names.
    fn configure(&mut self) {
        let config = Arc::clone(&self.configs.borrow_and_update());
        let offer = Offer::new(&config, &self.transfers.offer());
        self.notifiers = JoinSet::new();
        self.transfers.seen.clear();
        self.latest = offer.zones.iter().map(|zone| watch::Sender::new(latest(zone))).collect();
        for (zone, latest) in offer.zones.iter().zip(&self.latest) {
            for secondary in &zone.secondaries {
                let seen = self.transfers.seen.of(&zone.origin, &secondary.config);
                let notifier = Notifier::new(
                    &zone.origin,
                    Arc::clone(secondary),
                    self.listening.of(secondary.config.transport),
                    latest.subscribe(),
                    seen,
                );
                self.notifiers.spawn(notifier.run());
            }
        }
        self.replace(offer);
    }

    /// Takes in what is published.
    fn edit(&mut self) {
        self.generations.borrow_and_update();
        let snapshot = self.reader.snapshot();
        let current = self.transfers.offer.load_full();
        let next: Vec<_> =
            current.zones.iter().map(|zone| self.next(zone, &snapshot.table)).collect();
        if next.iter().all(Option::is_none) {
            return;
        }
        let zones = current.zones.iter().zip(next);
        let zones = zones.map(|(zone, next)| next.unwrap_or_else(|| zone.clone())).collect();
        let offer = Offer { keys: current.keys.clone(), zones };
        let latest: Vec<_> = offer.zones.iter().map(latest).collect();
        drop(current);
        // First what is transferred, then the word that there is something.
        self.replace(offer);
        for (sender, latest) in self.latest.iter().zip(latest) {
            sender.send_if_modified(|current| {
                let serial = |latest: &Option<Latest>| latest.as_ref().map(|one| one.serial);
                let differs = serial(current) != serial(&latest);
                if differs {
                    *current = latest;
                }
                differs
            });
        }
    }

    /// The zone with a later version, if there is one.
    fn next(&self, zone: &OfferedZone, table: &AnswerTable) -> Option<OfferedZone> {
        let mut journal = zone.journal.clone();
        let version = match (&zone.catalog, &zone.version) {
            (Some(catalog), None) => catalog::version(catalog, self.catalog_serial(zone, table)),
            (Some(_), Some(_)) => return None,
            (None, None) => Version::of(table, &zone.origin, self.copied)?,
            (None, Some(version)) => {
                let (next, difference): (_, Difference) =
                    version.next(table, &zone.origin, self.copied)?;
                journal.push(difference);
                next
            }
        };
        Some(OfferedZone { version: Some(Arc::new(version)), journal, ..zone.clone() })
    }

    /// The serial of another catalog: the table's, unless the catalog before had that already.
    fn catalog_serial(&self, zone: &OfferedZone, table: &AnswerTable) -> u32 {
        let before = self.replaced.iter().rev().find_map(|offer| {
            offer.zone(&zone.origin)?.version.as_ref().map(|version| version.serial)
        });
        before.map_or(0, |serial| serial + 1).max(table.serial().value())
    }

    fn replace(&mut self, offer: Offer) {
        let before = self.transfers.offer.swap(Arc::new(offer));
        // The last one is kept in any case: it knows the serial of the catalog.
        self.replaced.retain(|offer| Arc::strong_count(offer) > 1);
        self.replaced.push(before);
    }
}

fn latest(zone: &OfferedZone) -> Option<Latest> {
    let version = zone.version.as_ref()?;
    Some(Latest { serial: version.serial, soa: version.soa.clone(), since: Instant::now() })
}
