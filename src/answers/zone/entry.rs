//! From one entry of a master file to one record, with what earlier entries have set: origin, TTL,
//! owner.
//!
//! `$TTL` wins over the last stated TTL (RFC 2308 section 4 over RFC 1035 section 5.1). hickory
//! reads the data of a record; every field reaches it in quotes, so that its lexer takes each as it
//! is.

use hickory_proto::{
    rr::{DNSClass, Name, Record, RecordType},
    serialize::{
        binary::BinEncodable,
        txt::{ParseError, Parser, parse_ttl},
    },
};

use super::{
    ZoneFault,
    lines::{Entry, Token},
};

/// Largest TTL in seconds (RFC 2181 section 8).
const TTL_MAX: u32 = 0x7FFF_FFFF;

/// Where reading stands between two entries.
pub struct Cursor {
    zone: Name,
    origin: Name,
    owner: Option<Name>,
    default_ttl: Option<u32>,
    last_ttl: Option<u32>,
}

impl Cursor {
    /// At the start of the file of `zone`.
    pub fn new(zone: &Name) -> Self {
        let mut zone = zone.clone();
        zone.set_fqdn(true);
        Self { origin: zone.clone(), zone, owner: None, default_ttl: None, last_ttl: None }
    }

    /// The zone's name, absolute.
    pub fn zone(&self) -> &Name {
        &self.zone
    }

    /// The record of `entry`; `None` when it is a directive.
    pub fn read(&mut self, entry: &Entry) -> Result<Option<Record>, ZoneFault> {
        let Some((first, rest)) = entry.tokens.split_first() else {
            return Ok(None);
        };
        if !entry.inherits_owner && !first.quoted && first.text.starts_with('$') {
            self.directive(first, rest)?;
            return Ok(None);
        }
        let fields = if entry.inherits_owner {
            &entry.tokens
        } else {
            self.owner = Some(self.name(first)?);
            rest
        };
        let owner = self.owner.clone().ok_or_else(|| {
            first.fault(
                "the first record has no name before it",
                "begin the line with a name, or with @ for the zone itself",
            )
        })?;
        if !self.zone.zone_of(&owner) {
            return Err(first.fault(
                format!("`{owner}` is outside the zone `{}`", self.zone),
                "remove the record, or end a relative name without a dot",
            ));
        }
        self.record(first, owner, fields).map(Some)
    }

    fn directive(&mut self, name: &Token, values: &[Token]) -> Result<(), ZoneFault> {
        let directive = name.text.to_ascii_uppercase();
        match (directive.as_str(), values) {
            ("$ORIGIN", [origin]) => self.origin = self.name(origin)?,
            ("$TTL", [ttl]) => self.default_ttl = Some(seconds(ttl)?),
            ("$ORIGIN" | "$TTL", _) => {
                return Err(name.fault(
                    format!("`{directive}` takes exactly one value"),
                    "write `$ORIGIN example.internal.` or `$TTL 1h` on a line of its own",
                ));
            }
            ("$INCLUDE", _) => {
                return Err(
                    name.fault("`$INCLUDE` is not supported", "copy the records into this file")
                );
            }
            _ => {
                return Err(name.fault(
                    format!("`{}` is not a directive", name.text),
                    "use $ORIGIN, $TTL or a record",
                ));
            }
        }
        Ok(())
    }

    /// A domain name, relative to the current origin unless it ends in a dot.
    fn name(&self, token: &Token) -> Result<Name, ZoneFault> {
        match token.text.as_str() {
            "@" if !token.quoted => Ok(self.origin.clone()),
            text => Name::parse(text, Some(&self.origin)).map_err(|_| {
                token.fault(
                    format!("`{text}` is not a domain name"),
                    "use labels of 1 to 63 letters, digits, - and _, at most 255 octets in all",
                )
            }),
        }
    }

    fn record(
        &mut self,
        first: &Token,
        owner: Name,
        fields: &[Token],
    ) -> Result<Record, ZoneFault> {
        let head = Head::read(first, fields)?;
        let ttl = match head.ttl {
            Some(ttl) => {
                self.last_ttl = Some(ttl);
                ttl
            }
            None => self.default_ttl.or(self.last_ttl).ok_or_else(|| {
                first.fault(
                    "no TTL is known for this record",
                    "put `$TTL 1h` at the top of the file or a TTL before the type",
                )
            })?,
        };
        let mut record = self.data(first, head.kind, ttl, head.data)?;
        record.name = owner;
        match record.to_bytes() {
            Ok(bytes) if bytes.len() <= usize::from(u16::MAX) => Ok(record),
            Ok(_) => Err(first.fault("the record is over 65535 octets", "shorten it")),
            Err(error) => Err(first.fault(
                format!("the record does not fit the wire format ({error})"),
                "keep each text within 255 octets; write several texts for more",
            )),
        }
    }

    fn data(
        &self,
        first: &Token,
        kind: RecordType,
        ttl: u32,
        data: &[Token],
    ) -> Result<Record, ZoneFault> {
        check_fields(first, kind, data)?;
        let mut text = format!("@ {ttl} IN {kind}");
        for token in data {
            let value = match token.text.as_str() {
                "@" if !token.quoted => self.origin.to_ascii(),
                value => value.to_owned(),
            };
            let value = value.replace('\\', "\\\\").replace('"', "\\\"");
            text.extend([" \"", &value, "\""]);
        }
        text.push('\n');
        let (_, sets) =
            Parser::new(text, None, Some(self.origin.clone())).parse().map_err(|error| {
                let place = data.first().unwrap_or(first);
                place.fault(misread(kind, data, &error), format!("write it as `{}`", form(kind)))
            })?;
        sets.into_values()
            .find_map(|set| set.into_parts().records.into_iter().next())
            .ok_or_else(|| first.fault(format!("an empty {kind} record"), "complete or remove it"))
    }
}

/// What stands before the data of a record.
struct Head<'a> {
    ttl: Option<u32>,
    kind: RecordType,
    data: &'a [Token],
}

impl<'a> Head<'a> {
    /// `[TTL] [class] type`, the first two in either order.
    fn read(first: &Token, mut fields: &'a [Token]) -> Result<Self, ZoneFault> {
        let (mut ttl, mut class) = (None, None);
        while let Some((token, rest)) = fields.split_first() {
            fields = rest;
            let word = token.text.to_ascii_uppercase();
            if ttl.is_none() && parse_ttl(&word).is_ok() {
                ttl = Some(seconds(token)?);
            } else if let (None, Ok(found)) = (class, word.parse::<DNSClass>()) {
                class = Some(found);
                if found != DNSClass::IN {
                    return Err(token.fault(
                        format!("class {word} is not served"),
                        "use IN or leave the class out",
                    ));
                }
            } else {
                let kind = record_type(token, &word)?;
                return Ok(Self { ttl, kind, data: fields });
            }
        }
        Err(first.fault(
            "the record has no type",
            "write `name TTL type data`, as in `www 60 A 10.0.0.80`",
        ))
    }
}

/// A type that a zone file may hold.
fn record_type(token: &Token, word: &str) -> Result<RecordType, ZoneFault> {
    let kind = word.parse::<RecordType>().map_err(|_| {
        token.fault(
            format!("`{}` is not a record type", token.text),
            "write `name TTL type data`, as in `www 60 A 10.0.0.80`",
        )
    })?;
    match form(kind) {
        "" => Err(token.fault(
            format!("{kind} records cannot be served from a zone file"),
            "remove the record",
        )),
        _ => Ok(kind),
    }
}

/// How the data of a type is written; empty for types that a zone file may not hold.
fn form(kind: RecordType) -> &'static str {
    match kind {
        RecordType::A => "A 10.0.0.1",
        RecordType::AAAA => "AAAA fd00::1",
        RecordType::CAA => "CAA 0 issue \"ca.example\"",
        RecordType::CERT => "CERT type key-tag algorithm base64",
        RecordType::CNAME => "CNAME target",
        RecordType::CSYNC => "CSYNC serial flags types",
        RecordType::HINFO => "HINFO \"cpu\" \"os\"",
        RecordType::HTTPS => "HTTPS priority target parameters",
        RecordType::MX => "MX 10 mail",
        RecordType::NAPTR => "NAPTR order preference \"flags\" \"service\" \"regexp\" replacement",
        RecordType::NS => "NS ns1",
        RecordType::OPENPGPKEY => "OPENPGPKEY base64",
        RecordType::PTR => "PTR target",
        RecordType::SMIMEA => "SMIMEA usage selector matching hex",
        RecordType::SOA => "SOA ns1 hostmaster serial refresh retry expire minimum",
        RecordType::SRV => "SRV priority weight port target",
        RecordType::SSHFP => "SSHFP algorithm type hex",
        RecordType::SVCB => "SVCB priority target parameters",
        RecordType::TLSA => "TLSA usage selector matching hex",
        RecordType::TXT => "TXT \"text\"",
        _ => "",
    }
}

/// How many fields the data of a type has, where that is fixed.
fn field_count(kind: RecordType) -> Option<usize> {
    match kind {
        RecordType::A | RecordType::AAAA | RecordType::CNAME | RecordType::NS | RecordType::PTR => {
            Some(1)
        }
        RecordType::HINFO | RecordType::MX => Some(2),
        RecordType::CAA => Some(3),
        RecordType::SRV => Some(4),
        RecordType::NAPTR => Some(6),
        RecordType::SOA => Some(7),
        _ => None,
    }
}

/// Catches what hickory would let pass: missing data, surplus fields, escapes in bare texts.
fn check_fields(first: &Token, kind: RecordType, data: &[Token]) -> Result<(), ZoneFault> {
    let write = || format!("write it as `{}`", form(kind));
    if data.is_empty() {
        return Err(first.fault(format!("the {kind} record has no data"), write()));
    }
    if let Some(count) = field_count(kind)
        && data.len() != count
    {
        let place = data.get(count).unwrap_or(first);
        let what = format!("{kind} takes {count} field(s) of data, not {}", data.len());
        return Err(place.fault(what, write()));
    }
    let holds_text =
        matches!(kind, RecordType::TXT | RecordType::HINFO | RecordType::CAA | RecordType::NAPTR);
    match data.iter().find(|token| !token.quoted && token.text.contains('\\')) {
        Some(token) if holds_text => {
            Err(token.fault("a text with `\\` is not in quotes", "put it into quotes"))
        }
        _ => Ok(()),
    }
}

/// Which part of the data cannot be read.
fn misread(kind: RecordType, data: &[Token], error: &ParseError) -> String {
    match (kind, data) {
        (RecordType::A, [only]) => format!("`{}` is not an IPv4 address", only.text),
        (RecordType::AAAA, [only]) => format!("`{}` is not an IPv6 address", only.text),
        _ => format!("the data of this {kind} record cannot be read ({error})"),
    }
}

/// A TTL in seconds, or in units as in `1h30m`.
fn seconds(token: &Token) -> Result<u32, ZoneFault> {
    match parse_ttl(&token.text) {
        Ok(ttl) if ttl <= TTL_MAX => Ok(ttl),
        _ => Err(token.fault(
            format!("`{}` is not a TTL", token.text),
            "write seconds or units, as in 3600, 1h or 1h30m, at most 2147483647 seconds",
        )),
    }
}
