//! Any octets as the state file: what is refused is refused with a reason of one line, and what is
//! accepted is written as it was read.
//!
//! The checksum keeps nearly all mutations away from what lies behind it, so the input also goes
//! there as the content of a file whose first line fits.

use pointsman::state::{decode, encode};

/// Panics when `input` breaks a rule.
pub(crate) fn check(input: &[u8]) {
    one_file(input);
    for format in [1, 2] {
        let (sum, length) = (crc32(input), input.len());
        let header = format!("pointsman-state {format} crc32={sum:08x} length={length}\n");
        let mut whole = header.into_bytes();
        whole.extend(input);
        one_file(&whole);
    }
}

fn one_file(octets: &[u8]) {
    match decode(octets) {
        Ok(image) => {
            let written = encode(&image).expect("an image can be written");
            let read = decode(&written).expect("what was written can be read");
            assert_eq!(read, image, "it changes when it is saved");
        }
        Err(refused) => {
            let reason = refused.to_string();
            assert!(!reason.is_empty() && !reason.contains('\n'), "{reason:?}");
        }
    }
}

/// CRC-32 as in gzip (RFC 1952 section 8), bit by bit.
fn crc32(octets: &[u8]) -> u32 {
    let mut sum = u32::MAX;
    for &octet in octets {
        sum ^= u32::from(octet);
        for _ in 0..8 {
            sum = (sum >> 1) ^ if sum & 1 == 1 { 0xedb8_8320 } else { 0 };
        }
    }
    !sum
}
