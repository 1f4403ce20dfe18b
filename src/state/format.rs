//! The octets of the state file: one line about what follows, and then JSON.
//!
//! ```text
//! pointsman-state 2 crc32=0a1b2c3d length=1234
//! {"saved_at_ms":…}
//! ```
//!
//! The line has one form only, so that no octet of the file can change unnoticed. The number is the
//! version of the format. `tail -n +2 pointsman.state | jq` shows the rest to people.

use super::Image;

/// What a state file begins with.
const MAGIC: &str = "pointsman-state";

/// The format that this version writes.
pub const FORMAT: u32 = 2;

/// The oldest format that it reads. What format 1 lacks may be missing: histories, how far they
/// reach, addresses, and whether a pin was denied.
const OLDEST: u32 = 1;

/// No first line is longer: no newline within so many octets is none at all.
const LONGEST_HEADER: usize = 100;

/// Why a file is of no use. It prints as one line.
#[derive(Debug, thiserror::Error)]
pub enum FormatError {
    /// It does not begin as a state file does.
    #[error("it is no state file: its first line is damaged, or of something else")]
    NoHeader,
    /// It is of an older version of Pointsman, which this one does not know.
    #[error("it has format {0}, which is too old: this version reads formats {OLDEST} to {FORMAT}")]
    TooOld(u32),
    /// It is of a newer version of Pointsman.
    #[error(
        "it has format {found}, which is too new: this version reads formats {OLDEST} to {FORMAT}"
    )]
    TooNew {
        /// Its format.
        found: u32,
        /// The highest serial that it speaks of, if that can still be read.
        serial: Option<u32>,
    },
    /// It ends too early or goes on for too long.
    #[error("it has {found} octets after its first line, which speaks of {expected}")]
    Length {
        /// Octets that there are.
        found: usize,
        /// Octets that there should be.
        expected: usize,
    },
    /// An octet is not what was written.
    #[error("its checksum is wrong, so it has been damaged")]
    Checksum,
    /// It was written by something else, or by a fault of ours.
    #[error("its content is not as expected: {0}")]
    Content(#[source] serde_json::Error),
}

/// `image` as the octets of a file.
///
/// # Errors
/// None is known: all that an image holds can be told in JSON.
pub fn encode(image: &Image) -> Result<Vec<u8>, serde_json::Error> {
    // With room for the first line, which tells of the rest: that of ten thousand clusters is not
    // copied behind it.
    let mut octets = vec![0; LONGEST_HEADER];
    serde_json::to_writer(&mut octets, image)?;
    let body = &octets[LONGEST_HEADER..];
    let header = Header { format: FORMAT, checksum: crc32fast::hash(body), length: body.len() };
    let line = header.line();
    let start = LONGEST_HEADER - line.len();
    octets[start..LONGEST_HEADER].copy_from_slice(line.as_bytes());
    octets.drain(..start);
    Ok(octets)
}

/// The image in the octets of a file.
///
/// # Errors
/// [`FormatError`], for whatever [`encode`] has not written.
pub fn decode(octets: &[u8]) -> Result<Image, FormatError> {
    let start = &octets[..octets.len().min(LONGEST_HEADER)];
    let end = start.iter().position(|&octet| octet == b'\n').ok_or(FormatError::NoHeader)?;
    let header = Header::parse(&octets[..=end]).ok_or(FormatError::NoHeader)?;
    let body = &octets[end + 1..];
    if header.format < OLDEST {
        return Err(FormatError::TooOld(header.format));
    }
    let damage = header.damage(body);
    if header.format > FORMAT {
        // Whatever else it says, the serial must not go back behind it.
        let salvaged = || serde_json::from_slice::<Salvaged>(body).ok();
        let salvaged = damage.is_none().then(salvaged).flatten();
        let serial = salvaged.map(|salvaged| salvaged.serial_limit);
        return Err(FormatError::TooNew { found: header.format, serial });
    }
    match damage {
        Some(damage) => Err(damage),
        None => serde_json::from_slice(body).map_err(FormatError::Content),
    }
}

/// All that is read of a newer format.
#[derive(serde::Deserialize)]
struct Salvaged {
    serial_limit: u32,
}

/// What the first line says.
struct Header {
    format: u32,
    /// CRC-32 of what follows.
    checksum: u32,
    /// Octets that follow.
    length: usize,
}

impl Header {
    fn line(&self) -> String {
        let Self { format, checksum, length } = self;
        format!("{MAGIC} {format} crc32={checksum:08x} length={length}\n")
    }

    /// `None` for all but what [`Self::line`] gives.
    fn parse(line: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(line).ok()?;
        let mut words = text.strip_suffix('\n')?.split(' ');
        if words.next()? != MAGIC {
            return None;
        }
        let format = words.next()?.parse().ok()?;
        let checksum = u32::from_str_radix(words.next()?.strip_prefix("crc32=")?, 16).ok()?;
        let length = words.next()?.strip_prefix("length=")?.parse().ok()?;
        let header = Self { format, checksum, length };
        (header.line() == text).then_some(header)
    }

    fn damage(&self, body: &[u8]) -> Option<FormatError> {
        if body.len() != self.length {
            return Some(FormatError::Length { found: body.len(), expected: self.length });
        }
        (crc32fast::hash(body) != self.checksum).then_some(FormatError::Checksum)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{
        super::image::{LossImage, tests::any_image},
        *,
    };

    fn with_format(image: &Image, format: u32) -> Vec<u8> {
        let octets = encode(image).expect("an image can be written");
        let text = String::from_utf8(octets).expect("JSON is UTF-8");
        text.replacen("pointsman-state 2 ", &format!("pointsman-state {format} "), 1).into_bytes()
    }

    #[test]
    fn the_first_line_says_what_follows() {
        let octets = encode(&Image::default()).expect("an image can be written");
        let text = String::from_utf8(octets).expect("JSON is UTF-8");
        let (header, body) = text.split_once('\n').expect("two lines");
        let expected = format!(
            "pointsman-state 2 crc32={:08x} length={}",
            crc32fast::hash(body.as_bytes()),
            body.len()
        );
        assert_eq!(header, expected);
        assert!(body.starts_with("{\"saved_at_ms\":0,"), "{body}");
    }

    #[test]
    fn other_formats_are_told_apart_and_a_newer_one_still_tells_its_serial() {
        let image = Image { serial_limit: 77, ..Image::default() };
        assert!(matches!(decode(&with_format(&image, 0)), Err(FormatError::TooOld(0))));
        let newer = decode(&with_format(&image, 3));
        assert!(matches!(newer, Err(FormatError::TooNew { found: 3, serial: Some(77) })));
        let mut damaged = with_format(&image, 3);
        damaged.pop();
        let newer = decode(&damaged);
        assert!(matches!(newer, Err(FormatError::TooNew { found: 3, serial: None })));
    }

    /// As version 0.1.0 has written it.
    const FORMAT_1: &[u8] = include_bytes!("image/format-1.state");

    #[test]
    fn a_file_of_the_first_format_is_read_whole() {
        let image = decode(FORMAT_1).expect("a format that is read");
        assert_eq!((image.serial, image.serial_limit, image.next_event_id), (77, 677, 100_042));
        let orders = &image.clusters["orders"];
        assert_eq!(orders.write.as_deref(), Some("db1"));
        assert_eq!(orders.identity, Some(7_423_942_396_483_012_345));
        let [loss] = &orders.superseded[..] else { panic!("{:?}", orders.superseded) };
        assert_eq!(
            (&*loss.server, loss.by.as_deref(), loss.timeline),
            ("db3", Some("db1"), Some(4))
        );
        assert_eq!(orders.overrides.len(), 2);
        assert_eq!((image.added.len(), image.events.len()), (1, 1));
        // What it does not tell is unknown.
        let db1 = orders.servers.get("db1").expect("it is there");
        assert_eq!((&*loss.by_gtid, orders.reach.len(), orders.pin_denied), ("", 0, false));
        assert_eq!(loss.loss, LossImage::Name);
        assert_eq!((db1.addresses.len(), db1.port, db1.history.as_ref()), (0, 0, None));
        let written = encode(&image).expect("an image can be written");
        assert_eq!(decode(&written).expect("it was written just now"), image);
    }

    #[test]
    fn what_is_no_state_file_is_refused_with_a_reason() {
        for octets in [
            &b""[..],
            b"\n",
            b"pointsman-state",
            b"pointsman-state 1\n{}",
            b"pointsman-state 1 crc32=00000000 length=0 \n",
            b"pointsman-state +1 crc32=00000000 length=0\n",
            b"pointsman-state 1 crc32=0 length=0\n",
            b"\xff\xfe 1 crc32=00000000 length=0\n",
        ] {
            let refused = decode(octets).expect_err("no state file");
            assert!(matches!(refused, FormatError::NoHeader), "{}", octets.escape_ascii());
        }
        // The checksum of nothing is 0.
        let empty = decode(b"pointsman-state 1 crc32=00000000 length=0\n");
        assert!(matches!(empty, Err(FormatError::Content(_))), "{empty:?}");
    }

    type Place = prop::sample::Index;

    proptest! {
        #[test]
        fn what_is_written_is_read(image in any_image()) {
            let octets = encode(&image).expect("an image can be written");
            prop_assert_eq!(decode(&octets).expect("it was written just now"), image);
        }

        #[test]
        fn an_end_that_is_missing_is_noticed(image in any_image(), at in any::<Place>()) {
            let octets = encode(&image).expect("an image can be written");
            prop_assert!(decode(&octets[..at.index(octets.len())]).is_err());
        }

        #[test]
        fn an_octet_too_many_is_noticed(image in any_image(), octet in any::<u8>()) {
            let mut octets = encode(&image).expect("an image can be written");
            octets.push(octet);
            prop_assert!(decode(&octets).is_err());
        }

        #[test]
        fn a_flipped_bit_is_noticed(image in any_image(), at in any::<Place>()) {
            let mut octets = encode(&image).expect("an image can be written");
            let bit = at.index(octets.len() * 8);
            octets[bit / 8] ^= 1 << (bit % 8);
            prop_assert!(decode(&octets).is_err());
        }
    }
}
