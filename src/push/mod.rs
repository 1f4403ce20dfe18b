//! What we say, in a zone of somebody else: each name of `[[publish]]` is kept by signed updates (RFC 2136).
//!
//! ```text
//! publish ──answer──▶ Pusher (one per name) ──questions, updates──▶ servers of the zone
//!                       │  ▲
//!                 Reading  Verdict
//!                       ▼  │
//!                     Ledger (pure) ──epoch──▶ state file
//! ```
//!
//! - Each update is a compare-and-swap on an owner record beside the name: it is taken only while that record says what
//!   was read. Of several writers the one with the higher epoch prevails; who is late changes nothing.
//! - The zone is read every 5 s and written on a difference only. A heartbeat in somebody else's zone is no way to be.
//! - What has records of somebody else is never touched.
//!
//! The pure half (`owner`, `reading`, `ledger`, `update`) reads no clock and opens no socket.

mod exchange;
mod fault;
mod ledger;
mod memory;
mod owner;
mod pusher;
mod reading;
mod seen;
mod update;
mod wanted;

use std::sync::Arc;

use tokio::task::JoinSet;

pub use self::{
    exchange::exchange,
    fault::PushFault,
    ledger::{Block, Ledger, PushRules, Remembered, Verdict, Why, Wish},
    memory::Memory,
    owner::{Fingerprint, Owner},
    reading::{OwnerText, Place, Reading},
    seen::{Astray, PushState, PushView, Pushes},
    update::{Guard, Update},
};
use self::{pusher::Pusher, seen::Sight};
use crate::{chronicle::Chronicle, clock::Clock, config::PublishConfig, publish::Reader};

/// What all pushers work with. Clones are the same.
#[derive(Clone, Debug)]
pub struct PushContext {
    /// What we say.
    pub reader: Reader,
    /// Where it is told what was done.
    pub chronicle: Chronicle,
    /// Which epochs there were.
    pub memory: Memory,
    /// What is seen of it.
    pub pushes: Pushes,
}

/// The tasks, one for each name. Dropping it ends them.
#[derive(Debug)]
pub struct PushService {
    context: PushContext,
    config: Vec<PublishConfig>,
    tasks: JoinSet<()>,
}

impl PushService {
    /// Nothing is pushed before a configuration is [followed](Self::follow).
    pub fn new(context: PushContext) -> Self {
        Self { context, config: Vec::new(), tasks: JoinSet::new() }
    }

    /// Goes on by another configuration. Needs a running tokio runtime.
    pub fn follow(&mut self, config: &[PublishConfig]) {
        if self.config == config {
            return;
        }
        self.config = config.to_vec();
        self.tasks = JoinSet::new();
        let mut sights = Vec::new();
        let clock = Clock::start();
        for publish in config {
            let publish = Arc::new(publish.clone());
            for record in &publish.records {
                let to = record.to.to_string();
                let epoch = self.context.memory.of(&to).map_or(0, |known| known.epoch);
                let sight = Sight::new(&publish.name, &record.from.to_string(), &to, epoch);
                sights.push(sight.clone());
                let pusher = Pusher::new((&publish, record), &self.context, sight, clock);
                self.tasks.spawn(pusher.run());
            }
        }
        self.context.pushes.replace(sights);
    }
}
