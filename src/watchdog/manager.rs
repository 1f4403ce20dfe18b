//! What the service manager is told (`sd_notify(3)`, `sd_watchdog_enabled(3)`).
//!
//! Nothing is told to nobody: without `NOTIFY_SOCKET` in the environment all of this does nothing.

use std::time::Duration;

use sd_notify::NotifyState;
use tracing::warn;

/// The service manager, if there is one.
#[derive(Debug)]
pub(super) struct Manager {
    /// How often it wants to hear of us; `None` when it does not.
    feed_every: Option<Duration>,
    /// The last message did not reach it.
    is_deaf: bool,
}

impl Manager {
    /// The one that the environment names (`WATCHDOG_USEC`, `WATCHDOG_PID`).
    pub(super) fn from_environment() -> Self {
        let patience = sd_notify::watchdog_enabled().filter(|patience| !patience.is_zero());
        // Half of it, as the manual page advises.
        Self { feed_every: patience.map(|patience| patience / 2), is_deaf: false }
    }

    /// How often [`Self::feed`] is to be called; `None` for never.
    pub(super) fn feed_every(&self) -> Option<Duration> {
        self.feed_every
    }

    /// We are up, and this is what we do.
    pub(super) fn ready(&mut self, status: &str) {
        self.tell(&[NotifyState::Ready, NotifyState::Status(status)]);
    }

    /// What we do now, in one short line.
    pub(super) fn status(&mut self, status: &str) {
        self.tell(&[NotifyState::Status(status)]);
    }

    /// We are well.
    pub(super) fn feed(&mut self) {
        self.tell(&[NotifyState::Watchdog]);
    }

    /// We are about to end.
    pub(super) fn stopping(&mut self) {
        self.tell(&[NotifyState::Stopping, NotifyState::Status("stopping")]);
    }

    fn tell(&mut self, state: &[NotifyState<'_>]) {
        let told = sd_notify::notify(state);
        if let (Err(error), false) = (&told, self.is_deaf) {
            warn!(
                "cannot tell the service manager how we are: {error}; see that NOTIFY_SOCKET names \
                 its socket (in a systemd unit: NotifyAccess=main)"
            );
        }
        self.is_deaf = told.is_err();
    }
}
