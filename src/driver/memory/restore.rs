//! From what an earlier process left to a cluster's memory: names become places again.
//!
//! What is not configured any more is passed over, unless it has a new name only. An override has
//! the rest of its time: by the clock, and never more than it had left when it was saved, so that a
//! clock that was set back prolongs nothing. One whose time is over, or whose server has left, is
//! told and dropped.

use std::time::Duration;

use super::{
    history::{NAME_OCTETS, age, forks, gtid, history, positions},
    image::read_names,
    places::Places,
};
use crate::{
    answers::{ClusterListing, Layout},
    clock,
    engine::{
        ClusterId, Loss, Moment, Override, Remembered, RememberedLoss, RememberedOffice, WishKey,
    },
    report::{Change, DropReason, What},
    state::{ClusterImage, Image, LossImage, OverrideImage},
    wall_time::WallTime,
};

/// What comes back of one cluster.
#[derive(Debug)]
pub struct Restored {
    pub cluster: ClusterId,
    pub remembered: Remembered,
    pub overrides: Vec<Override>,
    /// Overrides that do not come back.
    pub dropped: Vec<Change>,
}

/// What `image` says of the clusters of `layout`, at `now`.
pub fn restore(image: &Image, layout: &Layout, now: Moment) -> Vec<Restored> {
    let time = Time { now, now_ms: clock::unix_millis(), saved_at_ms: image.saved_at_ms };
    let listings = (0..).map(ClusterId).zip(layout.clusters());
    let known = listings.filter_map(|(id, listing)| {
        let mut images = image.clusters.iter();
        let is_it = |name: &str| name.eq_ignore_ascii_case(&listing.name);
        let exact = image.clusters.get(&listing.name);
        let image =
            exact.or_else(|| images.find(|(name, _)| is_it(name)).map(|(_, image)| image))?;
        Some((id, listing, image))
    });
    known
        .map(|(cluster, listing, image)| {
            let reads = read_names(layout, cluster);
            let places = Places::new(image, listing);
            let remembered = remembered(image, &places, &reads, time.passed());
            let mut restored =
                Restored { cluster, remembered, overrides: Vec::new(), dropped: Vec::new() };
            for laid in &image.overrides {
                match time.resumed(laid, &places) {
                    Ok(laid) => restored.overrides.push(laid),
                    Err(why) => restored.dropped.push(time.dropped(laid, listing, why)),
                }
            }
            // What a pin was denied ends with it.
            let is_pin = |laid: &Override| laid.wish.key() == WishKey::Pin;
            restored.remembered.pin_denied &= restored.overrides.iter().any(is_pin);
            restored
        })
        .collect()
}

/// The memory of a cluster at the wall time `now_ms`.
fn remembered(
    image: &ClusterImage,
    places: &Places<'_>,
    reads: &[Box<str>],
    now_ms: u64,
) -> Remembered {
    let place = |name: &str| places.of(name);
    let placed = |names: &Vec<Box<str>>| {
        let mut placed: Vec<_> = names.iter().filter_map(|name| place(name)).collect();
        placed.sort_unstable();
        placed.dedup();
        placed
    };
    let reads = reads.iter().map(|name| image.reads.get(name).map(placed).unwrap_or_default());
    let superseded = image.superseded.iter().filter_map(|superseded| {
        let server = place(&superseded.server)?;
        let heir = superseded.by.as_deref().and_then(place);
        Some(RememberedLoss {
            server,
            heir: heir.filter(|heir| *heir != server),
            timeline: superseded.timeline,
            heir_gtid: gtid(&superseded.by_gtid),
            loss: match superseded.loss {
                LossImage::Name => Loss::Name,
                LossImage::Age => Loss::Age,
                LossImage::Precedence => Loss::Precedence,
                LossImage::Following => Loss::Following,
                LossImage::Acceptance => Loss::Acceptance,
            },
        })
    });
    let histories = image
        .servers
        .iter()
        .filter_map(|(name, server)| Some(history(place(name)?, server.history.as_ref()?, now_ms)));
    let mut remembered = Remembered {
        write: image.write.as_deref().and_then(place),
        last_writer: image.last_writer.as_deref().and_then(place),
        office: RememberedOffice {
            timeline: image.office.timeline,
            gtid: gtid(&image.office.gtid),
            began_with: gtid(&image.office.began_with),
            led: image.office.led_ms.map(|led| age(led, now_ms)),
            left: image.office.left,
        },
        reads: reads.collect(),
        identity: image.identity,
        group: image.group.clone().filter(|group| group.len() <= NAME_OCTETS),
        identity_accepted: image.identity_accepted,
        superseded: superseded.collect(),
        histories: histories.collect(),
        positions: positions(&image.reach, now_ms),
        forks: forks(&image.forks),
        pin_denied: image.pin_denied,
    };
    // One of each server, in config order: names in two cases of letters mean the same one.
    remembered.superseded.sort_by_key(|loss| loss.server);
    remembered.superseded.dedup_by_key(|loss| loss.server);
    remembered.histories.sort_by_key(|history| history.server);
    remembered.histories.dedup_by_key(|history| history.server);
    remembered
}

struct Time {
    now: Moment,
    now_ms: u64,
    saved_at_ms: u64,
}

impl Time {
    /// The override as it goes on, or why it does not.
    fn resumed(&self, laid: &OverrideImage, places: &Places<'_>) -> Result<Override, DropReason> {
        let wish = laid.wish().and_then(|wish| wish.try_map(|name| places.of(name).ok_or(())).ok());
        let Some(wish) = wish else {
            return Err(DropReason::ServerGone);
        };
        let left = laid.until_ms.map(|until| self.left(until));
        if left == Some(0) {
            return Err(DropReason::TimeOver);
        }
        Ok(Override {
            wish,
            author: laid.author.clone(),
            reason: laid.reason.clone(),
            since: self.before(self.now_ms.saturating_sub(laid.since_ms)),
            until: left.map(|left| self.now + Duration::from_millis(left)),
        })
    }

    /// Milliseconds that an override has left.
    fn left(&self, until_ms: u64) -> u64 {
        until_ms.saturating_sub(self.passed())
    }

    /// The wall time; that of the last save while the clock is behind it.
    fn passed(&self) -> u64 {
        self.now_ms.max(self.saved_at_ms)
    }

    /// The moment so many milliseconds ago.
    fn before(&self, millis: u64) -> Moment {
        let age = Duration::from_millis(millis);
        Moment::from_start(self.now.since_start().saturating_sub(age))
    }

    fn dropped(&self, laid: &OverrideImage, listing: &ClusterListing, why: DropReason) -> Change {
        let server = laid.server.clone();
        let reason = laid.reason.clone();
        let wish = laid.kind.map(|()| server.clone().unwrap_or_default());
        Change {
            at: WallTime::from_unix_millis(self.now_ms),
            cluster: Some(listing.name.clone()),
            what: What::OverrideDropped { wish, server, why, reason },
        }
    }
}
