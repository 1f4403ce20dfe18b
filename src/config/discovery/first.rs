//! Clusters without a server in the file: who can name the first.

use super::DiscoverySection;
use crate::{config::read::Field, discovery::SourceKind};

/// Whether a source can name a server where none is known: `replication` asks known ones, and so does
/// Patroni without hosts of its own.
pub fn names_the_first(field: &Field<DiscoverySection>) -> bool {
    let Some(section) = field.given() else { return matches!(field, Field::Faulty) };
    let sources = match &section.sources {
        Field::Given(sources) => sources.get_ref().as_slice(),
        Field::Absent => &[],
        Field::Faulty => return true,
    };
    let has_seed = section.patroni.given().is_some_and(|patroni| patroni.hosts.is_present());
    sources.iter().any(|source| match source.get_ref() {
        SourceKind::Replication => false,
        SourceKind::Patroni => has_seed,
        SourceKind::Dns
        | SourceKind::Kubernetes
        | SourceKind::File
        | SourceKind::Http
        | SourceKind::Command => true,
    })
}

/// How many servers a cluster may have that discovers them; 0 for one that does not.
pub fn most_servers(field: &Field<DiscoverySection>) -> usize {
    let most = |section: &DiscoverySection| {
        let given = section.max_servers.given();
        given.and_then(|most| most.number.try_into().ok()).unwrap_or(MAX_SERVERS)
    };
    field.given().map_or(0, most)
}

/// What to do about a cluster in which there is nobody to ask.
pub const FIRST_SERVER: &str = "add a [[cluster.server]] with name and address, or a \
                                [cluster.discovery] with a source that can name the first: dns, \
                                kubernetes, file, http, command, or patroni with `hosts`";

/// Clusters are smaller, and a list that names more is wrong.
pub const MAX_SERVERS: usize = 16;
