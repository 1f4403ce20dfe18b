//! A cluster as the state file has it: places become names, moments become wall times.

use std::collections::BTreeMap;

use super::{
    View,
    history::{fork_image, gtid_text, history_image, millis, reach_images},
};
use crate::{
    answers::{ClusterListing, Layout, NameRole},
    engine::{ClusterId, Loss, Moment, Override, Remembered, ServerId, ServerIndex},
    state::{ClusterImage, LossImage, OfficeImage, OverrideImage, ServerImage, SupersededImage},
    wall_time::WallTime,
};

/// What is to be kept of a cluster, whose memory is `remembered`.
pub fn cluster_image(id: ClusterId, remembered: &Remembered, view: View<'_>) -> ClusterImage {
    let View { engine, layout, start, now } = view;
    let Some(listing) = layout.clusters().get(id.0) else {
        return ClusterImage::default();
    };
    let named = Named { listing, start };
    let servers = listing.servers.iter().enumerate().map(|(index, server)| {
        let mut histories = remembered.histories.iter();
        let history = histories.find(|history| history.server == ServerIndex::new(index));
        let standing = engine.standing(ServerId { cluster: id, server: ServerIndex::new(index) });
        let image = ServerImage {
            state: standing.state.to_string().into(),
            reason: standing.reason.to_string().into(),
            since_ms: named.millis(standing.since),
            addresses: server.addresses.to_vec(),
            port: server.port,
            history: history.map(|history| history_image(history, named.millis(now))),
        };
        (Box::from(&*server.name), image)
    });
    let superseded = remembered.superseded.iter().filter_map(|loss| {
        Some(SupersededImage {
            server: named.server(loss.server)?,
            by: loss.heir.and_then(|heir| named.server(heir)),
            timeline: loss.timeline,
            by_gtid: gtid_text(&loss.heir_gtid),
            loss: match loss.loss {
                Loss::Name => LossImage::Name,
                Loss::Age => LossImage::Age,
                Loss::Precedence => LossImage::Precedence,
                Loss::Following => LossImage::Following,
                Loss::Acceptance => LossImage::Acceptance,
            },
        })
    });
    ClusterImage {
        write: remembered.write.and_then(|server| named.server(server)),
        last_writer: remembered.last_writer.and_then(|server| named.server(server)),
        office: OfficeImage {
            timeline: remembered.office.timeline,
            gtid: gtid_text(&remembered.office.gtid),
            began_with: gtid_text(&remembered.office.began_with),
            led_ms: remembered.office.led.map(|age| named.millis(now).saturating_sub(millis(age))),
            left: remembered.office.left,
        },
        reads: read_names(layout, id)
            .into_iter()
            .zip(&remembered.reads)
            .map(|(name, servers)| {
                (name, servers.iter().filter_map(|server| named.server(*server)).collect())
            })
            .collect(),
        identity: remembered.identity,
        group: remembered.group.clone(),
        identity_accepted: remembered.identity_accepted,
        superseded: superseded.collect(),
        reach: reach_images(&remembered.positions, named.millis(now)),
        forks: remembered.forks.iter().copied().map(fork_image).collect(),
        pin_denied: remembered.pin_denied,
        servers: servers.collect(),
        overrides: engine.overrides(id).iter().map(|laid| named.laid(laid)).collect(),
    }
}

/// The name of a cluster.
pub fn name_of(layout: &Layout, id: ClusterId) -> Box<str> {
    layout.clusters().get(id.0).map(|listing| listing.name.clone()).unwrap_or_default()
}

/// The DNS names of a cluster's read names, by their place in its decisions.
pub fn read_names(layout: &Layout, id: ClusterId) -> Vec<Box<str>> {
    let names = layout.served_of(id).filter_map(|name| match name.role {
        NameRole::Read { index, .. } => Some((index, name.name.to_string().into_boxed_str())),
        NameRole::Write => None,
    });
    BTreeMap::from_iter(names).into_values().collect()
}

struct Named<'a> {
    listing: &'a ClusterListing,
    start: WallTime,
}

impl Named<'_> {
    fn server(&self, index: ServerIndex) -> Option<Box<str>> {
        self.listing.server_name(index).map(Box::from)
    }

    fn laid(&self, laid: &Override) -> OverrideImage {
        OverrideImage {
            kind: laid.wish.map(|_| ()).key(),
            server: laid.wish.server().and_then(|server| self.server(server)),
            force: laid.wish.is_forced(),
            author: laid.author.clone(),
            reason: laid.reason.clone(),
            since_ms: self.millis(laid.since),
            until_ms: laid.until.map(|until| self.millis(until)),
        }
    }

    fn millis(&self, moment: Moment) -> u64 {
        self.start.at(moment).unix_millis()
    }
}
