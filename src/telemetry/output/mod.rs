//! Where the log goes: to standard error, by a thread of its own.
//!
//! Standard error may be a pipe that nobody reads, a journal that hangs, or a file on a full disk.
//! Whoever logs hands the line over and goes on. Lines are lost when [`WAITING_LINES`] wait
//! already, and when they cannot be written; each is counted, and how many is logged when lines
//! flow again. At the end what waits is written, for which the reader has a second.

mod counted;

use std::{io, sync::mpsc, thread, time::Duration};

use tracing::warn;
use tracing_appender::non_blocking::{ErrorCounter, NonBlocking, NonBlockingBuilder, WorkerGuard};

use self::counted::{Counted, Unwritten};

/// The running log. Dropping it writes what still waits, also while a panic unwinds; what is logged
/// afterwards is lost.
#[derive(Debug)]
#[must_use = "the log ends when this is dropped"]
pub struct Log {
    writer: Option<WorkerGuard>,
    losses: Losses,
}

/// Counts lines that had no room or could not be written.
#[derive(Clone, Debug)]
pub struct Losses {
    /// Lines that had no room.
    dropped: ErrorCounter,
    /// Lines that could not be written.
    unwritten: Unwritten,
    /// Lost lines that the log tells of.
    told: u64,
    /// The last try to tell, if it is not known yet whether it was written.
    telling: Option<Telling>,
    /// Calls of [`Losses::tell`] since it last tried to tell while lines could not be written.
    waited: u32,
}

/// A line that tells of so many lost lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Telling {
    lost: u64,
    /// Lines that could not be written before it. Were it one itself, there would be more.
    unwritten: u64,
}

/// A log on standard error, and what hands lines to it.
pub fn to_standard_error() -> (Log, NonBlocking) {
    to(io::stderr())
}

fn to(output: impl io::Write + Send + 'static) -> (Log, NonBlocking) {
    let unwritten = Unwritten::default();
    let (lines, writer) = NonBlockingBuilder::default()
        .lossy(true)
        .buffered_lines_limit(WAITING_LINES)
        .thread_name("log")
        .finish(Counted::new(output, unwritten.clone()));
    let dropped = lines.error_counter();
    let losses = Losses { dropped, unwritten, told: 0, telling: None, waited: 0 };
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
        self.dropped_lines().saturating_add(self.unwritten.lines())
    }

    /// Why the last line could not be written; `None` when it could.
    pub fn fault(&self) -> Option<io::Error> {
        self.unwritten.fault()
    }

    /// Logs how many lines were lost since this was last said. When that line is lost as well, it
    /// is said again. Call it about once a second: while lines cannot be written, it tries once in
    /// `TRY_AGAIN_AFTER` calls.
    pub fn tell(&mut self) {
        let lost = self.lines();
        let unwritten = self.unwritten.lines();
        if let Some(telling) = self.telling.take()
            && telling.unwritten == unwritten
        {
            self.told = telling.lost;
        }
        if lost == self.told {
            return;
        }
        if self.fault().is_some() && self.waited < TRY_AGAIN_AFTER {
            self.waited += 1;
            return;
        }
        self.waited = 0;
        let dropped = self.dropped_lines();
        let lines = lost - self.told;
        warn!(
            event = "log_lost",
            lines, "{lines} lines of the log were lost: nobody took them, or no disk had room"
        );
        if self.dropped_lines() == dropped {
            self.telling = Some(Telling { lost, unwritten });
        }
    }

    fn dropped_lines(&self) -> u64 {
        u64::try_from(self.dropped.dropped_lines()).unwrap_or(u64::MAX)
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

/// Calls, so about a minute: each try is one more line that may be lost.
const TRY_AGAIN_AFTER: u32 = 60;

#[cfg(test)]
mod tests {
    use std::{
        io::Write,
        sync::{
            Arc, Mutex,
            atomic::{AtomicBool, Ordering},
            mpsc::Receiver,
        },
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
            let lost = losses.lines();
            assert!((100..=101).contains(&lost), "{lost}");
            // Lost as well, so it is not taken for told.
            losses.tell();
            assert_eq!((losses.told, losses.lines()), (0, lost + 1));
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

    /// A disk that is full for as long as it is said to be.
    #[derive(Clone, Default)]
    struct Disk {
        is_full: Arc<AtomicBool>,
        written: Arc<Mutex<String>>,
    }

    impl Write for Disk {
        fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
            if self.is_full.load(Ordering::Relaxed) {
                return Err(io::ErrorKind::StorageFull.into());
            }
            self.written.lock().unwrap().push_str(str::from_utf8(octets).unwrap());
            Ok(octets.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn lines_that_a_full_disk_does_not_take_are_counted_and_told_once_there_is_room() {
        let disk = Disk::default();
        disk.is_full.store(true, Ordering::Relaxed);
        let (log, lines) = to(disk.clone());
        let mut losses = log.losses();
        let subscriber = tracing_subscriber::fmt().with_writer(lines).with_ansi(false).finish();
        tracing::subscriber::with_default(subscriber, || {
            for _ in 0..100 {
                info!("a line");
            }
            while losses.lines() < 100 {
                thread::yield_now();
            }
            assert!(losses.fault().is_some());
            // Nothing is told in vain but for one try a minute, which is lost as well.
            for _ in 0..TRY_AGAIN_AFTER {
                losses.tell();
            }
            assert_eq!(losses.lines(), 100);
            losses.tell();
            while losses.lines() < 101 {
                thread::yield_now();
            }
            disk.is_full.store(false, Ordering::Relaxed);
            info!("there is room");
            while losses.fault().is_some() {
                thread::yield_now();
            }
            losses.tell();
            let telling = Telling { lost: 101, unwritten: 101 };
            assert_eq!((losses.told, losses.telling), (0, Some(telling)));
            losses.tell();
            assert_eq!((losses.told, losses.telling), (101, None));
        });
        drop(log);
        let written = disk.written.lock().unwrap();
        let lines: Vec<_> = written.lines().collect();
        assert_eq!(lines.len(), 2, "{written}");
        assert!(lines[0].ends_with("there is room"));
        assert!(lines[1].contains("101 lines of the log were lost"), "{written}");
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
