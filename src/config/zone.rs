//! `[[zone]]`: the zone files with their static records, or the few records that are made up.

use std::{
    collections::{BTreeSet, HashMap},
    fmt::Write as _,
    net::{IpAddr, SocketAddr},
    ops::Range,
    path::{Path, PathBuf},
};

use hickory_proto::rr::{LowerName, Name};
use toml::Spanned;

use super::{
    dns::DnsConfig,
    read::{Conversion, Fault, Field, Firsts, HostName, Position, Section, section},
    transfer::{self, Keys, SecondarySection, ZoneTransfer},
    ttl::Ttl,
    words::Words,
};
use crate::answers::Zone;

section! {
    /// One zone.
    ZoneSection = "[[zone]]" {
        /// The apex.
        origin: HostName,
        /// The master file. Without it the zone has an SOA and one name server, which is us.
        file: PathBuf,
        /// After so long secondaries look for changes that they were not told of, in place of the
        /// SOA's.
        refresh: Ttl [1..=3_600] = 3_600,
        /// After so long without us secondaries answer no more, in place of the SOA's.
        expire: Ttl [5..=2_419_200] = 604_800,
        /// Servers that keep a copy.
        secondary: Vec<Spanned<SecondarySection>>,
    }
}

/// The zones of the configuration, as far as they could be read.
pub struct Zones {
    /// In the order of the file.
    origins: Vec<LowerName>,
    /// Each origin, with the place of its zone in `readable` if its file is without fault.
    places: HashMap<LowerName, Option<usize>>,
    readable: Vec<Zone>,
    /// Those that other servers keep copies of.
    transferred: Vec<ZoneTransfer>,
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

    /// Every origin, in the order of the file.
    pub fn origins(&self) -> &[LowerName] {
        &self.origins
    }

    /// Those that other servers keep copies of, in the order of the file.
    pub fn transferred(&self) -> &[ZoneTransfer] {
        &self.transferred
    }

    /// The zones, once there is no fault.
    pub fn into_zones(self) -> Vec<Zone> {
        self.readable
    }
}

/// Reads every zone. One without a file is made up of where we listen.
pub fn convert(
    field: &Field<Vec<Spanned<ZoneSection>>>,
    (dns, keys): (&DnsConfig, &Keys),
    conversion: &mut Conversion<'_>,
) -> Zones {
    let sections = field.given().map_or(&[][..], Vec::as_slice);
    let mut zones = Zones {
        origins: Vec::new(),
        places: HashMap::new(),
        readable: Vec::new(),
        transferred: Vec::new(),
        complete: !sections.is_empty(),
    };
    if sections.is_empty() && !matches!(field, Field::Faulty) {
        conversion.faults.add_whole("there is no zone", "add a [[zone]] with its origin");
    }
    let mut seen = Firsts::default();
    for section in sections {
        let (place, section) = (section.span(), section.get_ref());
        let example = (ZoneSection::TITLE, "origin = \"db.internal.\"");
        let origin = conversion.required(&section.origin, &place, example);
        let Some(origin) = origin.map(|origin| &origin.0) else {
            zones.complete = false;
            continue;
        };
        let origin_place = section.origin.span().unwrap_or(place);
        if let Some(first) = seen.earlier(origin.clone(), origin_place.clone()) {
            let line = conversion.faults.line(&first);
            conversion.faults.add(
                origin_place.clone(),
                format!("a second zone `{origin}`, the first is on line {line}"),
                "put all its records into one file",
            );
            continue;
        }
        zones.origins.push(origin.clone());
        let zone = match &section.file {
            Field::Given(file) => parse(origin, file.get_ref(), file.span(), conversion),
            Field::Absent => made_up(origin, origin_place, &dns.listen, conversion),
            Field::Faulty => None,
        };
        let secondaries = transfer::secondaries(&section.secondary, (keys, dns), conversion);
        if !secondaries.is_empty() {
            zones.transferred.push(ZoneTransfer { origin: origin.clone(), secondaries });
        }
        let zone = zone.map(|zone| with_times(zone, section, conversion));
        zones.places.insert(origin.clone(), zone.is_some().then_some(zones.readable.len()));
        zones.readable.extend(zone);
    }
    zones
}

/// `zone` with the times of its section in place of those of its SOA record. A secondary that cannot reach us
/// tries again no later than it would look for changes.
fn with_times(zone: Zone, section: &ZoneSection, conversion: &mut Conversion<'_>) -> Zone {
    let refresh = section.refresh.is_present().then(|| section.refresh(conversion));
    let expire = section.expire.is_present().then(|| section.expire(conversion));
    let zone = zone.with_times(refresh, expire);
    let (soa, _) = zone.soa();
    let place = section.expire.span().or_else(|| section.refresh.span());
    if let Some(place) = place.filter(|_| soa.expire <= soa.refresh) {
        conversion.faults.add(
            place,
            format!(
                "secondaries would give the zone up after {} s, before they ask for it again after \
                 {} s",
                soa.expire, soa.refresh
            ),
            "make `expire` longer than `refresh`; the zone file's SOA has what is left out here",
        );
    }
    zone
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
    // Editors of some systems begin a file of UTF-8 with a byte order mark.
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let faults = match Zone::parse(text, &Name::from(origin)) {
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

/// The zone without a file: an SOA, and `ns1` as its name server, with the addresses at which we
/// `listen`. A wildcard address (`0.0.0.0`, `[::]`) is none that a resolver could ask and is left
/// out.
fn made_up(
    origin: &LowerName,
    place: Range<usize>,
    listen: &[SocketAddr],
    conversion: &mut Conversion<'_>,
) -> Option<Zone> {
    let addresses: BTreeSet<IpAddr> = listen.iter().map(SocketAddr::ip).collect();
    let asked = addresses.iter().filter(|address| !address.is_unspecified());
    let mut text = String::from(MADE_UP);
    for address in asked.clone() {
        let kind = if address.is_ipv4() { "A" } else { "AAAA" };
        // Writing to a string cannot fail.
        let _ = writeln!(text, "ns1 1h {kind} {address}");
    }
    if asked.count() == 0 {
        // An empty `listen` is a fault already.
        if !listen.is_empty() {
            let what = format!(
                "the zone `{origin}` has no `file`, and `listen` of [dns] has only wildcard \
                 addresses, which no name server of a made-up zone can have"
            );
            let advice = "name an address of this host in `listen`, or write a zone file";
            conversion.faults.add(place, what, advice);
        }
        return None;
    }
    Zone::parse(&text, &Name::from(origin))
        .map_err(|_| {
            let what = format!("`ns1.{origin}`, the name server of the zone, is too long");
            conversion.faults.add(place, what, "write a zone file, or choose a shorter origin");
        })
        .ok()
}

/// What a made-up zone begins with. The serial is replaced; the other times are those of the
/// shipped zone file.
const MADE_UP: &str = "@ 1s SOA ns1 hostmaster 1 1h 10m 1d 1s\n@ 1h NS ns1\n";

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
