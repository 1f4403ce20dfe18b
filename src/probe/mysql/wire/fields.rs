//! Reading the fields of a payload, one after the other. Each reader returns `None` when the payload
//! ends too early, and none of them can panic.

/// What is left of a payload.
#[derive(Clone, Copy, Debug)]
pub struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    /// All of `payload`.
    pub fn new(payload: &'a [u8]) -> Self {
        Self(payload)
    }

    /// The next `count` octets.
    pub fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    /// One octet.
    pub fn octet(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    /// Two octets, the low one first.
    pub fn short(&mut self) -> Option<u16> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u16::from_le_bytes(*taken))
    }

    /// What comes before the next NUL, which is dropped.
    pub fn text(&mut self) -> Option<&'a [u8]> {
        let end = self.0.iter().position(|octet| *octet == 0)?;
        let text = self.take(end);
        self.take(1)?;
        text
    }

    /// A number of 1, 3, 4 or 9 octets ("Protocol::LengthEncodedInteger"); `None` also for the marks
    /// of NULL and of an error, which are none.
    pub fn number(&mut self) -> Option<u64> {
        let width = match self.octet()? {
            small @ 0..=0xFA => return Some(small.into()),
            0xFC => 2,
            0xFD => 3,
            0xFE => 8,
            _ => return None,
        };
        let mut octets = [0; 8];
        octets[..width].copy_from_slice(self.take(width)?);
        Some(u64::from_le_bytes(octets))
    }

    /// Octets with their number before them ("Protocol::LengthEncodedString").
    pub fn counted(&mut self) -> Option<&'a [u8]> {
        let length = self.number()?;
        self.take(usize::try_from(length).ok()?)
    }

    /// One value of a row: counted octets, or the mark of NULL.
    pub fn value(&mut self) -> Option<Option<&'a [u8]>> {
        if self.0.first() == Some(&NULL) {
            self.octet()?;
            return Some(None);
        }
        self.counted().map(Some)
    }

    /// Everything that is left.
    pub fn rest(self) -> &'a [u8] {
        self.0
    }
}

/// The mark of SQL's NULL in a row.
const NULL: u8 = 0xFB;

#[cfg(test)]
mod tests {
    use super::Fields;

    #[test]
    fn numbers_of_each_width_are_read() {
        for (octets, expected) in [
            (&[0xFA][..], Some(0xFA)),
            (&[0xFC, 1, 2], Some(0x0201)),
            (&[0xFD, 1, 2, 3], Some(0x03_0201)),
            (&[0xFE, 1, 0, 0, 0, 0, 0, 0, 0x80], Some(0x8000_0000_0000_0001)),
            (&[0xFC, 1], None),
            (&[0xFE, 1, 2, 3], None),
            (&[0xFB], None),
            (&[0xFF], None),
            (&[], None),
        ] {
            assert_eq!(Fields::new(octets).number(), expected, "{octets:?}");
        }
    }

    #[test]
    fn texts_end_where_they_say() {
        let mut fields = Fields::new(b"one\0\x03two\xFBrest");
        assert_eq!(fields.text(), Some(&b"one"[..]));
        assert_eq!(fields.value(), Some(Some(&b"two"[..])));
        assert_eq!(fields.value(), Some(None));
        assert_eq!(fields.rest(), b"rest");
        assert_eq!(fields.text(), None, "no end");
        assert_eq!(Fields::new(b"\xFE\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF").counted(), None);
    }
}
