//! `[catalog]`: a zone that lists our zones, from which secondaries learn of new ones (RFC 9432).

use hickory_proto::rr::LowerName;
use toml::Spanned;

use super::{SecondaryConfig, ZoneTransfer};
use crate::config::read::{Conversion, Field, HostName, Section, section};

section! {
    /// A zone that lists our zones.
    CatalogSection = "[catalog]" {
        /// Its name, which no client asks for.
        origin: HostName,
        /// Who gets it, by the names of secondaries.
        secondaries: Vec<Spanned<String>>,
    }
}

/// A zone that lists our zones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CatalogConfig {
    /// Its name.
    pub origin: LowerName,
    /// Who gets it; each has a key.
    pub secondaries: Vec<SecondaryConfig>,
    /// The zones that it lists: those of its secondaries.
    pub members: Vec<LowerName>,
}

/// `[catalog]`, which may be left out.
pub fn convert(
    field: &Field<CatalogSection>,
    zones: &[ZoneTransfer],
    origins: &[LowerName],
    conversion: &mut Conversion<'_>,
) -> Option<CatalogConfig> {
    let given = field.given_with_place()?;
    let (place, section) = (given.span(), given.get_ref());
    let title = CatalogSection::TITLE;
    let origin =
        conversion.required(&section.origin, &place, (title, "origin = \"catalog.pointsman.\""));
    let names =
        conversion.required(&section.secondaries, &place, (title, "secondaries = [\"ns3\"]"));
    let (HostName(origin), names) = (origin?, names?);
    if let Some(zone) = origins.iter().find(|zone| zone.zone_of(origin) || origin.zone_of(zone)) {
        conversion.faults.add(
            section.origin.span().unwrap_or_default(),
            format!("the catalog `{origin}` overlaps the zone `{zone}`"),
            "choose a name that is in no zone and above none, as in \"catalog.pointsman.\"",
        );
    }
    let mut secondaries = Vec::new();
    for name in names {
        let called = name.get_ref().as_str();
        let all = || zones.iter().flat_map(|zone| &zone.secondaries);
        let fault = match all().find(|secondary| &*secondary.name == called) {
            None => ("no zone has a secondary", "write the name of a [[zone.secondary]]"),
            Some(one) if one.key.is_none() => {
                ("the catalog needs a `key`, unlike the secondary", "give that secondary a key")
            }
            Some(one) => {
                secondaries.push(one.clone());
                continue;
            }
        };
        conversion.faults.add(name.span(), format!("{} `{called}`", fault.0), fault.1);
    }
    let has = |zone: &ZoneTransfer, name: &str| zone.secondaries.iter().any(|s| &*s.name == name);
    let members = zones.iter().filter(|zone| secondaries.iter().any(|s| has(zone, &s.name)));
    let members: Vec<_> = members.map(|zone| zone.origin.clone()).collect();
    for zone in zones.iter().filter(|zone| members.contains(&zone.origin)) {
        if let Some(lacks) = secondaries.iter().find(|one| !has(zone, &one.name)) {
            conversion.faults.add(
                section.secondaries.span().unwrap_or_default(),
                format!(
                    "the catalog would give `{}` the zone `{}`, which does not have it as a \
                     secondary",
                    lacks.name, zone.origin
                ),
                "list the same secondaries in each of their zones",
            );
        }
    }
    Some(CatalogConfig { origin: origin.clone(), secondaries, members })
}
