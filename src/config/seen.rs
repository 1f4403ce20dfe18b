//! What must be unique in the whole configuration.

use std::net::IpAddr;

use super::read::Firsts;

/// What must be unique in the whole configuration, and where it was first seen.
#[derive(Default)]
pub struct Seen {
    pub clusters: Firsts<String>,
    pub servers: Firsts<String>,
    pub published: Firsts<(IpAddr, u16)>,
}
