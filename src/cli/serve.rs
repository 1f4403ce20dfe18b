//! `serve`: what may be said; what it runs is put together in `main`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::options::DEFAULT_CONFIG;
use crate::config::LogFormat;

/// Options of `serve`.
#[derive(Debug, Args)]
pub struct ServeOptions {
    /// Configuration file
    #[arg(long, value_name = "FILE", env = "POINTSMAN_CONFIG", default_value = DEFAULT_CONFIG)]
    pub config: PathBuf,
    /// How the log is written: text or json [default: what the configuration says]
    #[arg(
        long,
        value_name = "FORMAT",
        env = "POINTSMAN_LOG_FORMAT",
        hide_env_values = true,
        hide_possible_values = true
    )]
    pub log_format: Option<LogWord>,
}

/// A format of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogWord {
    /// For people
    Text,
    /// One JSON object per line
    Json,
}

impl From<LogWord> for LogFormat {
    fn from(word: LogWord) -> Self {
        match word {
            LogWord::Text => Self::Text,
            LogWord::Json => Self::Json,
        }
    }
}
