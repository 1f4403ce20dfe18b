//! What a ledger asks its owner to do and to tell.

use std::net::{IpAddr, SocketAddr};

use super::entry::Place;
use crate::{
    discovery::{Attributes, Find, FindHost, Proof, SourceKind},
    engine::Endpoint,
};

/// A find with the addresses that its host has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// As the source has it.
    pub find: Find,
    /// Of its host: one for an address, any number for a name.
    pub addresses: Vec<IpAddr>,
}

/// Addresses of one host name that are looked at.
const ADDRESSES_MAX: usize = 4;

impl Sighting {
    /// Where it is, with `port` where the source does not know it.
    pub(super) fn places(&self, port: u16) -> Vec<Place> {
        let port = self.find.port.unwrap_or(port);
        let at = |address: &IpAddr| Place::At(SocketAddr::new(address.to_canonical(), port));
        match &self.find.host {
            FindHost::Name(name) if self.addresses.is_empty() => {
                vec![Place::Name(name.clone(), port)]
            }
            FindHost::Name(_) | FindHost::Address(_) => {
                self.addresses.iter().take(ADDRESSES_MAX).map(at).collect()
            }
        }
    }
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Ask the server there what it is, and say what came of it.
    Examine(SocketAddr),
    /// Let a server join its cluster, drained.
    Join(Newcomer),
    /// Say which addresses the host has by which a server that is proven calls itself.
    Locate(Newcomer, Endpoint),
    /// End the drain of a server that has joined.
    Ready(Box<str>),
    /// Take a server away that has left.
    Remove(Box<str>),
    /// Tell people.
    Tell(Notice),
}

/// A server that is to join.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Newcomer {
    /// Its name.
    pub name: Box<str>,
    /// Its address and port.
    pub at: SocketAddr,
    /// Links between it and a server that an operator vouches for.
    pub depth: u8,
    /// Its own id.
    pub instance: Option<Box<str>>,
    /// What it gets beside.
    pub attributes: Attributes,
    /// How it has proven itself.
    pub proof: Proof,
}

/// Something that people are told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// A source names a server that is none of the cluster's.
    Sighted {
        /// Where.
        at: Box<str>,
        /// Who names it.
        source: SourceKind,
    },
    /// A find carries the cluster's identity, is writable, and follows nobody.
    Stranger {
        /// Where.
        at: Box<str>,
    },
    /// A source has failed, or a part of what it says cannot be read.
    Source {
        /// Which.
        source: SourceKind,
        /// What is wrong, on one line.
        why: Box<str>,
    },
    /// So many servers have left at once that none is let go.
    Held {
        /// They.
        servers: Vec<Box<str>>,
    },
}
