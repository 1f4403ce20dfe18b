//! Who may see which companion names.

use std::net::IpAddr;

use crate::{answers::CompanionKind, config::ExposeConfig};

/// Whether `client` may see companion names of this kind.
pub(super) fn is_exposed(expose: &ExposeConfig, kind: CompanionKind, client: IpAddr) -> bool {
    let networks = match kind {
        CompanionKind::Service => &expose.srv,
        CompanionKind::Server => &expose.servers,
        CompanionKind::Status => &expose.status,
        CompanionKind::Why => &expose.why,
        CompanionKind::Events => &expose.events,
    };
    networks.contains(client)
}
