//! Which name is what: static records, a served name, or an empty place between names.
//!
//! A layout comes from the configuration alone and is shared by every answer table until a reload,
//! so that building a table costs only what the decisions say.
//!
//! Every ancestor of a name exists too (RFC 8020): where it owns nothing it is an empty
//! non-terminal. That also holds for the ancestors of a zone of ours that lies inside another zone
//! of ours.

use std::collections::{BTreeSet, HashMap};

use hickory_proto::rr::LowerName;

use super::{
    ClusterListing, Directory, NameRole, PlacementError, ServedName, Zone,
    companion::{Companion, Companions},
    node::{ZoneLayout, absolute},
    wire_index::WireIndex,
};
use crate::engine::ClusterId;

/// The names of all zones. Immutable.
#[derive(Debug)]
pub struct Layout {
    /// Longest origin first, so that the first zone that encloses a name is the closest.
    zones: Vec<ZoneLayout>,
    served: Box<[ServedName]>,
    /// The number of each served name for whoever counts questions, see [`Self::succeeding`].
    slots: Vec<u32>,
    /// Each cluster with the places of its names in `served`, in order.
    by_cluster: Box<[(ClusterId, usize)]>,
    pub(super) companions: Companions,
    pub(super) index: WireIndex,
}

impl Layout {
    /// Places the served names into the zones, without companion names.
    ///
    /// Each name must lie in a zone, own no static records there, and not lie at or below a
    /// delegation.
    pub fn new(zones: &[Zone], served: Vec<ServedName>) -> Result<Self, PlacementError> {
        Self::with_companions(zones, served, Directory::default())
    }

    /// As [`Self::new`], with the companion names of the clusters in `directory`.
    pub fn with_companions(
        zones: &[Zone],
        served: Vec<ServedName>,
        directory: Directory,
    ) -> Result<Self, PlacementError> {
        let mut zones: Vec<_> = zones.iter().map(ZoneLayout::new).collect();
        zones.sort_by(|a, b| b.depth.cmp(&a.depth).then_with(|| a.origin.cmp(&b.origin)));
        if let Some(pair) = zones.windows(2).find(|pair| pair[0].origin == pair[1].origin) {
            return Err(PlacementError::ZoneTwice(pair[0].origin.clone()));
        }
        for index in 0..zones.len() {
            let origin = zones[index].origin.clone();
            let depth = zones[index].depth;
            if let Some(parent) =
                zones.iter_mut().find(|zone| zone.depth < depth && zone.origin.zone_of(&origin))
            {
                parent.insert_ancestors(&origin);
            }
        }
        let mut places = Vec::with_capacity(served.len());
        for (index, ServedName { name, cluster, .. }) in served.iter().enumerate() {
            let name = absolute(name);
            let (place, zone) = zones
                .iter_mut()
                .enumerate()
                .find(|(_, zone)| zone.origin.zone_of(&name))
                .ok_or_else(|| PlacementError::OutsideZones(name.clone()))?;
            zone.place(name, index)?;
            places.push((*cluster, place));
        }
        let mut by_cluster: Box<[_]> =
            served.iter().enumerate().map(|(index, name)| (name.cluster, index)).collect();
        by_cluster.sort_unstable();
        let companions = Companions::new(directory, places.into_iter());
        let index = WireIndex::new(&zones, &companions);
        let slots = (0..).take(served.len()).collect();
        Ok(Self { zones, served: served.into(), slots, by_cluster, companions, index })
    }

    /// This layout in the place of `last`: a served name keeps the slot that it had there, and one
    /// that is new gets one that no name has had.
    #[must_use]
    pub fn succeeding(mut self, last: &Self) -> Self {
        let kept: HashMap<_, _> =
            last.served.iter().map(|served| &served.name).zip(&last.slots).collect();
        let mut free = last.slots.iter().max().map_or(0, |most| most + 1);
        for (slot, served) in self.slots.iter_mut().zip(&self.served) {
            *slot = kept.get(&served.name).map_or(free, |slot| **slot);
            free = free.max(*slot + 1);
        }
        self
    }

    /// The slots of the [served names](Self::served), by which questions for them are counted.
    pub fn slots(&self) -> &[u32] {
        &self.slots
    }

    /// The companion called `name` in the zone at this place, if that is one.
    pub(super) fn companion(&self, zone: usize, name: &LowerName) -> Option<Companion> {
        self.companions.find((zone, &self.zones[zone]), &self.served, name)
    }

    /// The places of a cluster's names in [`Self::served`].
    pub(super) fn names_of(&self, cluster: ClusterId) -> impl Iterator<Item = usize> {
        let start = self.by_cluster.partition_point(|(of, _)| *of < cluster);
        let names = self.by_cluster[start..].iter().take_while(move |(of, _)| *of == cluster);
        names.map(|(_, index)| *index)
    }

    /// The served names in the order of the configuration.
    pub fn served(&self) -> &[ServedName] {
        &self.served
    }

    /// What the configuration says of each cluster, by [`ClusterId`].
    pub fn clusters(&self) -> &[ClusterListing] {
        self.companions.listings()
    }

    /// The names that follow a cluster, in the order of the configuration.
    pub fn served_of(&self, cluster: ClusterId) -> impl Iterator<Item = &ServedName> {
        self.names_of(cluster).map(|index| &self.served[index])
    }

    /// Whether both give the same names to zones, static records, clusters and servers, so that the
    /// same decisions publish the same records, whatever their order and TTLs are.
    pub(super) fn places_what(&self, other: &Self) -> bool {
        let same_zones = self.zones.len() == other.zones.len()
            && self.zones.iter().zip(&other.zones).all(|(one, other)| one.places_what(other));
        same_zones && self.companions.place_what(&other.companions) && {
            let names = |layout: &Self| -> BTreeSet<String> {
                let role = |name: &ServedName| match name.role {
                    NameRole::Write => "write",
                    NameRole::Read { .. } => "read",
                };
                let cluster = |name: &ServedName| {
                    let listing = layout.clusters().get(name.cluster.0);
                    listing.map(|listing| listing.name.clone()).unwrap_or_default()
                };
                let told =
                    |name: &ServedName| format!("{} {} {}", name.name, role(name), cluster(name));
                layout.served.iter().map(told).collect()
            };
            names(self) == names(other)
        }
    }

    /// The zones, longest origin first.
    pub(super) fn zones(&self) -> &[ZoneLayout] {
        &self.zones
    }

    /// The closest zone that encloses `name`, with its index.
    pub(super) fn zone_of(&self, name: &LowerName) -> Option<(usize, &ZoneLayout)> {
        self.zones.iter().enumerate().find(|(_, zone)| zone.origin.zone_of(name))
    }
}
