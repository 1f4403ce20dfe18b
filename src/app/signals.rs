//! What a service manager or a terminal says to the process: SIGTERM and SIGINT ask to end, SIGHUP
//! is noted.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing::warn;

/// What a service manager or a terminal says.
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Signals {
    /// From now on none of them ends the process.
    ///
    /// # Errors
    /// When the system does not tell us of signals.
    pub(super) fn listen() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    /// Waits for one that asks to end.
    pub(super) async fn end_asked(&mut self) {
        loop {
            tokio::select! {
                _ = self.terminate.recv() => return,
                _ = self.interrupt.recv() => return,
                _ = self.hangup.recv() => warn!(
                    "SIGHUP ignored: this version reads its configuration at the start only; \
                     restart it"
                ),
            }
        }
    }
}
