//! Servers that join a configuration in force. Only what is theirs is read, and nothing else anew: where
//! there are thousands of clusters, a join costs a copy and no reading.

use std::{collections::HashMap, net::IpAddr, path::Path, sync::Arc};

use toml::{Spanned, de::DeTable};

use super::{AddedServer, Config, Entry, OverlayError};
use crate::config::{
    ClusterConfig, ServerConfig,
    read::{Conversion, Faults, Section as _, System},
    seen::Seen,
    server::{self, ServerSection},
};

/// What has come of servers that were to join.
#[derive(Debug)]
pub struct Joined {
    /// With those that could.
    pub config: Config,
    /// Each of the others, by its place among the newcomers, and why.
    pub refused: Vec<(usize, OverlayError)>,
}

impl Config {
    /// This configuration with `newcomers` over it, beside those that are over it already. It is what
    /// [`with_added`](Self::with_added) makes of all of them together. Each is judged by itself, after
    /// those before it: one that cannot join keeps nobody else out.
    pub fn joined_by(self, newcomers: &[AddedServer]) -> Joined {
        let mut joining = Joining::begin(self);
        let refused = newcomers.iter().enumerate().filter_map(|(place, newcomer)| {
            joining.join(newcomer).err().map(|refused| (place, refused))
        });
        let refused = refused.collect();
        Joined { config: joining.end(), refused }
    }
}

/// A configuration that some have joined.
struct Joining {
    config: Config,
    added: Vec<AddedServer>,
    /// The places of the clusters, by their names in lower case.
    clusters: HashMap<String, usize>,
    /// The clusters of all servers, by their names in lower case.
    servers: HashMap<String, usize>,
    /// Whose each published address is.
    published: HashMap<(IpAddr, u16), Arc<str>>,
}

impl Joining {
    fn begin(config: Config) -> Self {
        let added = config.added.to_vec();
        let clusters = config.clusters.iter().map(|cluster| cluster.name.to_ascii_lowercase());
        let clusters = clusters.zip(0..).collect();
        let all = config.clusters.iter().map(|cluster| cluster.servers.len()).sum();
        let mut servers = HashMap::with_capacity(all);
        let mut published = HashMap::with_capacity(all);
        for (place, cluster) in config.clusters.iter().enumerate() {
            for server in &cluster.servers {
                servers.insert(server.name.to_ascii_lowercase(), place);
                published.extend(places_of(server));
            }
        }
        Self { config, added, clusters, servers, published }
    }

    fn end(self) -> Config {
        Config { added: self.added.into(), ..self.config }
    }

    /// One more server of a cluster, the last of its list.
    fn enter(&mut self, cluster: usize, server: ServerConfig) {
        self.servers.insert(server.name.to_ascii_lowercase(), cluster);
        self.published.extend(places_of(&server));
        let servers = &mut self.config.clusters[cluster].servers;
        servers.reserve_exact(1);
        servers.push(server);
    }

    fn join(&mut self, newcomer: &AddedServer) -> Result<(), OverlayError> {
        if let Some(&cluster) = self.servers.get(&newcomer.name.to_ascii_lowercase()) {
            let cluster = self.config.clusters[cluster].name.to_string();
            return Err(OverlayError::Taken { server: newcomer.name.clone(), cluster });
        }
        let place = self.clusters.get(&newcomer.cluster.to_ascii_lowercase()).copied();
        let place = place.ok_or_else(|| self.config.no_cluster(&newcomer.cluster))?;
        let cluster = &self.config.clusters[place];
        let mut server = read(newcomer, cluster, &self.config.file)?;
        server.found.clone_from(&newcomer.found);
        let taken = server.addresses.iter().find_map(|&address| {
            let whose = self.published.get(&(address, server.port))?;
            Some(OverlayError::Published {
                address,
                port: server.port,
                server: whose.as_ref().into(),
            })
        });
        if let Some(taken) = taken {
            return Err(taken);
        }
        if changes_how_others_are_read(cluster) {
            self.config.added = self.added.as_slice().into();
            let mut added = self.added.clone();
            added.push(newcomer.clone());
            *self = Self::begin(self.config.with_added(&added)?);
            return Ok(());
        }
        self.added.push(newcomer.clone());
        let cluster = &mut self.config.clusters[place];
        if let (true, Some(discovery)) = (cluster.servers.is_empty(), &mut cluster.discovery) {
            // Where none is given, that of the first server counts.
            discovery.rules.port = server.port;
        }
        self.enter(place, server);
        Ok(())
    }
}

/// Where a server is published, and that it is it.
fn places_of(server: &ServerConfig) -> impl Iterator<Item = ((IpAddr, u16), Arc<str>)> {
    server.addresses.iter().map(|address| ((*address, server.port), server.name.clone()))
}

/// Whether a newcomer would be the first that is asked itself: other keys of the cluster are needed
/// then, which only its sections have.
fn changes_how_others_are_read(cluster: &ClusterConfig) -> bool {
    cluster.usual_checks.database
        && !cluster.servers.is_empty()
        && !cluster.servers.iter().any(|server| server.checks.database)
}

/// A newcomer as if it were in the file.
fn read(
    newcomer: &AddedServer,
    cluster: &ClusterConfig,
    file: &Path,
) -> Result<ServerConfig, OverlayError> {
    let text = Entry::of(newcomer)?.table().to_string();
    let mut faults = Faults::new(file, &text);
    let (table, errors) = DeTable::parse_recoverable(&text);
    debug_assert!(errors.is_empty(), "{text}");
    let section = ServerSection::from_table(table.get_ref(), &mut faults);
    let mut conversion = Conversion::new(file, &System, faults);
    let checks = |_: &_, _: &mut Conversion<'_>| cluster.usual_checks.clone();
    let section = Spanned::new(0..text.len(), section);
    let around = (Some(cluster.kind), &mut Seen::default());
    let server = server::convert(&section, around, checks, &mut conversion);
    let server = conversion.finish(server).map_err(OverlayError::Faults)?;
    // Without a fault there is a server.
    server.ok_or_else(|| OverlayError::Address(newcomer.address.clone()))
}
