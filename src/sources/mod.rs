//! How the sources of discovery are asked that are not the members themselves: files, commands and
//! services of the network.
//!
//! Rules that hold for each of them:
//!
//! - One deadline covers a whole question, and a source is never asked twice at a time.
//! - What a source says is bounded before it is read, and nothing of it is believed: it becomes
//!   [`Find`](crate::discovery::Find)s, and what cannot be read is missing with a reason.
//! - Host names are resolved here, beside everything else. One that cannot be resolved any more
//!   keeps the addresses that it had as long as the source names it: a resolver that fails takes
//!   nobody away.
//! - At most sixteen threads wait for the system's resolver, however many names there are, so that
//!   probes find theirs free.

mod command;
mod dns;
mod error;
mod file;
mod http;
mod kubernetes;
mod lookup;
mod patroni;
mod targets;

use std::{net::IpAddr, time::Duration};

use tokio::time::timeout;

use self::{dns::Dns, file::File, kubernetes::Kubernetes, patroni::Patroni, targets::targets};
pub use self::{error::AskError, lookup::Addresses};
use crate::{
    config::{ClusterConfig, SourceConfig, TargetHost, Whom},
    discovery::{Sighting, SourceKind, SourceReply},
};

/// What a source said.
#[derive(Clone, Debug)]
pub struct Heard {
    /// Which source.
    pub kind: SourceKind,
    /// Its reply.
    pub reply: SourceReply,
    /// The finds of the reply with the addresses of their hosts.
    pub sightings: Vec<Sighting>,
}

/// One source of one cluster, and what is kept of it between two questions.
#[derive(Debug, Default)]
pub struct Asker {
    addresses: Addresses,
    file: File,
    dns: Dns,
    patroni: Patroni,
    kubernetes: Kubernetes,
}

impl Asker {
    /// Asks `source` on behalf of `cluster`, once. It takes at most the source's time, and that of
    /// the lookups of names.
    pub async fn ask(&mut self, cluster: &ClusterConfig, source: &SourceConfig) -> Heard {
        let kind = source.kind();
        if let Whom::Dns(name) = &source.whom {
            let (reply, sightings) = self.dns.ask(name, source.timeout).await;
            return Heard { kind, reply, sightings };
        }
        let reply = self.reply(cluster, source).await.unwrap_or_else(SourceReply::failed);
        let known = |name: &str| member_named(cluster, name);
        let (reply, sightings) = self.addresses.sightings(reply, known).await;
        Heard { kind, reply, sightings }
    }

    /// Returns when a source that tells of changes itself has something new, which [`Self::ask`] gives then
    /// without asking anybody. Never otherwise. Cancel-safe.
    pub async fn news(&mut self) {
        self.kubernetes.news().await;
    }

    async fn reply(
        &mut self,
        cluster: &ClusterConfig,
        source: &SourceConfig,
    ) -> Result<SourceReply, AskError> {
        let (kind, time) = (source.kind(), source.timeout);
        match &source.whom {
            Whom::File(path) => targets(kind, &within(time, self.file.read(path)).await?),
            Whom::Command { program, arguments } => {
                targets(kind, &command::run(program, arguments, &cluster.name, time).await?)
            }
            Whom::Http(source) => targets(kind, &http::get(cluster, source, time).await?),
            Whom::Kubernetes(slices) => self.kubernetes.ask(cluster, slices, time).await,
            // It is asked with its own resolver, which knows the addresses.
            Whom::Dns(_) => Ok(SourceReply::Whole(Vec::new())),
            Whom::Patroni { hosts, port, tls } => {
                within(time, self.patroni.ask(cluster, (hosts, *port), tls)).await
            }
        }
    }
}

/// The addresses of the server that the configuration has under this host name.
fn member_named(cluster: &ClusterConfig, host: &str) -> Option<Vec<IpAddr>> {
    let bare = host.trim_end_matches('.');
    let mut servers = cluster.servers.iter();
    let server = servers.find(|server| match &server.target.host {
        TargetHost::Name(name) => name.trim_end_matches('.').eq_ignore_ascii_case(bare),
        TargetHost::Address(_) => false,
    })?;
    Some(server.addresses.to_vec())
}

/// What comes in time.
async fn within<T>(
    time: Duration,
    asked: impl Future<Output = Result<T, AskError>>,
) -> Result<T, AskError> {
    timeout(time, asked).await.unwrap_or(Err(AskError::Deadline(time)))
}

/// A pause that is `interval` but for five per cent, so that many sources are not asked at once.
pub fn pause(interval: Duration) -> Duration {
    interval.mul_f64(rand::random_range(0.95..=1.05))
}

/// Octets of one reply that are read. A thousand servers with all their labels have less.
const REPLY_MAX: usize = 1 << 20;

#[cfg(test)]
mod tests;
