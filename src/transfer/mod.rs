//! Our zones in other DNS servers: secondaries that keep a copy and are told of each change.
//!
//! ```text
//! publish ──table──▶ editor ──Version, Journal──▶ Offer ◀──requests── dns (slow path)
//!                      │                            └──▶ Passage ──▶ one connection
//!                      └──serial──▶ notifier (one per zone and secondary) ──NOTIFY, SOA?──▶ secondary
//! ```
//!
//! - A copy is what we answer at one serial, never something else: while a change is published that the serial
//!   could not grow for, and while a name has no first decision, the version before stays.
//! - One serial never has two contents, and serials never go back: `[state]` sees to that over a restart, and a
//!   secondary without it is a fault of the configuration.
//! - Whoever asks needs a listed address and, unless `unsigned` is said, a key (TSIG).
//! - What is rendered is rendered once for all, beside the threads that answer queries.

mod catalog;
mod editor;
mod journal;
mod key;
mod notifier;
mod offer;
mod passage;
mod secondary_fault;
mod seen;
mod tsig;
mod version;
mod wire;

use std::{net::SocketAddr, sync::Arc};

use arc_swap::{ArcSwap, Guard};
use tokio::{
    sync::{Semaphore, watch},
    task::JoinSet,
};

use self::{editor::Editor, seen::Seen};
pub use self::{
    key::Key,
    offer::{Content, Denial, Messages, Offer, Request, Way},
    passage::{Passage, REFUSED},
    secondary_fault::SecondaryFault,
    seen::{LATE_AFTER, SecondaryState, SecondaryView},
    tsig::{Expected, Signer, TsigFault, TsigRefusal, check, sign_request},
    wire::{Head, last_record},
};
use crate::{
    answers::Copied,
    config::{TransferConfig, TransferTransport},
    publish::Reader,
};

/// Transfers at a time.
const AT_A_TIME: usize = 10;

/// What is offered now. A clone sees the same.
#[derive(Clone, Debug)]
pub struct Transfers {
    offer: Arc<ArcSwap<Offer>>,
    places: Arc<Semaphore>,
    seen: Seen,
}

/// Where we answer, by the way in which transfers travel.
#[derive(Clone, Debug, Default)]
pub struct Listening {
    /// By UDP and TCP.
    pub plain: Vec<SocketAddr>,
    /// By TLS.
    pub encrypted: Vec<SocketAddr>,
}

impl Listening {
    /// Where those reach us whose transfers travel so.
    fn of(&self, transport: TransferTransport) -> &[SocketAddr] {
        match transport {
            TransferTransport::Tcp => &self.plain,
            TransferTransport::Tls => &self.encrypted,
        }
    }
}

/// The tasks that keep the offer up to date and tell secondaries. Dropping it ends them.
#[derive(Debug)]
pub struct TransferService {
    config: watch::Sender<Arc<TransferConfig>>,
    _editor: JoinSet<()>,
}

impl Default for Transfers {
    fn default() -> Self {
        Self {
            offer: Arc::default(),
            places: Arc::new(Semaphore::new(AT_A_TIME)),
            seen: Seen::default(),
        }
    }
}

impl Transfers {
    /// What is offered at this moment, for one request.
    pub fn offer(&self) -> Guard<Arc<Offer>> {
        self.offer.load()
    }

    /// The places of transfers.
    pub fn places(&self) -> &Arc<Semaphore> {
        &self.places
    }

    /// How far every secondary is, in the order of the configuration.
    pub fn secondaries(&self) -> Vec<SecondaryView> {
        self.seen.views()
    }

    /// Begins to offer what `config` says of what `reader` reads. NOTIFY leaves from the first of the
    /// addresses that may reach a secondary: it takes it from where it fetches the zone only. Needs a running
    /// tokio runtime.
    pub fn serve(
        &self,
        config: TransferConfig,
        copied: Copied,
        listening: Listening,
        reader: &Reader,
    ) -> TransferService {
        let (sender, configs) = watch::channel(Arc::new(config));
        let editor = Editor::new(self.clone(), configs, copied, listening, reader);
        TransferService { config: sender, _editor: JoinSet::from_iter([editor.run()]) }
    }
}

impl TransferService {
    /// Goes on by another configuration.
    pub fn follow(&self, config: &TransferConfig) {
        self.config.send_if_modified(|current| {
            let differs = **current != *config;
            if differs {
                *current = Arc::new(config.clone());
            }
            differs
        });
    }
}
