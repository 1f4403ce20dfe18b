//! `[[zone]]`: the zone files with their static records.

use std::{
    collections::HashMap,
    ops::Range,
    path::{Path, PathBuf},
};

use hickory_proto::rr::{LowerName, Name};
use toml::Spanned;

use super::{
    read::{Conversion, Fault, Field, Firsts, HostName, Position, Section, section},
    words::Words,
};
use crate::answers::Zone;

section! {
    /// One zone.
    ZoneSection = "[[zone]]" {
        /// The apex.
        origin: HostName,
        /// The master file.
        file: PathBuf,
    }
}

/// The zones of the configuration, as far as they could be read.
pub struct Zones {
    /// In the order of the file.
    origins: Vec<LowerName>,
    /// Each origin, with the place of its zone in `readable` if its file is without fault.
    places: HashMap<LowerName, Option<usize>>,
    readable: Vec<Zone>,
    /// Whether every origin is known, so that a name outside all of them really is outside.
    pub complete: bool,
}

impl Zones {
    /// The origin of the innermost zone that `name` lies in.
    pub fn origin_of(&self, name: &LowerName) -> Option<&LowerName> {
        let mut above = name.clone();
        loop {
            if let Some((origin, _)) = self.places.get_key_value(&above) {
                return Some(origin);
            }
            if above.is_root() {
                return None;
            }
            above = above.base_name();
        }
    }

    /// The zone at `origin`, if its file is without fault.
    pub fn zone(&self, origin: &LowerName) -> Option<&Zone> {
        let place = *self.places.get(origin)?;
        self.readable.get(place?)
    }

    /// Every origin, as a list for people.
    pub fn listed(&self) -> String {
        let origins: Vec<String> = self.origins.iter().map(|one| format!("`{one}`")).collect();
        origins.join(" or ")
    }

    /// The zones, once there is no fault.
    pub fn into_zones(self) -> Vec<Zone> {
        self.readable
    }
}

/// Reads every zone.
pub fn convert(field: &Field<Vec<Spanned<ZoneSection>>>, conversion: &mut Conversion<'_>) -> Zones {
    let sections = field.given().map_or(&[][..], Vec::as_slice);
    let mut zones = Zones {
        origins: Vec::new(),
        places: HashMap::new(),
        readable: Vec::new(),
        complete: !sections.is_empty(),
    };
    if sections.is_empty() && !matches!(field, Field::Faulty) {
        conversion
            .faults
            .add_whole("there is no zone", "add a [[zone]] with its origin and its file");
    }
    let mut seen = Firsts::default();
    for section in sections {
        let (place, section) = (section.span(), section.get_ref());
        let title = ZoneSection::TITLE;
        let example = (title, "origin = \"internal.\"");
        let origin = conversion.required(&section.origin, &place, example);
        let example = (title, "file = \"internal.zone\"");
        let file = conversion.required(&section.file, &place, example);
        let Some(origin) = origin.map(|origin| &origin.0) else {
            zones.complete = false;
            continue;
        };
        let origin_place = section.origin.span().unwrap_or(place);
        if let Some(first) = seen.earlier(origin.clone(), origin_place.clone()) {
            let line = conversion.faults.line(&first);
            conversion.faults.add(
                origin_place,
                format!("a second zone `{origin}`, the first is on line {line}"),
                "put all its records into one file",
            );
            continue;
        }
        zones.origins.push(origin.clone());
        let zone = match (file, section.file.span()) {
            (Some(file), Some(place)) => parse(origin, file, place, conversion),
            _ => None,
        };
        zones.places.insert(origin.clone(), zone.is_some().then_some(zones.readable.len()));
        zones.readable.extend(zone);
    }
    zones
}

/// The zone in `file`; every fault of it is reported in that file.
fn parse(
    origin: &LowerName,
    file: &Path,
    place: Range<usize>,
    conversion: &mut Conversion<'_>,
) -> Option<Zone> {
    let path = conversion.path(file);
    let octets = match conversion.sources.read(&path) {
        Ok(octets) => octets,
        Err(error) => {
            conversion.faults.add(
                place,
                format!("cannot read the zone file `{}`: {error}", path.display()),
                "create it or correct the path, which starts at this file's folder",
            );
            return None;
        }
    };
    let Ok(text) = String::from_utf8(octets) else {
        conversion.faults.add(
            place,
            format!("the zone file `{}` is not UTF-8", path.display()),
            "save it as ASCII or UTF-8",
        );
        return None;
    };
    let faults = match Zone::parse(&text, &Name::from(origin)) {
        Ok(zone) => return Some(zone),
        Err(faults) => faults,
    };
    for fault in faults {
        conversion.faults.add_elsewhere(Fault {
            file: path.clone(),
            position: Some(Position { line: fault.line, column: fault.column }),
            what: fault.what,
            advice: fault.advice,
        });
    }
    None
}

/// What a reload says of the zones.
pub fn changes(before: &[Zone], after: &[Zone], words: &mut Words) {
    for zone in after {
        let origin = zone.origin();
        match before.iter().find(|known| known.origin() == origin) {
            None => words.add(format!("zone {origin} is new")),
            Some(known) if !known.equals(zone) => {
                words.add(format!("zone {origin} has other records"));
            }
            Some(_) => {}
        }
    }
    for zone in before {
        if !after.iter().any(|kept| kept.origin() == zone.origin()) {
            words.add(format!("zone {} is gone", zone.origin()));
        }
    }
}
