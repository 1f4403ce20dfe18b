//! A change of the engine's by names.

use super::{Change, What};
use crate::{
    answers::{ClusterListing, Layout, NameRole},
    engine::{ClusterId, Event, ServerIndex},
    wall_time::WallTime,
};

impl Change {
    /// `event`, which happened at `at` in a cluster of `layout`.
    pub fn new(event: &Event, layout: &Layout, at: WallTime) -> Self {
        let places = Places::new(layout, event.cluster());
        let cluster = places.listing.map(|listing| listing.name.clone());
        let what = match event {
            Event::State { server, from, to, reason, detail } => What::State {
                server: places.server(server.server),
                from: *from,
                to: *to,
                reason: *reason,
                detail: detail.clone(),
            },
            Event::Witness { server, check, from, to, detail } => What::Witness {
                server: places.server(server.server),
                check: *check,
                from: *from,
                to: *to,
                detail: detail.clone(),
            },
            Event::Write { from, to, reason, .. } => What::Write {
                name: places.name(None),
                from: from.map(|server| places.server(server)),
                to: to.map(|server| places.server(server)),
                reason: *reason,
            },
            Event::Read { name, from, to, reason, .. } => What::Read {
                name: places.name(Some(*name)),
                from: places.servers(from),
                to: places.servers(to),
                reason: *reason,
            },
            Event::Override { laid, turn, .. } => {
                // A change does not tell how long it lasts.
                let laid = Box::new(laid.map(|server| places.server(server), |_| at));
                What::Override { laid, turn: turn.clone() }
            }
            Event::Accepted { accepted, .. } => What::Accepted {
                server: places.server(accepted.server),
                by: accepted.by.clone(),
                because: accepted.because.clone(),
            },
            Event::Isolated => What::Isolated,
            Event::Reconnected => What::Reconnected,
        };
        Self { at, cluster, what }
    }
}

/// What the places of a cluster are called.
struct Places<'a> {
    layout: &'a Layout,
    cluster: Option<ClusterId>,
    listing: Option<&'a ClusterListing>,
}

impl<'a> Places<'a> {
    fn new(layout: &'a Layout, cluster: Option<ClusterId>) -> Self {
        let listing = cluster.and_then(|ClusterId(id)| layout.clusters().get(id));
        Self { layout, cluster, listing }
    }

    fn server(&self, index: ServerIndex) -> Box<str> {
        self.listing.and_then(|listing| listing.server_name(index)).unwrap_or("?").into()
    }

    fn servers(&self, servers: &[ServerIndex]) -> Vec<Box<str>> {
        servers.iter().map(|server| self.server(*server)).collect()
    }

    /// The read name at this place of the cluster's, or the write name.
    fn name(&self, read: Option<usize>) -> Box<str> {
        let is_meant = |role| match role {
            NameRole::Write => read.is_none(),
            NameRole::Read { index, .. } => read == Some(index),
        };
        let names = self.cluster.map(|cluster| self.layout.served_of(cluster));
        let name = names.into_iter().flatten().find(|name| is_meant(name.role));
        name.map(|name| name.name.to_string()).unwrap_or_default().into()
    }
}
