//! What is offered to whom: the zones with their versions and secondaries, and what a request gets.

use std::{net::IpAddr, sync::Arc};

use hickory_proto::rr::LowerName;
use tokio::sync::Semaphore;

use super::{
    journal::Journal,
    key::Key,
    version::{Version, is_later},
    wire::{Body, packed},
};
use crate::config::{CatalogConfig, SecondaryConfig, TransferConfig, TransferTransport};

/// Transfers to one secondary at a time.
const TO_ONE: usize = 2;

/// Everything that is offered. Never changed, but replaced.
#[derive(Clone, Debug, Default)]
pub struct Offer {
    /// Every key of a secondary, once.
    pub keys: Vec<Key>,
    /// The zones, and the catalog.
    pub zones: Vec<OfferedZone>,
}

/// A zone with its secondaries.
#[derive(Clone, Debug)]
pub struct OfferedZone {
    /// Its apex.
    pub origin: LowerName,
    /// Who may have it.
    pub secondaries: Vec<Arc<Secondary>>,
    /// What it lists, if it is the catalog.
    pub catalog: Option<CatalogConfig>,
    /// Its newest version; `None` until all that it says is known.
    pub version: Option<Arc<Version>>,
    /// How the versions before differ from it.
    pub journal: Journal,
}

/// A server that may have a zone.
#[derive(Debug)]
pub struct Secondary {
    /// What the configuration says of it.
    pub config: SecondaryConfig,
    /// The key that it must use.
    pub key: Option<Key>,
    /// Its transfers at a time.
    pub places: Arc<Semaphore>,
}

/// A request for a transfer.
#[derive(Clone, Copy, Debug)]
pub struct Request<'r> {
    /// The zone that is asked for.
    pub origin: &'r LowerName,
    /// The serial that the sender has, if it asks for differences (IXFR).
    pub serial: Option<u32>,
    /// Where it comes from.
    pub client: IpAddr,
    /// The key that it is signed with.
    pub key: Option<&'r Key>,
    /// How it came.
    pub way: Way,
}

/// How a request came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// By UDP, with so many octets of room for records.
    Datagram {
        /// Octets for records.
        room: usize,
    },
    /// By TCP.
    Stream,
    /// By TLS.
    Encrypted,
}

/// What a request gets.
#[derive(Clone, Debug)]
pub enum Content {
    /// One message.
    One(Body),
    /// Messages that take a place of those for transfers.
    Several(Messages, Arc<Secondary>),
}

/// The messages of a transfer.
#[derive(Clone, Debug)]
pub enum Messages {
    /// These.
    Ready(Vec<Body>),
    /// The whole of this version.
    Whole(Arc<Version>),
}

/// Why a request gets nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denial {
    /// Nobody may have the zone.
    NotOffered,
    /// This one may not have it, or not in this way.
    Prohibited,
    /// It is not known yet what the zone says.
    NotReady,
}

impl Offer {
    /// What `config` offers, with what is known already of zones that were offered before.
    pub fn new(config: &TransferConfig, before: &Self) -> Self {
        let mut keys: Vec<Key> = Vec::new();
        let mut secondaries = |configs: &[SecondaryConfig]| -> Vec<Arc<Secondary>> {
            let secondary = |config: &SecondaryConfig| {
                let key = config.key.as_ref().map(Key::new);
                if let Some(key) = key.as_ref().filter(|key| !keys.contains(key)) {
                    keys.push(key.clone());
                }
                let places = Arc::new(Semaphore::new(TO_ONE));
                Arc::new(Secondary { config: config.clone(), key, places })
            };
            configs.iter().map(secondary).collect()
        };
        let zones = config.zones.iter().map(|zone| (&zone.origin, &zone.secondaries, None));
        let catalog = config.catalog.iter();
        let catalog = catalog.map(|one| (&one.origin, &one.secondaries, Some(one.clone())));
        let zones = zones.chain(catalog).map(|(origin, configs, catalog)| {
            let known = before.zone(origin).filter(|known| known.catalog == catalog);
            OfferedZone {
                origin: origin.clone(),
                secondaries: secondaries(configs),
                catalog,
                version: known.and_then(|known| known.version.clone()),
                journal: known.map(|known| known.journal.clone()).unwrap_or_default(),
            }
        });
        let zones = zones.collect();
        Self { keys, zones }
    }

    /// The zone with this apex.
    pub fn zone(&self, origin: &LowerName) -> Option<&OfferedZone> {
        self.zones.iter().find(|zone| zone.origin == *origin)
    }

    /// What `request` gets.
    ///
    /// # Errors
    /// Why it gets nothing.
    pub fn content(&self, request: Request<'_>) -> Result<Content, Denial> {
        let zone = self.zone(request.origin).ok_or(Denial::NotOffered)?;
        let secondary = zone.secondary(request).ok_or(Denial::Prohibited)?;
        let version = zone.version.as_ref().ok_or(Denial::NotReady)?;
        let only_encrypted = secondary.config.transport == TransferTransport::Tls;
        let soa = || Content::One(version.soa_body());
        match (request.serial, request.way) {
            (None, Way::Datagram { .. }) => return Err(Denial::Prohibited),
            // RFC 1995 section 2: to ask again by TCP is what one SOA alone says, too.
            (Some(_), Way::Datagram { .. }) if only_encrypted => return Ok(soa()),
            (_, Way::Stream) if only_encrypted => return Err(Denial::Prohibited),
            _ => {}
        }
        let whole = || {
            let messages = Messages::Whole(Arc::clone(version));
            Content::Several(messages, Arc::clone(secondary))
        };
        let Some(serial) = request.serial else { return Ok(whole()) };
        if !is_later(version.serial, serial) {
            return Ok(soa());
        }
        let bodies = zone.differences(version, serial);
        match (bodies, request.way) {
            (Some(mut bodies), Way::Datagram { room }) => match &bodies[..] {
                [one] if one.octets.len() <= room => Ok(Content::One(bodies.swap_remove(0))),
                _ => Ok(soa()),
            },
            (None, Way::Datagram { .. }) => Ok(soa()),
            (None, _) => Ok(whole()),
            (Some(mut bodies), Way::Stream) if bodies.len() == 1 => {
                Ok(Content::One(bodies.swap_remove(0)))
            }
            (Some(bodies), _) => {
                Ok(Content::Several(Messages::Ready(bodies), Arc::clone(secondary)))
            }
        }
    }
}

impl OfferedZone {
    /// The secondary that sent `request`: by its address, and by its key unless it has none.
    pub fn secondary(&self, request: Request<'_>) -> Option<&Arc<Secondary>> {
        let client = request.client.to_canonical();
        self.secondaries.iter().find(|secondary| {
            let is_key = secondary.key.as_ref().is_none_or(|key| Some(key) == request.key);
            secondary.config.address.to_canonical() == client && is_key
        })
    }

    /// Everything from `serial` to `version` as an answer to IXFR (RFC 1995 section 4); `None` when
    /// it is not kept, or longer than the whole zone.
    fn differences(&self, version: &Version, serial: u32) -> Option<Vec<Body>> {
        let differences: Vec<_> = self.journal.since(serial)?.collect();
        let octets = differences.iter().map(|difference| difference.octets).sum::<usize>();
        if octets > version.octets() {
            return None;
        }
        let soa = std::iter::once(&*version.soa);
        let changes = differences.iter().flat_map(|difference| &difference.records);
        Some(packed(soa.clone().chain(changes.map(|record| &**record)).chain(soa)))
    }
}

#[cfg(test)]
mod tests;
