//! Where the log goes: to standard error, by a thread of its own.
//!
//! Standard error may be a pipe that nobody reads, or a journal that hangs. Whoever logs hands the
//! line over and goes on; when [`WAITING_LINES`] wait, further ones are lost, and how many is
//! logged when lines flow again. At the end what waits is written, for which the reader has a
//! second.

use std::{io, sync::mpsc, thread, time::Duration};

use tracing::warn;
use tracing_appender::non_blocking::{ErrorCounter, NonBlocking, NonBlockingBuilder, WorkerGuard};

/// The running log. Dropping it writes what still waits, also while a panic unwinds; what is logged
/// afterwards is lost.
#[derive(Debug)]
#[must_use = "the log ends when this is dropped"]
pub struct Log {
    writer: Option<WorkerGuard>,
    losses: Losses,
}

/// Counts lines that had no room.
#[derive(Clone, Debug)]
pub struct Losses {
    lost: ErrorCounter,
    told: usize,
}

/// A log on standard error, and what hands lines to it.
pub fn to_standard_error() -> (Log, NonBlocking) {
    to(io::stderr())
}

fn to(output: impl io::Write + Send + 'static) -> (Log, NonBlocking) {
    let (lines, writer) = NonBlockingBuilder::default()
        .lossy(true)
        .buffered_lines_limit(WAITING_LINES)
        .thread_name("log")
        .finish(output);
    let losses = Losses { lost: lines.error_counter(), told: 0 };
    (Log { writer: Some(writer), losses }, lines)
}

impl Log {
    /// A count of the lost lines.
    pub fn losses(&self) -> Losses {
        self.losses.clone()
    }
}

impl Losses {
    /// How many lines were lost since the start.
    pub fn lines(&self) -> u64 {
        u64::try_from(self.lost.dropped_lines()).unwrap_or(u64::MAX)
    }

    /// Logs how many lines were lost since this was last said. When that line is lost as well, it
    /// is said again with the next call. Call it about once a second.
    pub fn tell(&mut self) {
        let lost = self.lost.dropped_lines();
        if lost == self.told {
            return;
        }
        let lines = lost - self.told;
        warn!(event = "log_lost", lines, "{lines} lines of the log were lost: nobody took them");
        if self.lost.dropped_lines() == lost {
            self.told = lost;
        }
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        let Some(writer) = self.writer.take() else {
            return;
        };
        // In a thread that may be left behind: when nobody reads, the crate complains on standard
        // output, which may be the same pipe.
        let (done, is_done) = mpsc::channel();
        let ending = thread::Builder::new().name("log-end".into()).spawn(move || {
            drop(writer);
            _ = done.send(());
        });
        if ending.is_ok() {
            _ = is_done.recv_timeout(LAST_LINES);
        }
    }
}

/// Lines that may wait: some megabytes at most.
const WAITING_LINES: usize = 8_192;

/// How long the end waits for lines to be written. The crate gives them a second.
const LAST_LINES: Duration = Duration::from_millis(1_500);

#[cfg(test)]
mod tests {
    use std::{
        io::Write,
        sync::{Arc, Mutex, mpsc::Receiver},
    };

    use tracing::info;

    use super::*;

    /// Lets one write pass for each word, and keeps what was written.
    struct Valve {
        passes: Receiver<()>,
        written: Arc<Mutex<String>>,
    }

    impl Write for Valve {
        fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
            // Without a sender everything passes.
            _ = self.passes.recv();
            self.written.lock().unwrap().push_str(str::from_utf8(octets).unwrap());
            Ok(octets.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn who_logs_never_waits_and_what_is_lost_is_told() {
        let (open, passes) = mpsc::channel();
        let written = Arc::new(Mutex::new(String::new()));
        let (log, lines) = to(Valve { passes, written: Arc::clone(&written) });
        let mut losses = log.losses();
        let subscriber = tracing_subscriber::fmt().with_writer(lines).with_ansi(false).finish();
        tracing::subscriber::with_default(subscriber, || {
            // One is with the writer, perhaps.
            for _ in 0..WAITING_LINES + 101 {
                info!("a line");
            }
            let lost = losses.lost.dropped_lines();
            assert!((100..=101).contains(&lost), "{lost}");
            // Lost as well, so it is not taken for told.
            losses.tell();
            assert_eq!((losses.told, losses.lost.dropped_lines()), (0, lost + 1));
            drop(open);
            while losses.told == 0 {
                losses.tell();
                thread::yield_now();
            }
        });
        drop(log);
        let written = written.lock().unwrap();
        assert!(written.lines().last().is_some_and(|line| {
            line.contains("lines of the log were lost") && line.contains("event=\"log_lost\"")
        }));
    }

    #[test]
    fn the_end_writes_what_waits() {
        let (open, passes) = mpsc::channel();
        let written = Arc::new(Mutex::new(String::new()));
        let (log, mut lines) = to(Valve { passes, written: Arc::clone(&written) });
        for number in 0..1_000 {
            lines.write_all(format!("{number}\n").as_bytes()).unwrap();
        }
        drop(open);
        drop(log);
        assert_eq!(written.lock().unwrap().lines().count(), 1_000);
    }
}
