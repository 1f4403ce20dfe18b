//! What happened in a cluster, across changes of the configuration: changes are told by places, and
//! places move.

use std::sync::Arc;

use crate::{
    answers::{Happened, Layout, NameRole},
    engine::{ClusterId, Event, Override, ServerId, ServerIndex, Wish},
};

/// Where the servers and the read names of a cluster are after a change of the configuration.
#[derive(Debug)]
pub(super) struct Moves {
    cluster: ClusterId,
    /// By the place before; `None` for one that has left.
    servers: Vec<Option<ServerIndex>>,
    reads: Vec<Option<usize>>,
}

impl Moves {
    /// From a cluster of one layout to the same cluster in another one.
    pub(super) fn new(before: (&Layout, ClusterId), now: (&Layout, ClusterId)) -> Self {
        let ((old, from), (new, to)) = (before, now);
        let names = |layout: &Layout, id: ClusterId| -> Vec<Box<str>> {
            let listing = layout.clusters().get(id.0);
            let servers = listing.into_iter().flat_map(|listing| &*listing.servers);
            servers.map(|server| server.name.clone()).collect()
        };
        let (old_servers, new_servers) = (names(old, from), names(new, to));
        let server_now = |name: &str| {
            let place = new_servers.iter().position(|now| now.eq_ignore_ascii_case(name));
            place.map(ServerIndex)
        };
        let (old_reads, new_reads) = (reads(old, from), reads(new, to));
        let read_now = |name: &String| new_reads.iter().position(|now| now == name);
        Self {
            cluster: to,
            servers: old_servers.iter().map(|name| server_now(name)).collect(),
            reads: old_reads.iter().map(read_now).collect(),
        }
    }

    /// The same change by the places of now; `None` when it is about what has left.
    pub(super) fn moved(&self, happened: &Arc<Happened>) -> Option<Arc<Happened>> {
        let event = self.event(&happened.event)?;
        if event == happened.event {
            return Some(Arc::clone(happened));
        }
        Some(Arc::new(Happened { at: happened.at, event }))
    }

    fn event(&self, event: &Event) -> Option<Event> {
        let mut event = event.clone();
        match &mut event {
            Event::State { server, .. } | Event::Witness { server, .. } => {
                *server = ServerId { cluster: self.cluster, server: self.server(server.server)? };
            }
            Event::Write { cluster, from, to, .. } => {
                *cluster = self.cluster;
                for server in from.iter_mut().chain(to) {
                    *server = self.server(*server)?;
                }
            }
            Event::Read { cluster, name, from, to, .. } => {
                *cluster = self.cluster;
                *name = self.reads.get(*name).copied().flatten()?;
                for server in from.iter_mut().chain(to) {
                    *server = self.server(*server)?;
                }
            }
            Event::Override { cluster, laid, .. } => {
                *cluster = self.cluster;
                let Override { wish, .. } = &mut **laid;
                if let Wish::Drain { server, .. } | Wish::Pin { server, .. } = wish {
                    *server = self.server(*server)?;
                }
            }
            Event::Accepted { cluster, accepted } => {
                *cluster = self.cluster;
                accepted.server = self.server(accepted.server)?;
            }
            Event::Isolated | Event::Reconnected => {}
        }
        Some(event)
    }

    fn server(&self, before: ServerIndex) -> Option<ServerIndex> {
        self.servers.get(before.0).copied().flatten()
    }
}

/// The read names of a cluster by their place in its decisions.
fn reads(layout: &Layout, cluster: ClusterId) -> Vec<String> {
    let mut reads: Vec<_> = layout
        .served_of(cluster)
        .filter_map(|name| match name.role {
            NameRole::Read { index, .. } => Some((index, name.name.to_string())),
            NameRole::Write => None,
        })
        .collect();
    reads.sort_unstable();
    reads.into_iter().map(|(_, name)| name).collect()
}
