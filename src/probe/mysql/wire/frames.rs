//! Packets in a stream of octets: three octets of length, one of sequence, then the payload (MySQL
//! manual, "Protocol::Packet").
//!
//! A payload that goes on in a second packet has at least 2²⁴ − 1 octets, which is more than any
//! reply to a probe may have; so none is put together, and the first is refused by its length.

use super::{REPLY_OCTETS_MAX, garbled};
use crate::engine::{Failure, FailureKind};

/// Length and sequence.
const HEAD_OCTETS: usize = 4;
/// An empty buffer larger than this gives its memory back.
const KEPT_OCTETS: usize = 64 * 1024;

/// What has arrived and was not taken yet. Grows by what arrives, never by what is announced.
#[derive(Debug, Default)]
pub struct Frames {
    octets: Vec<u8>,
}

/// One packet.
#[derive(Debug, PartialEq, Eq)]
pub struct Frame {
    /// Its place in the exchange, modulo 256.
    pub(super) sequence: u8,
    /// Its content.
    pub(super) payload: Vec<u8>,
}

impl Frames {
    /// Adds what has arrived.
    pub(super) fn take_in(&mut self, octets: &[u8]) {
        self.octets.extend_from_slice(octets);
    }

    /// Whether nothing waits to be taken, not even a part of a packet.
    pub(super) fn is_empty(&self) -> bool {
        self.octets.is_empty()
    }

    /// Takes the next whole packet, if there is one.
    ///
    /// # Errors
    /// `Garbled` for one that claims more than [`REPLY_OCTETS_MAX`] octets.
    pub(super) fn next(&mut self) -> Result<Option<Frame>, Failure> {
        let Some((&[low, middle, high, sequence], rest)) =
            self.octets.split_first_chunk::<HEAD_OCTETS>()
        else {
            return Ok(None);
        };
        let length = usize::from(low) | usize::from(middle) << 8 | usize::from(high) << 16;
        if length > REPLY_OCTETS_MAX {
            return Err(garbled(format!("a packet of {length} octets")));
        }
        let Some(payload) = rest.get(..length) else {
            return Ok(None);
        };
        let payload = payload.to_vec();
        self.octets.drain(..HEAD_OCTETS + length);
        if self.octets.is_empty() {
            self.octets.shrink_to(KEPT_OCTETS);
        }
        Ok(Some(Frame { sequence, payload }))
    }
}

/// A packet of ours, ready to be sent.
///
/// # Errors
/// `Misconfigured` when the payload does not fit, which only a monstrous user name brings about.
pub fn frame(sequence: u8, payload: &[u8]) -> Result<Vec<u8>, Failure> {
    let length = u32::try_from(payload.len()).ok().filter(|length| *length < 0xFF_FFFF);
    let Some([low, middle, high, _]) = length.map(u32::to_le_bytes) else {
        let detail = "user name or password is longer than a packet";
        return Err(Failure::new(FailureKind::Misconfigured, detail));
    };
    let mut frame = Vec::with_capacity(HEAD_OCTETS + payload.len());
    frame.extend_from_slice(&[low, middle, high, sequence]);
    frame.extend_from_slice(payload);
    Ok(frame)
}

/// A payload under construction.
#[derive(Debug, Default)]
pub struct Octets(pub(in crate::probe::mysql) Vec<u8>);

impl Octets {
    /// Adds these as they are.
    pub fn put(&mut self, octets: &[u8]) -> &mut Self {
        self.0.extend_from_slice(octets);
        self
    }

    /// Adds a text that ends with a NUL; what follows a NUL of its own is cut off.
    pub fn put_text(&mut self, text: &[u8]) -> &mut Self {
        let text = text.split(|octet| *octet == 0).next().unwrap_or_default();
        self.put(text).put(&[0])
    }

    /// Adds the length of `octets` and then them ("Protocol::LengthEncodedString").
    pub fn put_counted(&mut self, octets: &[u8]) -> &mut Self {
        let length = octets.len();
        match (u8::try_from(length), u16::try_from(length)) {
            (Ok(length @ ..=250), _) => self.put(&[length]),
            (_, Ok(length)) => self.put(&[0xFC]).put(&length.to_le_bytes()),
            _ => self.put(&[0xFE]).put(&(length as u64).to_le_bytes()),
        };
        self.put(octets)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Frame, Frames, Octets, REPLY_OCTETS_MAX, frame};

    fn all(frames: &mut Frames) -> Vec<Frame> {
        std::iter::from_fn(|| frames.next().expect("small packets")).collect()
    }

    #[test]
    fn a_length_beyond_the_limit_is_refused_before_anything_of_it_arrives() {
        for length in [REPLY_OCTETS_MAX + 1, 0xFF_FFFF] {
            let mut frames = Frames::default();
            let length = u32::try_from(length).expect("24 bits").to_le_bytes();
            frames.take_in(&[length[0], length[1], length[2], 0]);
            assert!(frames.next().is_err());
        }
        assert!(frame(0, &vec![0; 0xFF_FFFF]).is_err());
    }

    #[test]
    fn a_large_buffer_is_given_back() {
        let mut frames = Frames::default();
        frames.take_in(&frame(0, &vec![7; REPLY_OCTETS_MAX]).expect("fits"));
        assert_eq!(all(&mut frames).len(), 1);
        assert!(frames.octets.capacity() <= super::KEPT_OCTETS);
    }

    #[test]
    fn counted_texts_of_each_length_are_read_back() {
        for length in [0, 1, 250, 251, 65_535, 65_536] {
            let mut octets = Octets::default();
            octets.put_counted(&vec![b'x'; length]);
            let mut fields = super::super::Fields::new(&octets.0);
            assert_eq!(fields.counted().map(<[u8]>::len), Some(length));
            assert!(fields.rest().is_empty());
        }
    }

    proptest! {
        #[test]
        fn however_octets_are_cut_the_same_packets_come_out(
            payloads in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 0..8),
            step in 1_usize..700,
        ) {
            let mut octets = Vec::new();
            let mut expected = Vec::new();
            for (sequence, payload) in (0..).zip(payloads) {
                octets.extend(frame(sequence, &payload).expect("fits"));
                expected.push(Frame { sequence, payload });
            }
            let mut frames = Frames::default();
            let mut found = Vec::new();
            for piece in octets.chunks(step) {
                frames.take_in(piece);
                found.extend(all(&mut frames));
            }
            prop_assert_eq!(found, expected);
            prop_assert!(frames.is_empty());
        }

        #[test]
        fn no_octets_make_it_panic(octets in prop::collection::vec(any::<u8>(), 0..2000)) {
            let mut frames = Frames::default();
            frames.take_in(&octets);
            while let Ok(Some(frame)) = frames.next() {
                prop_assert!(frame.payload.len() <= octets.len());
            }
        }
    }
}
