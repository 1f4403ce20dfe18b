//! What the discovery of a cluster works with, and what it is told.

use tokio::sync::oneshot;

use crate::{
    app::ears::Ears, chronicle::Chronicle, control::Control, metrics::DiscoveryReports,
    publish::Reader, state::Keeper,
};

/// Who lets servers come and go.
pub const AUTHOR: &str = "discovery";

/// What every cluster's discovery works with.
#[derive(Clone, Debug)]
pub struct Around {
    pub control: Control,
    pub reader: Reader,
    pub chronicle: Chronicle,
    pub keeper: Keeper,
    pub reports: DiscoveryReports,
    pub ears: Ears,
}

/// What a cluster's discovery is told by operators.
#[derive(Debug)]
pub enum Told {
    /// A server was removed.
    Removed(Box<str>),
    /// A server that was removed may be taken in again; whether there was one.
    Revive(Box<str>, oneshot::Sender<bool>),
}
