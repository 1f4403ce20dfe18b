//! Cuts a stream of octets into messages: each has its length in two octets in front (RFC 1035
//! section 4.2.2).
//!
//! The buffer is as large as what a client sends at a time: small for one that asks now and then,
//! [`READ_MOST`] for one that asks a lot at once, and only more when one message is.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt};

use super::super::HEADER;

/// Octets that arrived and are not yet answered.
#[derive(Debug, Default)]
pub struct Frames {
    octets: Vec<u8>,
    /// Where the next message begins.
    next: usize,
    /// The last read filled all there was.
    is_short: bool,
}

/// What lies at the head of the stream.
#[derive(Debug, PartialEq, Eq)]
pub enum Frame<'f> {
    /// A message of at least a header, without its length.
    Message(&'f [u8]),
    /// The message is not there yet, or only a part of it.
    Incomplete,
    /// A length that no message has. Where the next one begins cannot be told.
    Broken,
}

/// Octets that the buffer holds at least.
const READ_LEAST: usize = 512;

/// Octets that the buffer holds at most, but for a longer message.
const READ_MOST: usize = 16 * 1024;

/// Octets of the length in front of a message.
pub const LENGTH: usize = 2;

impl Frames {
    /// Takes the next message.
    pub fn take(&mut self) -> Frame<'_> {
        let rest = &self.octets[self.next..];
        let Some((length, rest)) = rest.split_first_chunk() else {
            return Frame::Incomplete;
        };
        let length = usize::from(u16::from_be_bytes(*length));
        if length < HEADER {
            return Frame::Broken;
        }
        match rest.get(..length) {
            Some(message) => {
                self.next += LENGTH + length;
                Frame::Message(message)
            }
            None => Frame::Incomplete,
        }
    }

    /// Whether [`Self::take`] has more to give than "incomplete".
    pub fn has_more(&self) -> bool {
        self.missing() == 0
    }

    /// Reads what is there, once. Returns how many octets came; 0 at the end of the stream. May be
    /// dropped before it is done without a loss.
    pub async fn read(&mut self, stream: &mut (impl AsyncRead + Unpin)) -> io::Result<usize> {
        self.make_room();
        let count = stream.read_buf(&mut self.octets).await?;
        self.is_short = self.octets.len() == self.octets.capacity();
        Ok(count)
    }

    /// Octets that the next message lacks.
    fn missing(&self) -> usize {
        let rest = &self.octets[self.next..];
        match rest.first_chunk() {
            Some(length) => {
                let length = usize::from(u16::from_be_bytes(*length));
                if length < HEADER { 0 } else { (LENGTH + length).saturating_sub(rest.len()) }
            }
            None => LENGTH - rest.len(),
        }
    }

    /// Drops what was taken, and sees to it that the next message fits.
    fn make_room(&mut self) {
        let missing = self.missing();
        self.octets.drain(..self.next);
        self.next = 0;
        let held = self.octets.len();
        let capacity = self.octets.capacity();
        let wanted = if self.is_short { (capacity * 2).min(READ_MOST) } else { READ_LEAST };
        self.is_short = false;
        let wanted = wanted.max(held + missing);
        if wanted > capacity {
            self.octets.reserve_exact(wanted - held);
        } else if capacity > READ_MOST.max(wanted) {
            self.octets.shrink_to(READ_MOST.max(wanted));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A message of so many octets, with its length.
    fn message(length: usize, octet: u8) -> Vec<u8> {
        let mut framed = u16::try_from(length).unwrap().to_be_bytes().to_vec();
        framed.resize(LENGTH + length, octet);
        framed
    }

    /// Takes all messages: their lengths and first octets, and what comes after them.
    fn all(frames: &mut Frames) -> (Vec<(usize, u8)>, bool) {
        let mut messages = Vec::new();
        loop {
            match frames.take() {
                Frame::Message(message) => messages.push((message.len(), message[0])),
                Frame::Incomplete => return (messages, true),
                Frame::Broken => return (messages, false),
            }
        }
    }

    #[tokio::test]
    async fn messages_come_out_as_they_went_in_wherever_they_are_cut() {
        let lengths = [12, 600, 13, 20_000, 12, 65_535, 30];
        let stream: Vec<u8> =
            (1..).zip(lengths).flat_map(|(octet, length)| message(length, octet)).collect();
        for piece in [1, 7, 511, 16_384, 100_000] {
            let mut frames = Frames::default();
            let mut found = Vec::new();
            for mut octets in stream.chunks(piece) {
                while !octets.is_empty() {
                    frames.read(&mut octets).await.unwrap();
                    found.extend(all(&mut frames).0);
                }
            }
            let expected: Vec<_> = lengths.into_iter().zip(1..).collect();
            assert_eq!(found, expected, "pieces of {piece}");
        }
    }

    #[tokio::test]
    async fn a_length_below_a_header_is_broken() {
        for length in 0..u8::try_from(HEADER).unwrap() {
            let mut frames = Frames::default();
            let octets = [message(12, 1), vec![0, length]].concat();
            frames.read(&mut &octets[..]).await.unwrap();
            assert!(frames.has_more());
            assert_eq!(all(&mut frames), (vec![(12, 1)], false));
        }
    }

    #[tokio::test]
    async fn the_buffer_follows_what_comes() {
        let mut frames = Frames::default();
        frames.read(&mut &message(40, 1)[..]).await.unwrap();
        all(&mut frames);
        assert!(frames.octets.capacity() <= 2 * READ_LEAST, "one small question");
        let much = message(40, 1).repeat(10_000);
        let mut rest = &much[..];
        while !rest.is_empty() {
            frames.read(&mut rest).await.unwrap();
            all(&mut frames);
            assert!(frames.octets.capacity() <= READ_MOST, "many small questions");
        }
        assert_eq!(frames.octets.capacity(), READ_MOST);
        let long = message(65_535, 1);
        let mut rest = &long[..];
        while !rest.is_empty() {
            frames.read(&mut rest).await.unwrap();
        }
        assert!(frames.octets.capacity() <= LENGTH + 65_535 + READ_MOST, "a long question");
        assert_eq!(all(&mut frames).0, [(65_535, 1)]);
        frames.read(&mut &message(40, 1)[..]).await.unwrap();
        assert!(frames.octets.capacity() <= READ_MOST, "and small ones again");
    }
}
