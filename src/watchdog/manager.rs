//! What the service manager is told (`sd_notify(3)`, `sd_watchdog_enabled(3)`).
//!
//! Without `NOTIFY_SOCKET` in the environment nobody is told anything. The manager may be slow to
//! listen, and telling it then takes as long; so that is done by a thread of its own, and what does
//! not fit in a short queue is left unsaid.

use std::{
    env, io,
    sync::mpsc::{self, Receiver, SyncSender},
    thread,
    time::Duration,
};

use sd_notify::NotifyState;
use tracing::warn;

/// The service manager, if there is one.
#[derive(Debug)]
pub struct Manager {
    /// How often it wants to hear of us; `None` when it does not.
    feed_every: Option<Duration>,
    line: Option<Line>,
}

/// The way to the service manager.
#[derive(Debug)]
struct Line {
    messages: SyncSender<Message>,
    /// Ends with the thread.
    end: Receiver<()>,
}

/// What may be said.
#[derive(Debug, PartialEq, Eq)]
pub enum Message {
    Ready(String),
    Reloading,
    Status(String),
    Feed,
    Stopping,
}

impl Manager {
    /// The one that the environment names (`NOTIFY_SOCKET`, `WATCHDOG_USEC`, `WATCHDOG_PID`).
    ///
    /// # Errors
    /// What the system says when there can be no further thread.
    pub fn from_environment() -> io::Result<Self> {
        if env::var_os("NOTIFY_SOCKET").is_none() {
            return Ok(Self { feed_every: None, line: None });
        }
        let (messages, queue) = mpsc::sync_channel(QUEUE);
        let (ended, end) = mpsc::channel();
        thread::Builder::new().name("sd-notify".into()).spawn(move || {
            tell_all(&queue);
            drop(ended);
        })?;
        let patience = sd_notify::watchdog_enabled().filter(|patience| !patience.is_zero());
        // Half of it, as the manual page advises.
        let feed_every = patience.map(|patience| patience / 2);
        Ok(Self { feed_every, line: Some(Line { messages, end }) })
    }

    /// How often [`Self::feed`] is to be called; `None` for never.
    pub fn feed_every(&self) -> Option<Duration> {
        self.feed_every
    }

    /// We are up, and this is what we do.
    pub fn ready(&self, status: &str) {
        self.tell(|| Message::Ready(status.to_owned()));
    }

    /// We read our configuration again; [`Self::ready`] ends it.
    pub fn reloading(&self) {
        self.tell(|| Message::Reloading);
    }

    /// What we do now, in one short line.
    pub fn status(&self, status: &str) {
        self.tell(|| Message::Status(status.to_owned()));
    }

    /// We are well.
    pub fn feed(&self) {
        self.tell(|| Message::Feed);
    }

    /// We are about to end. Returns when that has been heard, or after a moment.
    pub fn stopping(self) {
        self.tell(|| Message::Stopping);
        if let Some(Line { messages, end }) = self.line {
            drop(messages);
            _ = end.recv_timeout(LAST_WORD);
        }
    }

    /// One whose thread is the test.
    #[cfg(test)]
    pub fn overheard() -> (Self, Receiver<Message>) {
        let (messages, queue) = mpsc::sync_channel(QUEUE);
        let (_, end) = mpsc::channel();
        (Self { feed_every: None, line: Some(Line { messages, end }) }, queue)
    }

    fn tell(&self, message: impl FnOnce() -> Message) {
        if let Some(line) = &self.line {
            // A queue that is full is a manager that does not listen.
            _ = line.messages.try_send(message());
        }
    }
}

/// Tells everything that comes, in its order.
fn tell_all(queue: &Receiver<Message>) {
    let mut is_deaf = false;
    for message in queue {
        let told = match &message {
            Message::Ready(status) => {
                sd_notify::notify(&[NotifyState::Ready, NotifyState::Status(status)])
            }
            Message::Reloading => reloading(),
            Message::Status(status) => sd_notify::notify(&[NotifyState::Status(status)]),
            Message::Feed => sd_notify::notify(&[NotifyState::Watchdog]),
            Message::Stopping => {
                sd_notify::notify(&[NotifyState::Stopping, NotifyState::Status("stopping")])
            }
        };
        if let (Err(error), false) = (&told, is_deaf) {
            warn!(
                "cannot tell the service manager how we are: {error}; NOTIFY_SOCKET must name its \
                 socket, and the service must be allowed to write there"
            );
        }
        is_deaf = told.is_err();
    }
}

/// With the time at which it begins, by which the manager tells this reload's end from an earlier
/// one's (`Type=notify-reload` of systemd.service(5)).
fn reloading() -> io::Result<()> {
    let now = NotifyState::monotonic_usec_now()?;
    sd_notify::notify(&[NotifyState::Reloading, now, NotifyState::Status("reloading")])
}

/// Messages that wait for a manager that is slow to listen. Few, for a sign of life from long ago
/// is none.
const QUEUE: usize = 4;

/// How long the last word may take.
const LAST_WORD: Duration = Duration::from_millis(500);
