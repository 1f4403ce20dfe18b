//! A reply without an end that is read line by line, as it comes: that of a watch.

use std::fmt;

use super::exchange::Exchange;
use crate::engine::{Failure, FailureKind};

/// The lines of a reply.
pub struct Lines {
    exchange: Exchange,
    /// What has come and is no whole line yet.
    begun: Vec<u8>,
    /// So much of it has no end of a line.
    searched: usize,
}

impl Lines {
    /// Nothing of the body has been read.
    pub(super) fn new(exchange: Exchange) -> Self {
        Self { exchange, begun: Vec::new(), searched: 0 }
    }

    /// The next line without its end; `None` when the reply is over. What has no end of a line then
    /// is none. Cancel-safe.
    ///
    /// # Errors
    ///
    /// How the connection failed; `Garbled` for a line of more than `most` octets.
    pub async fn next(&mut self, most: usize) -> Result<Option<Vec<u8>>, Failure> {
        loop {
            if let Some(end) = self.begun[self.searched..].iter().position(|one| *one == b'\n') {
                let rest = self.begun.split_off(self.searched + end + 1);
                let mut line = std::mem::replace(&mut self.begun, rest);
                line.pop();
                self.searched = 0;
                self.exchange.refill();
                return Ok(Some(line));
            }
            self.searched = self.begun.len();
            if self.searched > most {
                let detail = format!("a line of more than {most} octets");
                return Err(Failure::new(FailureKind::Garbled, detail));
            }
            match self.exchange.part().await? {
                Some(part) => self.begun.extend_from_slice(&part),
                None => return Ok(None),
            }
        }
    }
}

impl fmt::Debug for Lines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lines").field("begun", &self.begun.len()).finish_non_exhaustive()
    }
}
