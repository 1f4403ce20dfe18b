//! An output that counts the lines that it cannot write, instead of failing.
//!
//! The thread that writes the log ignores errors, and gives up what it has collected so far. So no
//! error reaches it.

use std::{
    io::{self, Write},
    sync::{
        Arc,
        atomic::{AtomicI32, AtomicU64, Ordering},
    },
};

/// Writes whole lines to `output`, one with each call, and counts those that fail.
#[derive(Debug)]
pub struct Counted<W> {
    output: W,
    unwritten: Unwritten,
    /// Whether a line was cut off in its middle.
    is_torn: bool,
}

/// How many lines could not be written, and why not. A clone counts the same.
#[derive(Clone, Debug, Default)]
pub struct Unwritten(Arc<Count>);

#[derive(Debug, Default)]
struct Count {
    lines: AtomicU64,
    /// The system's number of the last line's error; 0 when it was written.
    fault: AtomicI32,
}

impl<W: Write> Counted<W> {
    /// Counts with `unwritten`.
    pub fn new(output: W, unwritten: Unwritten) -> Self {
        Self { output, unwritten, is_torn: false }
    }

    /// Writes all of `octets`; the next line does not continue one that was cut off.
    fn put(&mut self, octets: &[u8]) -> io::Result<()> {
        if self.is_torn {
            self.output.write_all(b"\n")?;
            self.is_torn = false;
        }
        let mut rest = octets;
        while !rest.is_empty() {
            match self.output.write(rest) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => {
                    rest = &rest[written..];
                    self.is_torn = !rest.is_empty();
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

impl<W: Write> Write for Counted<W> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let outcome = self.put(line).and_then(|()| self.output.flush());
        self.unwritten.note(outcome.as_ref().err());
        Ok(line.len())
    }

    /// Each line is flushed as it is written.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Unwritten {
    /// How many lines could not be written.
    pub fn lines(&self) -> u64 {
        self.0.lines.load(Ordering::Relaxed)
    }

    /// Why the last line could not be written; `None` when it could.
    pub fn fault(&self) -> Option<io::Error> {
        match self.0.fault.load(Ordering::Relaxed) {
            0 => None,
            UNKNOWN => Some(io::ErrorKind::Other.into()),
            number => Some(io::Error::from_raw_os_error(number)),
        }
    }

    fn note(&self, error: Option<&io::Error>) {
        let fault = error.map_or(0, |error| error.raw_os_error().unwrap_or(UNKNOWN));
        // First: whoever sees the count sees the fault.
        self.0.fault.store(fault, Ordering::Release);
        if error.is_some() {
            self.0.lines.fetch_add(1, Ordering::Release);
        }
    }
}

/// An error without a number of the system's.
const UNKNOWN: i32 = -1;

#[cfg(test)]
mod tests {
    use std::fs::OpenOptions;

    use super::*;

    /// Takes so many octets with each call; an error in between.
    struct Halting<'s> {
        steps: Box<dyn Iterator<Item = Result<usize, i32>> + 's>,
        written: Vec<u8>,
    }

    impl Write for Halting<'_> {
        fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
            match self.steps.next() {
                Some(Err(number)) => Err(io::Error::from_raw_os_error(number)),
                Some(Ok(room)) => {
                    let taken = room.min(octets.len());
                    self.written.extend_from_slice(&octets[..taken]);
                    Ok(taken)
                }
                None => {
                    self.written.extend_from_slice(octets);
                    Ok(octets.len())
                }
            }
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// What is written of three lines, how many are lost, and what the system said last.
    fn three_lines(steps: &[Result<usize, i32>]) -> (String, u64, Option<i32>) {
        let unwritten = Unwritten::default();
        let output = Halting { steps: Box::new(steps.iter().copied()), written: Vec::new() };
        let mut counted = Counted::new(output, unwritten.clone());
        for line in ["one\n", "two\n", "three\n"] {
            counted.write_all(line.as_bytes()).unwrap();
        }
        let written = String::from_utf8(counted.output.written).unwrap();
        (written, unwritten.lines(), unwritten.fault().and_then(|fault| fault.raw_os_error()))
    }

    #[test]
    fn a_line_is_written_whole_or_counted_and_the_next_begins_anew() {
        const FULL: Result<usize, i32> = Err(28);
        const INTERRUPTED: Result<usize, i32> = Err(4);
        for (steps, written, lost, fault) in [
            (&[][..], "one\ntwo\nthree\n", 0, None),
            (&[Ok(1), INTERRUPTED, Ok(2)], "one\ntwo\nthree\n", 0, None),
            (&[FULL], "two\nthree\n", 1, None),
            (&[Ok(2), FULL], "on\ntwo\nthree\n", 1, None),
            // The end of the torn line is lost as well, and is tried again.
            (&[Ok(2), FULL, FULL], "on\nthree\n", 2, None),
            (&[Ok(4), Ok(4), FULL], "one\ntwo\n", 1, Some(28)),
            (&[Ok(4), Ok(0)], "one\nthree\n", 1, None),
        ] {
            assert_eq!(three_lines(steps), (written.to_owned(), lost, fault), "{steps:?}");
        }
    }

    #[test]
    fn a_full_device_says_why() {
        let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
        let unwritten = Unwritten::default();
        let mut counted = Counted::new(full, unwritten.clone());
        counted.write_all(b"a line\n").unwrap();
        assert_eq!(unwritten.lines(), 1);
        let fault = unwritten.fault().unwrap();
        assert_eq!(fault.kind(), io::ErrorKind::StorageFull, "{fault}");
    }

    #[test]
    fn a_pipe_without_a_reader_is_an_error_too() {
        let (reader, writer) = io::pipe().unwrap();
        drop(reader);
        let unwritten = Unwritten::default();
        let mut counted = Counted::new(writer, unwritten.clone());
        counted.write_all(b"a line\n").unwrap();
        assert_eq!(unwritten.fault().unwrap().kind(), io::ErrorKind::BrokenPipe);
    }
}
