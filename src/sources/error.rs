//! Why a source could not be asked.

use std::{io, path::PathBuf, process::ExitStatus, time::Duration};

use super::REPLY_MAX;
use crate::process_group::LastWords;

/// Why a source has said nothing.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// Its file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// What it says is too long.
    #[error("more than {REPLY_MAX} octets, and no cluster has so many servers")]
    TooLong,
    /// What it says is no JSON, or not all of it.
    #[error("no JSON of the form [{{\"targets\":[\"10.0.0.4:5432\"]}}]: {0}")]
    Json(#[from] serde_json::Error),
    /// Its program cannot be run.
    #[error("cannot run {}: {source}", program.display())]
    Start {
        /// The program.
        program: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Its program said that it failed.
    #[error("the command ended with {status}{last_words}")]
    Status {
        /// How it ended.
        status: ExitStatus,
        /// What it wrote to standard error at last.
        last_words: LastWords,
    },
    /// Its program was killed.
    #[error("the command was killed after {after:?}{last_words}")]
    Killed {
        /// The time that it had.
        after: Duration,
        /// What it wrote to standard error at last.
        last_words: LastWords,
    },
    /// Nothing came in time.
    #[error("no reply within {0:?}")]
    Deadline(Duration),
}
