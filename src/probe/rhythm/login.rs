//! What is known of the login that is open: when it is renewed, and whether it only watches.

use std::time::Duration;

use super::stance::Stance;
use crate::engine::Moment;

/// The login that is open.
#[derive(Debug)]
pub struct Login {
    /// When it is replaced by a fresh one.
    renew_at: Moment,
    /// The server's stance when it began to refuse fresh logins. `Some` while it does.
    parked: Option<Stance>,
}

impl Login {
    /// One that was let in at `now`; its time is stretched or shrunk by `jitter`.
    pub(super) fn new(now: Moment, jitter: f64) -> Self {
        Self { renew_at: now + RENEW_AFTER.mul_f64(jitter), parked: None }
    }

    /// Whether it is to be replaced by a fresh one.
    pub(super) fn is_old(&self, now: Moment) -> bool {
        now >= self.renew_at
    }

    /// It has to be replaced before the server is asked again.
    pub(super) fn spend(&mut self, now: Moment) {
        self.renew_at = now;
    }

    /// The server refuses fresh logins; its stance was the `last` one just now. What it was when it
    /// began to.
    pub(super) fn park(&mut self, last: Stance) -> Stance {
        *self.parked.get_or_insert(last)
    }
}

/// How long a login is used. A server that accepts nothing new (full, password changed,
/// certificate expired) goes on answering on an old one, so only a fresh one shows it.
const RENEW_AFTER: Duration = Duration::from_secs(10);
