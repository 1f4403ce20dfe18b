//! The names that follow clusters, `name`, `ttl` and `ttl_unstable` of `[cluster.write]` and of
//! `[[cluster.read]]`: each in one zone, each once, none where static records are.

use std::{
    ops::{Range, RangeInclusive},
    time::Duration,
};

use super::{
    read::{Conversion, Field, Firsts, HostName},
    zone::Zones,
};
use crate::{answers::Zone, duration::written};
use hickory_proto::rr::{LowerName, RecordType};

/// The names accepted so far.
pub struct Names<'a> {
    zones: &'a Zones,
    seen: Firsts<LowerName>,
}

impl<'a> Names<'a> {
    /// None yet, to be placed into `zones`.
    pub(super) fn new(zones: &'a Zones) -> Self {
        Self { zones, seen: Firsts::default() }
    }

    /// Takes the name in `field`, if there is one, and reports what is wrong with it.
    pub(super) fn take(
        &mut self,
        field: &Field<HostName>,
        conversion: &mut Conversion<'_>,
    ) -> Option<LowerName> {
        let Field::Given(given) = field else {
            return None;
        };
        let HostName(name) = given.get_ref();
        let earlier = self.seen.earlier(name.clone(), given.span());
        let fault = match earlier {
            Some(first) => {
                let line = conversion.faults.line(&first);
                Some((
                    format!("`{name}` is already served, see line {line}"),
                    "give each name to one cluster and one rule".to_owned(),
                ))
            }
            None => self.misplaced(name),
        };
        if let Some((what, advice)) = fault {
            conversion.faults.add(given.span(), what, advice);
        }
        Some(name.clone())
    }

    /// Why `name` cannot be where it is, and what to do.
    fn misplaced(&self, name: &LowerName) -> Option<(String, String)> {
        let Some(origin) = self.zones.origin_of(name) else {
            let advice = format!("choose a name below {}, or add a [[zone]]", self.zones.listed());
            let what = format!("`{name}` lies in no zone");
            return self.zones.complete.then_some((what, advice));
        };
        if name == origin {
            return Some((
                format!("`{name}` is the apex of its zone"),
                format!("choose a name below it, as in `db-write.{origin}`"),
            ));
        }
        let zone = self.zones.zone(origin)?;
        if let Some(sets) = zone.records(name) {
            let kinds: Vec<String> = sets.keys().map(ToString::to_string).collect();
            return Some((
                format!("`{name}` has static records in its zone file ({})", kinds.join(", ")),
                "remove them or choose another name".into(),
            ));
        }
        shadow(name, zone).map(|(above, kind)| {
            (
                format!("`{name}` lies below `{above}`, which is a {kind}"),
                "choose a name that is not below it".into(),
            )
        })
    }
}

/// The static name above `name` that hides it, and as what.
fn shadow(name: &LowerName, zone: &Zone) -> Option<(LowerName, &'static str)> {
    let mut above = name.base_name();
    while above != *zone.origin() && zone.origin().zone_of(&above) {
        if let Some(sets) = zone.records(&above) {
            if sets.contains_key(&RecordType::CNAME) {
                return Some((above, "CNAME"));
            }
            if sets.contains_key(&RecordType::NS) {
                return Some((above, "delegation to other name servers"));
            }
        }
        above = above.base_name();
    }
    None
}

/// TTLs that make sense: at most a day.
pub const TTLS: RangeInclusive<u32> = 1..=86_400;

/// The TTLs of one name, in seconds.
#[derive(Clone, Copy)]
pub struct Ttls {
    pub ttl: u32,
    pub ttl_unstable: u32,
}

impl Ttls {
    /// Reports a `ttl_unstable` at `place` that is the longer one.
    pub fn check(self, place: Option<Range<usize>>, conversion: &mut Conversion<'_>) {
        if let (Some(place), true) = (place, self.ttl_unstable > self.ttl) {
            let times = [self.ttl_unstable, self.ttl];
            let [unstable, stable] = times.map(|time| written(Duration::from_secs(time.into())));
            conversion.faults.add(
                place,
                format!("`ttl_unstable` = \"{unstable}\" is longer than `ttl` = \"{stable}\""),
                "make it shorter: it is for the time of doubt",
            );
        }
    }
}

/// Why a setting that depends on roles is of no use.
pub const NO_ROLES: &str = "\"tcp\" servers have no roles";
