//! An application at work, in its own language: a process that tells what came of each of its writes.

use std::{
    fs::{self, File},
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Stdio},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread::{self, JoinHandle},
};

use crate::{
    clock::Clock,
    story::{Outcome, Story, Write},
};

/// A running application. Dropped, it is killed.
#[derive(Debug)]
pub(crate) struct Writer {
    child: Child,
    reader: Option<JoinHandle<()>>,
    shared: Arc<Mutex<Shared>>,
    log: PathBuf,
}

#[derive(Debug, Default)]
struct Shared {
    story: Story,
    last_error: String,
}

impl Writer {
    /// Starts `command`, whose errors go to the file `log`; `servers` are the servers' names as
    /// they themselves tell them.
    pub(crate) fn start(mut command: Command, log: &Path, servers: Vec<String>) -> Self {
        let errors = File::create(log).expect("a log file can be made");
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(errors)
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?} cannot be started: {error}"));
        let output = child.stdout.take().expect("stdout is piped");
        let shared = Arc::new(Mutex::new(Shared::default()));
        let noted = Arc::clone(&shared);
        let reader = thread::spawn(move || read(output, &servers, &noted));
        Self { child, reader: Some(reader), shared, log: log.to_owned() }
    }

    /// What it was told since this was last called, which is forgotten.
    pub(crate) fn take(&self) -> Story {
        std::mem::take(&mut lock(&self.shared).story)
    }

    /// Looks at what it was told since [`Self::take`].
    pub(crate) fn look<T>(&self, judge: impl FnOnce(&Story) -> T) -> T {
        judge(&lock(&self.shared).story)
    }

    /// Its last error, and the end of what it has said besides.
    pub(crate) fn tell(&self) -> String {
        let said = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<_> = said.lines().rev().take(10).collect();
        let lines: Vec<_> = lines.into_iter().rev().collect();
        format!("last error: {}\n{}", lock(&self.shared).last_error, lines.join("\n"))
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
        if let Some(reader) = self.reader.take() {
            drop(reader.join());
        }
    }
}

/// Reads to the end of `output`.
fn read(output: ChildStdout, servers: &[String], shared: &Mutex<Shared>) {
    let clock = Clock::read();
    for line in BufReader::new(output).lines().map_while(Result::ok) {
        let parsed = parse(&line, servers, &clock);
        let mut shared = lock(shared);
        match parsed {
            Ok(write) => {
                if write.outcome == Outcome::Failed {
                    shared.last_error = line;
                }
                shared.story.add(write);
            }
            Err(fault) => shared.last_error = format!("{fault}: {line}"),
        }
    }
}

/// `NANOSECONDS ok SERVER` or `NANOSECONDS error WORDS`.
fn parse(line: &str, servers: &[String], clock: &Clock) -> Result<Write, &'static str> {
    let mut words = line.splitn(3, ' ');
    let time = words.next().and_then(|time| time.parse().ok()).ok_or("no time")?;
    let at = clock.instant(time);
    let outcome = match (words.next(), words.next()) {
        (Some("ok"), Some(server)) => {
            let server = servers.iter().position(|one| one == server).ok_or("no server")?;
            Outcome::Acknowledged(server)
        }
        (Some("error"), _) => Outcome::Failed,
        _ => return Err("no outcome"),
    };
    Ok(Write { at, outcome })
}

fn lock(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::parse;
    use crate::{clock::Clock, story::Outcome};

    #[test]
    fn lines_of_clients_are_read() {
        let clock = Clock::read();
        let servers = ["127.0.0.1", "127.0.0.2"].map(str::to_owned);
        let outcome = |line| parse(line, &servers, &clock).map(|write| write.outcome);
        assert_eq!(outcome("12 ok 127.0.0.2"), Ok(Outcome::Acknowledged(1)));
        assert_eq!(outcome("12 error it is gone"), Ok(Outcome::Failed));
        assert_eq!(outcome("12 error"), Ok(Outcome::Failed));
        assert_eq!(outcome("12 ok 127.0.0.3"), Err("no server"));
        assert_eq!(outcome("ok 127.0.0.1"), Err("no time"));
        assert_eq!(outcome("12 maybe"), Err("no outcome"));
    }
}
