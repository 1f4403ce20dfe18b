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
pub(super) struct Frames {
    octets: Vec<u8>,
    /// Where the next message begins.
    next: usize,
    /// The last read filled all there was.
    is_short: bool,
}

/// What lies at the head of the stream.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Frame<'f> {
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
pub(super) const LENGTH: usize = 2;

impl Frames {
    /// Takes the next message.
    pub(super) fn take(&mut self) -> Frame<'_> {
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
    pub(super) fn has_more(&self) -> bool {
        self.missing() == 0
    }

    /// Reads what is there, once. Returns how many octets came; 0 at the end of the stream. May be
    /// dropped before it is done without a loss.
    pub(super) async fn read(
        &mut self,
        stream: &mut (impl AsyncRead + Unpin),
    ) -> io::Result<usize> {
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
