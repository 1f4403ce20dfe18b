//! `[log]`: how the log is written, and how much.

use super::read::{Field, one_of, section};

section! {
    /// How the log is written, and how much.
    LogSection = "[log]" {
        /// For people, who read the journal, or for programs.
        format: LogFormat = LogFormat::Text,
        /// What is left out is less important. What each level has is in `telemetry`.
        level: LogLevel = LogLevel::Info,
    }
}

/// How the log is written, and how much of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LogConfig {
    /// For whom.
    pub format: LogFormat,
    /// The least important line.
    pub level: LogLevel,
}

/// How a line is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// Words, then fields.
    #[default]
    Text,
    /// One JSON object per line.
    Json,
}

/// How important a line is, from the most important on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogLevel {
    /// Two servers are writable; a part of Pointsman has failed.
    Error,
    /// Something needs its operator.
    Warn,
    /// Every change.
    #[default]
    Info,
    /// What only whoever looks for a fault wants to know.
    Debug,
    /// Everything.
    Trace,
}

impl LogLevel {
    /// The word for it in the file and in `RUST_LOG`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
}

/// `[log]`, which may be left out.
pub fn convert(field: &Field<LogSection>) -> LogConfig {
    let absent = LogSection::default();
    let section = field.given().unwrap_or(&absent);
    LogConfig { format: section.format(), level: section.level() }
}

/// What differs and is only read at the start.
pub fn differing(was: LogConfig, is: LogConfig) -> Option<&'static str> {
    (was != is).then_some("[log]")
}

one_of! { LogFormat, "\"text\" or \"json\"",
    "text" => Self::Text,
    "json" => Self::Json,
}

one_of! { LogLevel, "\"error\", \"warn\", \"info\", \"debug\" or \"trace\"",
    "error" => Self::Error,
    "warn" => Self::Warn,
    "info" => Self::Info,
    "debug" => Self::Debug,
    "trace" => Self::Trace,
}
