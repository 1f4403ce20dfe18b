//! What operators have laid over a cluster, and what its names say.

use crate::engine::{
    Moment, Override, ReadDecision, ReadReason, ServerIndex, Wish, WishKey, WriteDecision,
    WriteReason,
};

/// The overrides of one cluster.
#[derive(Clone, Debug, Default)]
pub struct Overlay {
    laid: Vec<Override>,
    /// The pinned server has said that it is not writable since it was last eligible.
    denied: bool,
    /// An operator has acted since the last decision.
    touched: bool,
}

/// What the names of a cluster say.
#[derive(Clone, Debug)]
pub struct NameDecisions {
    pub write: WriteDecision,
    pub reads: Vec<ReadDecision>,
}

/// The pin that is in force.
#[derive(Clone, Copy, Debug)]
pub struct Pin {
    pub(super) server: ServerIndex,
    pub(super) even_if_not_writable: bool,
}

impl Overlay {
    /// The overrides of an earlier configuration, `touched` as a change of it is.
    pub fn after_change(laid: Vec<Override>, denied: bool) -> Self {
        Self { laid, denied, touched: true }
    }

    /// In the place of an earlier one of its kind.
    pub fn lay(&mut self, wished: Override) {
        self.touched = true;
        self.denied &= wished.wish.key() != WishKey::Pin;
        self.laid.retain(|before| before.wish.key() != wished.wish.key());
        self.laid.push(wished);
    }

    /// One that an earlier process has laid: what its server has said since stays said.
    pub fn resume(&mut self, laid: Override) {
        self.touched = true;
        self.laid.retain(|before| before.wish.key() != laid.wish.key());
        self.laid.push(laid);
    }

    /// The pinned server has said that it is not writable.
    pub fn deny(&mut self) {
        self.denied = true;
    }

    /// The pinned server is eligible, or nobody is pinned.
    pub fn forget_denial(&mut self) {
        self.denied = false;
    }

    pub fn lift(&mut self, key: WishKey) -> Option<Override> {
        let place = self.laid.iter().position(|laid| laid.wish.key() == key)?;
        self.touched = true;
        Some(self.laid.remove(place))
    }

    pub fn laid(&self) -> &[Override] {
        &self.laid
    }

    /// Whether the pinned server has said that it is not writable since it was last eligible.
    pub fn denied(&self) -> bool {
        self.denied
    }

    /// Whether an operator has acted since the last decision, or an override has ended.
    pub fn is_touched(&self) -> bool {
        self.touched
    }

    /// An operator has acted in another way than by an override.
    pub fn touch(&mut self) {
        self.touched = true;
    }

    /// A decision has taken everything into account.
    pub fn heeded(&mut self) {
        self.touched = false;
    }

    /// When the next override ends by itself.
    pub fn next_expiry(&self) -> Option<Moment> {
        self.laid.iter().filter_map(|laid| laid.until).min()
    }

    /// Takes away what has had its time.
    pub fn expire(&mut self, now: Moment) -> Vec<Override> {
        let (over, lasting) = std::mem::take(&mut self.laid)
            .into_iter()
            .partition(|laid| laid.until.is_some_and(|until| until <= now));
        self.laid = lasting;
        self.touched |= !Vec::is_empty(&over);
        over
    }

    pub fn has(&self, key: WishKey) -> bool {
        self.laid.iter().any(|laid| laid.wish.key() == key)
    }

    pub fn pin(&self) -> Option<Pin> {
        self.laid.iter().find_map(|laid| match laid.wish {
            Wish::Pin { server, even_if_not_writable } => {
                Some(Pin { server, even_if_not_writable })
            }
            _ => None,
        })
    }

    /// All drained servers, or those that are drained of writes too.
    pub fn drained(&self, of_writes: bool) -> Vec<ServerIndex> {
        let drained = self.laid.iter().filter_map(|laid| match laid.wish {
            Wish::Drain { server, force } => (force || !of_writes).then_some(server),
            _ => None,
        });
        drained.collect()
    }
}

impl NameDecisions {
    /// Nothing yet, for so many read names.
    pub fn nothing(reads: usize) -> Self {
        let (since, reason) = (Moment::START, ReadReason::NotReady);
        let read = ReadDecision { servers: Vec::new(), reason, since };
        let reason = WriteReason::NotReady;
        Self { write: WriteDecision { server: None, reason, since }, reads: vec![read; reads] }
    }
}
