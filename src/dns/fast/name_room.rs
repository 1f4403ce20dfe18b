//! A question's name in lower case, eight octets at a time: this is done for each query.

/// Room for a name in wire form.
#[derive(Clone, Debug)]
pub struct NameRoom([u8; MAX_NAME]);

impl NameRoom {
    /// `name` in lower case; empty when it is longer than a name may be.
    pub fn lower_case(&mut self, name: &[u8]) -> &[u8] {
        let Some(room) = self.0.get_mut(..name.len()) else { return &[] };
        let (words, _) = name.as_chunks();
        for (lower, word) in room.as_chunks_mut().0.iter_mut().zip(words) {
            *lower = lower_case_of(*word);
        }
        // The end once more as a whole word: what is in lower case already stays so.
        match (room.last_chunk_mut(), name.last_chunk()) {
            (Some(lower), Some(word)) => *lower = lower_case_of(*word),
            _ => {
                room.copy_from_slice(name);
                room.make_ascii_lowercase();
            }
        }
        room
    }
}

impl Default for NameRoom {
    fn default() -> Self {
        Self([0; MAX_NAME])
    }
}

/// Sets the sixth bit of each octet from `A` to `Z`. The sums of seven bits each cannot carry into the
/// next octet, and their eighth bit tells which octets are at least `A`, and which are above `Z`.
const fn lower_case_of(word: [u8; 8]) -> [u8; 8] {
    let word = u64::from_ne_bytes(word);
    let low_bits = word & (EACH * 0x7f);
    let from_a = low_bits + EACH * (0x80 - b'A' as u64);
    let above_z = low_bits + EACH * (0x7f - b'Z' as u64);
    let upper = from_a & !above_z & !word & (EACH * 0x80);
    (word | (upper >> 2)).to_ne_bytes()
}

/// One in each octet.
const EACH: u64 = 0x0101_0101_0101_0101;

/// Octets of the longest name (RFC 1035 section 3.1).
const MAX_NAME: usize = 255;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_octets_in_names_of_all_lengths_are_as_ascii_has_them() {
        let mut room = NameRoom::default();
        for length in 0..=MAX_NAME {
            for first in [0, 1, 60, 91, 120, 191, 219] {
                let name: Vec<u8> = (first..=255).chain(0..=255).take(length).collect();
                assert_eq!(room.lower_case(&name), name.to_ascii_lowercase(), "{name:?}");
            }
        }
    }

    #[test]
    fn what_is_too_long_is_no_name() {
        assert!(NameRoom::default().lower_case(&[b'A'; MAX_NAME + 1]).is_empty());
    }
}
