//! A question for text about a cluster: what its answer is made of lies beside the table.

use hickory_proto::rr::LowerName;

use super::companion::Companion;
use crate::engine::{ClusterId, ServerId};

/// Asked for TXT records at a companion name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextQuestion {
    /// The name that was asked.
    pub owner: LowerName,
    /// What it is about.
    pub about: TextSubject,
}

/// What a text is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextSubject {
    /// What the served name at this place of the layout says, and why.
    Status(usize),
    /// What a server is, and why.
    Why(ServerId),
    /// The last changes of a cluster.
    Events(ClusterId),
}

impl TextQuestion {
    /// A question at the name `owner`; `None` for a companion that has no text.
    pub(super) fn new(owner: LowerName, companion: Companion) -> Option<Self> {
        let about = match companion {
            Companion::Status(served) => TextSubject::Status(served),
            Companion::Why(server) => TextSubject::Why(server),
            Companion::Events(cluster) => TextSubject::Events(cluster),
            Companion::Service(_) | Companion::Server(_) | Companion::Between => return None,
        };
        Some(Self { owner, about })
    }
}
