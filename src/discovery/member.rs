//! A server of the cluster as discovery sees it.

use std::{net::IpAddr, sync::Arc, time::Duration};

use super::Introduction;
use crate::engine::{Endpoint, Facts, ServerState};

/// One server of the cluster: of the file, added by hand, or found.
#[derive(Clone, Debug, PartialEq)]
pub struct Member {
    /// Its name.
    pub name: Box<str>,
    /// Where it is. At least one.
    pub addresses: Vec<IpAddr>,
    /// Its database port.
    pub port: u16,
    /// Host names under which others may know it.
    pub aliases: Vec<Box<str>>,
    /// `None` for a server that an operator vouches for.
    pub found: Option<FoundMember>,
    /// What the engine makes of it.
    pub state: ServerState,
    /// How long it has been down; `None` when it is not.
    pub down_for: Option<Duration>,
    /// Its last word, if its last probe brought one.
    pub word: Option<Arc<Word>>,
    /// Good replies without a failure between them.
    pub replies: u32,
}

/// What is known of a member that discovery let in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FoundMember {
    /// How many links lie between it and a server that an operator vouches for. At least 1.
    pub depth: u8,
    /// Its own id, when it joined.
    pub instance: Option<Box<str>>,
    /// Discovery drains it still.
    pub drained: bool,
}

/// A good reply of a server, with what it tells beside.
#[derive(Clone, Debug, PartialEq)]
pub struct Word {
    /// What it is.
    pub facts: Facts,
    /// What it says of itself and others.
    pub introduction: Introduction,
}

impl Member {
    /// Whether what it says can prove another one's kinship: it answers, and belongs here itself.
    pub fn vouches(&self) -> Option<&Word> {
        use ServerState::{
            OutOfService, Primary, ReadOnlyPrimary, Replica, ReplicaDetached, ReplicaLagging,
            Saturated,
        };
        let sound = matches!(
            self.state,
            Primary
                | ReadOnlyPrimary
                | Replica
                | ReplicaLagging
                | ReplicaDetached
                | OutOfService
                | Saturated
        );
        self.word.as_deref().filter(|_| sound)
    }

    /// Whether this is its host: an address of it, or a name under which it is known.
    pub fn is_on(&self, host: &str) -> bool {
        match host.parse::<IpAddr>() {
            Ok(address) => self.has_address(address),
            Err(_) => {
                let bare = |name: &str| name.trim_end_matches('.').to_ascii_lowercase();
                self.aliases.iter().any(|alias| bare(alias) == bare(host))
            }
        }
    }

    /// Whether it is at this address, by the configuration or by its own word.
    pub fn has_address(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.addresses.contains(&address)
    }

    /// Whether a replica that names `endpoint` means it: by its address or name, or by where it says
    /// itself that it is reached.
    pub fn is_at(&self, endpoint: &Endpoint) -> bool {
        let own = self.word.as_ref().and_then(|word| word.introduction.endpoint.as_ref());
        endpoint.port == self.port && self.is_on(&endpoint.host)
            || own.is_some_and(|own| own == endpoint)
    }

    /// How many links lie between it and a server that an operator vouches for.
    pub fn depth(&self) -> u8 {
        self.found.as_ref().map_or(0, |found| found.depth)
    }
}
