//! What a service manager or a terminal says to the process: SIGTERM and SIGINT ask to end, SIGHUP
//! asks to read the configuration again.

use std::io;

use tokio::signal::unix::{self, SignalKind};

/// What a service manager or a terminal says.
pub struct Signals {
    terminate: unix::Signal,
    interrupt: unix::Signal,
    hangup: unix::Signal,
}

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// The end.
    End,
    /// The configuration is to be read again.
    Reload,
}

impl Signals {
    /// From now on none of them ends the process.
    ///
    /// # Errors
    /// When the system does not tell us of signals.
    pub fn listen() -> io::Result<Self> {
        Ok(Self {
            terminate: unix::signal(SignalKind::terminate())?,
            interrupt: unix::signal(SignalKind::interrupt())?,
            hangup: unix::signal(SignalKind::hangup())?,
        })
    }

    /// Waits for the next one.
    pub async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.terminate.recv() => Signal::End,
            _ = self.interrupt.recv() => Signal::End,
            _ = self.hangup.recv() => Signal::Reload,
        }
    }
}
