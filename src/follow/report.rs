//! What the agent tells of itself, over a Unix socket: whoever connects gets one line of JSON. No
//! answer means that it does not run.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    io::{self, Read as _},
    os::unix::net::UnixStream,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use serde::{Deserialize, Serialize};
use tokio::{io::AsyncWriteExt as _, net::UnixListener, time::timeout};

use super::reason::CutReason;
use crate::plain_text::one_line;

/// What it has seen and done.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FollowReport {
    /// Whether nothing is really cut.
    pub dry_run: bool,
    /// The names that it follows.
    pub names: BTreeMap<String, NameReport>,
    /// Connections that were cut since the start, by reason; in a dry run those that would have been.
    pub cut: BTreeMap<String, u64>,
    /// Connections that could not be cut.
    pub failures: u64,
    /// Connections that live on at the last look, by why.
    pub spared: BTreeMap<String, u64>,
    /// The last lines about what was done, newest first.
    pub last: Vec<String>,
}

/// What it knows of one name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NameReport {
    /// Whom the last answer said.
    pub servers: Vec<String>,
    /// Why the last question had no answer that counts.
    pub fault: Option<String>,
    /// How often it was asked.
    pub lookups: u64,
    /// How often there was no answer that counts.
    pub failed_lookups: u64,
    /// How often it has come to say others.
    pub moves: u64,
}

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// Nobody listens, or nobody may ask.
    #[error(
        "no agent answers on `{path}`: {source}; see `systemctl status pointsman-follow`, or name \
         its socket with --socket"
    )]
    Silent {
        /// The socket.
        path: Box<str>,
        /// What the system said.
        source: io::Error,
    },
    /// It is no report.
    #[error("what answers on `{path}` is no agent of this version: {source}")]
    Odd {
        /// The socket.
        path: Box<str>,
        /// What is wrong with it.
        source: serde_json::Error,
    },
}

/// Asks the agent behind the socket at `path`. Blocks.
///
/// # Errors
/// [`AskError`].
pub fn ask(path: &Path) -> Result<FollowReport, AskError> {
    let shown = || one_line(&path.display().to_string()).into();
    let mut text = String::new();
    let read = UnixStream::connect(path).and_then(|mut stream| {
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.read_to_string(&mut text)
    });
    read.map_err(|source| AskError::Silent { path: shown(), source })?;
    serde_json::from_str(&text).map_err(|source| AskError::Odd { path: shown(), source })
}

/// The report, shared between whoever acts and whoever tells.
#[derive(Clone, Debug, Default)]
pub struct Shared(Arc<Mutex<FollowReport>>);

impl Shared {
    /// Changes it.
    pub fn with(&self, work: impl FnOnce(&mut FollowReport)) {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Answers whoever connects, for ever.
    pub async fn serve(self, listener: UnixListener) {
        loop {
            let Ok((mut stream, _)) = listener.accept().await else {
                tokio::time::sleep(PATIENCE).await;
                continue;
            };
            let report = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
            let text = serde_json::to_string(&report).unwrap_or_default() + "\n";
            // Who does not read gets nothing.
            _ = timeout(PATIENCE, stream.write_all(text.as_bytes())).await;
        }
    }
}

impl FollowReport {
    /// As people read it.
    pub fn picture(&self) -> String {
        let mut text = String::new();
        if self.dry_run {
            text += "a dry run: nothing is really cut\n";
        }
        for (name, told) in &self.names {
            let servers = if told.servers.is_empty() { "-" } else { &told.servers.join(", ") };
            _ = write!(text, "{name}: {servers}; moved {} times", told.moves);
            _ = match &told.fault {
                Some(fault) => writeln!(text, "; no answer: {}", one_line(fault)),
                None => writeln!(text),
            };
        }
        let cut: u64 = self.cut.values().sum();
        let reasons = self.cut.iter().map(|(reason, cut)| format!("{cut} {reason}"));
        let reasons = reasons.collect::<Vec<_>>().join(", ");
        _ = writeln!(text, "cut since the start: {cut} ({reasons}); failed: {}", self.failures);
        for (why, connections) in &self.spared {
            _ = writeln!(text, "  lives on: {connections} {}", one_line(why));
        }
        for line in &self.last {
            _ = writeln!(text, "  {}", one_line(line));
        }
        text
    }

    /// As Prometheus reads it, for the textfile collector of its node exporter.
    pub fn metrics(&self) -> String {
        let mut text = String::new();
        let mut family = |name: &str, kind: &str, help: &str, samples: Vec<(String, u64)>| {
            _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
            for (labels, value) in samples {
                _ = writeln!(text, "{name}{labels} {value}");
            }
        };
        let of_names = |value: fn(&NameReport) -> u64| {
            let labelled = |name: &String| format!("{{name=\"{name}\"}}");
            self.names.iter().map(|(name, told)| (labelled(name), value(told))).collect::<Vec<_>>()
        };
        let cut = CutReason::ALL.map(|reason| {
            let word = reason.word();
            (format!("{{reason=\"{word}\"}}"), self.cut.get(word).copied().unwrap_or(0))
        });
        family(
            "pointsman_follow_connections_cut_total",
            "counter",
            "Connections that were cut, or would have been in a dry run.",
            cut.to_vec(),
        );
        family(
            "pointsman_follow_cut_failures_total",
            "counter",
            "Connections that could not be cut.",
            vec![(String::new(), self.failures)],
        );
        family(
            "pointsman_follow_lookups_total",
            "counter",
            "How often a name was asked for.",
            of_names(|told| told.lookups),
        );
        family(
            "pointsman_follow_lookup_failures_total",
            "counter",
            "How often there was no answer that counts.",
            of_names(|told| told.failed_lookups),
        );
        family(
            "pointsman_follow_moves_total",
            "counter",
            "How often a name has come to say others.",
            of_names(|told| told.moves),
        );
        family(
            "pointsman_follow_in_sight",
            "gauge",
            "Whether the last question had an answer that counts.",
            of_names(|told| u64::from(told.fault.is_none() && told.lookups > 0)),
        );
        text
    }
}

/// How long either end waits for the other.
const PATIENCE: Duration = Duration::from_secs(2);
