//! What `pointsman serve` logs: JSON lines, kept with the time of their arrival.

use std::{
    fmt,
    io::{BufRead, BufReader, Read},
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::Instant,
};

use serde_json::Value;

/// All lines so far. Cheap to clone; every clone sees the same lines.
#[derive(Clone, Default)]
pub struct Log {
    lines: Arc<Mutex<Vec<Line>>>,
}

/// One line.
#[derive(Clone)]
pub struct Line {
    at: Instant,
    text: String,
    json: Option<Value>,
}

/// A change of a server's state, as logged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateChange {
    /// When the line arrived.
    pub at: Instant,
    /// `WARN` for states that should alarm somebody.
    pub level: String,
    /// The state before.
    pub from: String,
    /// The state now.
    pub to: String,
    /// Why.
    pub reason: String,
}

/// A place in the log, to look only at what came later; by default the beginning.
#[derive(Clone, Copy, Debug, Default)]
pub struct Mark(usize);

impl Log {
    /// Collects everything that comes from `output`, until it ends.
    pub fn follow(&self, output: impl Read + Send + 'static) {
        let log = self.clone();
        thread::spawn(move || {
            for text in BufReader::new(output).lines().map_while(Result::ok) {
                let json = serde_json::from_str(&text).ok();
                let at = Instant::now();
                log.with(|lines| lines.push(Line { at, text, json }));
            }
        });
    }

    /// The present end.
    pub fn mark(&self) -> Mark {
        Mark(self.with(|lines| lines.len()))
    }

    /// The changes of state of `server` in `cluster` since `mark`.
    pub fn states(&self, mark: Mark, cluster: &str, server: &str) -> Vec<StateChange> {
        self.with(|lines| {
            lines[mark.0..]
                .iter()
                .filter(|line| line.field("event") == Some("state"))
                .filter(|line| line.field("cluster") == Some(cluster))
                .filter(|line| line.field("server") == Some(server))
                .map(Line::state_change)
                .collect()
        })
    }

    /// Whether any line since the start contains `text`.
    pub fn contains(&self, text: &str) -> bool {
        self.with(|lines| lines.iter().any(|line| line.text.contains(text)))
    }

    /// The newest `count` lines, each with its age.
    pub fn tail(&self, count: usize) -> String {
        let now = Instant::now();
        self.with(|lines| {
            lines[lines.len().saturating_sub(count)..]
                .iter()
                .map(|line| {
                    let age = now.saturating_duration_since(line.at);
                    format!("  -{:.2}s {}\n", age.as_secs_f32(), line.text)
                })
                .collect()
        })
    }

    /// The whole log as text.
    pub fn text(&self) -> String {
        self.tail(usize::MAX)
    }

    fn with<T>(&self, work: impl FnOnce(&mut Vec<Line>) -> T) -> T {
        work(&mut self.lines.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Line {
    /// A text field of the event.
    fn field(&self, name: &str) -> Option<&str> {
        self.json.as_ref()?.get("fields")?.get(name)?.as_str()
    }

    fn state_change(&self) -> StateChange {
        let field = |name| self.field(name).unwrap_or_default().to_owned();
        StateChange {
            at: self.at,
            level: self
                .json
                .as_ref()
                .and_then(|json| json.get("level")?.as_str())
                .unwrap_or_default()
                .to_owned(),
            from: field("from"),
            to: field("to"),
            reason: field("reason"),
        }
    }
}

impl fmt::Display for StateChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} → {} ({})", self.level, self.from, self.to, self.reason)
    }
}
