//! What must be unique in the whole configuration.

use std::net::IpAddr;

use super::read::Firsts;

/// What must be unique in the whole configuration, and where it was first seen.
#[derive(Default)]
pub(super) struct Seen {
    pub(super) clusters: Firsts<String>,
    pub(super) servers: Firsts<String>,
    pub(super) published: Firsts<(IpAddr, u16)>,
}
