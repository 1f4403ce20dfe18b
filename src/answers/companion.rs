//! The names beside the served ones, by rule.
//!
//! | name | records |
//! | --- | --- |
//! | `_postgresql._tcp.<name>`, `_mysql._tcp.<name>` | SRV: the servers of the served name |
//! | `<server>.<zone>` | A and AAAA: all published addresses, whatever the server's state is |
//! | `_status.<name>` | TXT: what the name says and why, and every server of its cluster |
//! | `_why.<server>.<zone>` | TXT: what the server is, and why it is in which name |
//! | `_events.<cluster>.<zone>` | TXT: the last changes |
//!
//! A cluster has companions in every zone in which it has a name. What the configuration or a zone
//! file puts at such a name wins; an empty place between names does not, and neither does a
//! wildcard, which covers only what does not exist (RFC 4592 section 2.1.1). The names between a
//! companion and what is configured are empty non-terminals (RFC 8020).
//!
//! There are five names for each server, so they are not stored: a name that is not configured is
//! taken apart.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use foldhash::fast::FixedState;
use hickory_proto::rr::LowerName;

use super::{
    PublishedServer, ServedName,
    node::{Node, ZoneLayout},
};
use crate::engine::{ClusterId, ClusterKind, ServerId, ServerIndex};

/// The clusters, and which names there are beside those that they serve.
#[derive(Clone, Debug, Default)]
pub struct Directory {
    /// By [`ClusterId`].
    pub clusters: Vec<ClusterListing>,
    /// Names of other kinds do not exist.
    pub placed: BTreeSet<CompanionKind>,
}

/// What the configuration says of a cluster, for its companion names.
#[derive(Clone, Debug)]
pub struct ClusterListing {
    /// Its name, a label.
    pub name: Box<str>,
    /// What its servers speak.
    pub kind: ClusterKind,
    /// Its servers in config order; their names are labels, unique in the whole configuration.
    pub servers: Arc<[PublishedServer]>,
}

impl ClusterListing {
    /// The name of the server at this place; `None` when there is none.
    pub fn server_name(&self, server: ServerIndex) -> Option<&str> {
        self.servers.get(server.place()).map(|server| &*server.name)
    }
}

/// What a companion name is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CompanionKind {
    /// SRV records of a served name (RFC 2782).
    Service,
    /// The addresses of a server.
    Server,
    /// What a served name says, and why.
    Status,
    /// What a server is, and why.
    Why,
    /// What has changed in a cluster.
    Events,
}

/// A companion name that exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Companion {
    /// Of this served name.
    Service(usize),
    /// Of this server.
    Server(ServerId),
    /// Of this served name.
    Status(usize),
    /// Of this server.
    Why(ServerId),
    /// Of this cluster.
    Events(ClusterId),
    /// An empty non-terminal above one.
    Between,
}

impl Companion {
    /// What it is for; `None` for an empty non-terminal.
    pub fn kind(self) -> Option<CompanionKind> {
        match self {
            Self::Service(_) => Some(CompanionKind::Service),
            Self::Server(_) => Some(CompanionKind::Server),
            Self::Status(_) => Some(CompanionKind::Status),
            Self::Why(_) => Some(CompanionKind::Why),
            Self::Events(_) => Some(CompanionKind::Events),
            Self::Between => None,
        }
    }
}

/// The [`Directory`], ready to be searched.
#[derive(Debug)]
pub struct Companions {
    clusters: Vec<ClusterListing>,
    placed: BTreeSet<CompanionKind>,
    /// Server and cluster names in lower case.
    labels: HashMap<Box<[u8]>, Label, FixedState>,
    /// The zones in which each cluster has names, by their places in the layout.
    zones: Vec<Vec<usize>>,
}

/// Who is called so.
#[derive(Clone, Copy, Debug, Default)]
struct Label {
    server: Option<ServerId>,
    cluster: Option<ClusterId>,
}

impl Companions {
    /// The companions that `directory` describes, of the names that lie in these zones.
    pub fn new(directory: Directory, served: impl Iterator<Item = (ClusterId, usize)>) -> Self {
        let Directory { clusters, placed } = directory;
        let mut zones = vec![Vec::new(); clusters.len()];
        for (cluster, zone) in served {
            if let Some(zones) = zones.get_mut(cluster.0)
                && !zones.contains(&zone)
            {
                zones.push(zone);
            }
        }
        let mut labels = HashMap::<Box<[u8]>, Label, FixedState>::default();
        let lower = |name: &str| Box::from(name.to_ascii_lowercase().into_bytes());
        for (index, listing) in clusters.iter().enumerate() {
            let cluster = ClusterId(index);
            labels.entry(lower(&listing.name)).or_default().cluster = Some(cluster);
            for (index, server) in listing.servers.iter().enumerate() {
                let id = ServerId { cluster, server: ServerIndex::new(index) };
                labels.entry(lower(&server.name)).or_default().server = Some(id);
            }
        }
        Self { clusters, placed, labels, zones }
    }

    /// Whether both have the same companions with the same records, in whatever order of clusters
    /// and servers. The zones of the served names are the same in both.
    pub fn place_what(&self, other: &Self) -> bool {
        let sorted = |companions: &Self| {
            let mut servers: Vec<_> = companions
                .clusters
                .iter()
                .flat_map(|listing| {
                    let cluster = (listing.name.clone(), listing.kind as u8);
                    listing.servers.iter().map(move |server| (cluster.clone(), server.clone()))
                })
                .map(|(cluster, server)| {
                    let PublishedServer { name, addresses, port, weight } = server;
                    let mut addresses = addresses.to_vec();
                    addresses.sort_unstable();
                    (cluster, name, addresses, port, weight)
                })
                .collect();
            servers.sort_unstable();
            servers
        };
        self.placed == other.placed && sorted(self) == sorted(other)
    }

    /// What the configuration says of each cluster.
    pub fn listings(&self) -> &[ClusterListing] {
        &self.clusters
    }

    /// What the configuration says of a cluster.
    pub fn listing(&self, cluster: ClusterId) -> Option<&ClusterListing> {
        self.clusters.get(cluster.0)
    }

    /// What the configuration says of a server.
    pub fn server(&self, id: ServerId) -> Option<&PublishedServer> {
        self.listing(id.cluster)?.servers.get(id.server.place())
    }

    /// Whether a name of this label right below an apex may be a companion. The label is in lower
    /// case.
    pub fn knows(&self, label: &[u8]) -> bool {
        self.labels.contains_key(label)
    }

    /// The companion called `name`, which lies in the zone at this place of the layout and is not
    /// configured.
    pub fn find(
        &self,
        (place, zone): (usize, &ZoneLayout),
        served: &[ServedName],
        name: &LowerName,
    ) -> Option<Companion> {
        let mut labels = name.iter();
        let first = labels.next()?;
        match labels.len().checked_sub(zone.depth)? {
            0 => return self.right_below_apex(place, first),
            1 => {
                let above = self.labels.get(labels.next()?);
                let found = above.and_then(|above| self.beside_label(place, first, *above));
                if found.is_some() {
                    return found;
                }
            }
            _ => {}
        }
        let served_at = |name: &LowerName| match zone.nodes.get(name) {
            Some(Node::Served(index)) => Some((*index, self.listing(served[*index].cluster)?)),
            _ => None,
        };
        let above = name.base_name();
        match first {
            b"_status" => {
                let (index, _) = served_at(&above)?;
                self.placed(Companion::Status(index))
            }
            b"_tcp" => {
                let (index, listing) = served_at(&above)?;
                service_label(listing.kind)?;
                self.placed(Companion::Service(index)).map(|_| Companion::Between)
            }
            service if above.iter().next() == Some(&b"_tcp"[..]) => {
                let (index, listing) = served_at(&above.base_name())?;
                let spoken = service_label(listing.kind)? == service;
                self.placed(Companion::Service(index)).filter(|_| spoken)
            }
            _ => None,
        }
    }

    /// `<label>.<zone>`.
    fn right_below_apex(&self, zone: usize, label: &[u8]) -> Option<Companion> {
        let label = self.labels.get(label)?;
        let server = label.server.filter(|id| self.is_in(zone, id.cluster));
        let cluster = label.cluster.filter(|id| self.is_in(zone, *id));
        let below = [server.map(Companion::Why), cluster.map(Companion::Events)];
        let between = || below.into_iter().flatten().find_map(|below| self.placed(below));
        let itself = server.and_then(|id| self.placed(Companion::Server(id)));
        itself.or_else(|| between().map(|_| Companion::Between))
    }

    /// `_why` or `_events` in front of a label right below the apex.
    fn beside_label(&self, zone: usize, first: &[u8], above: Label) -> Option<Companion> {
        let found = match first {
            b"_why" => Companion::Why(above.server.filter(|id| self.is_in(zone, id.cluster))?),
            b"_events" => Companion::Events(above.cluster.filter(|id| self.is_in(zone, *id))?),
            _ => return None,
        };
        self.placed(found)
    }

    fn placed(&self, companion: Companion) -> Option<Companion> {
        let kind = companion.kind()?;
        self.placed.contains(&kind).then_some(companion)
    }

    fn is_in(&self, zone: usize, cluster: ClusterId) -> bool {
        self.zones.get(cluster.0).is_some_and(|zones| zones.contains(&zone))
    }
}

/// The service label of SRV names: `_postgresql` is registered with IANA for PostgreSQL, `_mysql`
/// for MySQL. What else has a port has no name for its service that we could know.
fn service_label(kind: ClusterKind) -> Option<&'static [u8]> {
    match kind {
        ClusterKind::Postgres => Some(b"_postgresql"),
        ClusterKind::MySql => Some(b"_mysql"),
        ClusterKind::Tcp => None,
    }
}
