//! A command of the operator's: exit status and one line.
//!
//! It runs as [`process_group`](crate::process_group) says, with nothing to read and its errors thrown
//! away. Its group is killed when the question is over, answered or not.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
};

use tokio::{
    io::{AsyncRead, AsyncReadExt},
    time::timeout,
};

use super::{WitnessTarget, words};
use crate::{
    config::TargetHost,
    engine::{Failure, FailureKind, Testimony, Word},
    process_group::{LAST_WORDS, ProcessGroup, leader},
};

/// A command, ready to run.
pub struct Command {
    program: PathBuf,
    arguments: Vec<String>,
    /// The same values as the placeholders'.
    environment: [(&'static str, String); 4],
}

impl Command {
    pub(super) fn new(target: &WitnessTarget, program: &Path, arguments: &[Box<str>]) -> Self {
        let address = match &target.target.host {
            TargetHost::Address(address) => address.to_string(),
            TargetHost::Name(name) => name.to_string(),
        };
        let values = [
            ("{server}", target.names.server.to_string()),
            ("{address}", address),
            ("{port}", target.target.port.to_string()),
            ("{cluster}", target.names.cluster.to_string()),
        ];
        let arguments = arguments.iter().map(|argument| filled(argument, &values)).collect();
        let [server, address, port, cluster] = values.map(|(_, value)| value);
        let environment = [
            ("POINTSMAN_SERVER", server),
            ("POINTSMAN_ADDRESS", address),
            ("POINTSMAN_PORT", port),
            ("POINTSMAN_CLUSTER", cluster),
        ];
        Self { program: program.to_owned(), arguments, environment }
    }

    /// Runs it once. To be dropped at its deadline, which kills it.
    pub(super) async fn ask(&self) -> Result<Testimony, Failure> {
        let mut child = leader(&self.program)
            .args(&self.arguments)
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| cannot_run(&self.program, &error))?;
        let group = ProcessGroup::led_by(&child);
        let mut output = Output { stream: child.stdout.take(), first: Vec::new() };
        let status = loop {
            tokio::select! {
                status = child.wait() => break status,
                () = output.read() => {}
            }
        };
        let status = status.map_err(|error| cannot_run(&self.program, &error))?;
        drop(group);
        // Whoever held the other end is dead now, or has left the group and is not waited for.
        let rest = async {
            while output.stream.is_some() {
                output.read().await
            }
        };
        _ = timeout(LAST_WORDS, rest).await;
        let Some(code) = status.code() else {
            let detail = format!("the command was ended by a signal: {status}");
            return Err(Failure::new(FailureKind::Troubled, detail));
        };
        Ok(testimony(code, &output.line()))
    }
}

/// What exit status and first line say together: the stronger word.
fn testimony(code: i32, line: &str) -> Testimony {
    let exit = if code == 0 { Word::Up } else { Word::Down };
    let detail = match line {
        "" => format!("exit status {code}"),
        line => format!("exit status {code}: {line}"),
    };
    let said = words::parse(line).unwrap_or_else(|| Testimony::new(exit, ""));
    Testimony { word: said.word.max(exit), detail: detail.into(), ..said }
}

/// The text with every placeholder replaced, in one pass: what a value holds is not replaced again.
fn filled(text: &str, values: &[(&str, String)]) -> String {
    let mut filled = String::new();
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        match values.iter().find(|(placeholder, _)| rest.starts_with(placeholder)) {
            Some((placeholder, value)) => {
                filled.push_str(value);
                rest = &rest[placeholder.len()..];
            }
            None => {
                filled.push(next);
                rest = &rest[next.len_utf8()..];
            }
        }
    }
    filled
}

fn cannot_run(program: &Path, error: &std::io::Error) -> Failure {
    let detail = format!("cannot run {}: {error}", program.display());
    Failure::new(FailureKind::Misconfigured, detail)
}

/// What a command writes, of which the beginning is kept.
struct Output<S> {
    /// `None` once it has ended.
    stream: Option<S>,
    first: Vec<u8>,
}

impl<S: AsyncRead + Unpin> Output<S> {
    /// Reads some more, and throws away what is too much; for ever when it has ended. Cancel-safe.
    async fn read(&mut self) {
        let Some(stream) = &mut self.stream else {
            return std::future::pending().await;
        };
        let mut some = [0; 1024];
        match stream.read(&mut some).await {
            Ok(0) | Err(_) => self.stream = None,
            Ok(read) => {
                let room = OUTPUT_MAX.saturating_sub(self.first.len());
                self.first.extend_from_slice(&some[..read.min(room)]);
            }
        }
    }

    fn line(&self) -> String {
        let text = String::from_utf8_lossy(&self.first);
        text.lines().next().unwrap_or_default().trim().to_owned()
    }
}

/// Octets of output that are looked at.
const OUTPUT_MAX: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stronger_of_status_and_line_counts() {
        for (code, line, word, percent) in [
            (0, "", Word::Up, 100),
            (1, "", Word::Down, 100),
            (0, "whatever it says", Word::Up, 100),
            (0, "drain", Word::Drain, 100),
            (0, "40%", Word::Up, 40),
            (0, "down # disk", Word::Down, 100),
            (3, "up 40%", Word::Down, 40),
            (3, "drain", Word::Down, 100),
            (3, "maint", Word::Maint, 100),
        ] {
            let said = testimony(code, line);
            assert_eq!((said.word, said.percent), (word, percent), "{code} {line}");
        }
        assert_eq!(&*testimony(2, "").detail, "exit status 2");
        assert_eq!(&*testimony(2, "no disk").detail, "exit status 2: no disk");
    }

    #[test]
    fn placeholders_are_replaced_once() {
        let values = [("{server}", "{port}".to_owned()), ("{port}", "5432".to_owned())];
        assert_eq!(filled("{server}:{port} {} {x} é", &values), "{port}:5432 {} {x} é");
    }
}
