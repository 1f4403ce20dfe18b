//! `freeze` and `thaw`: lets the names of a cluster stand still, and go on.

use std::io;

use clap::Args;

use super::{
    change::{author, consider, end},
    options::{Asking, EndClusterOptions, TermOptions},
    outcome::Out,
};
use crate::api::Suspend;

/// Options of `freeze`.
#[derive(Debug, Args)]
pub struct FreezeOptions {
    /// The cluster
    pub cluster: String,
    /// How long and why.
    #[command(flatten)]
    pub term: TermOptions,
    /// How it is asked.
    #[command(flatten)]
    pub asking: Asking,
}

/// Lets the names of a cluster stand still. Returns the exit code.
///
/// # Errors
/// When the outcome cannot be written.
pub fn freeze(options: &FreezeOptions, out: Out<'_>) -> io::Result<u8> {
    let FreezeOptions { cluster, term, asking } = options;
    let TermOptions { lasts, forever, reason, consent } = term;
    let wish = |dry_run| Suspend {
        cluster: cluster.clone(),
        lasts: lasts.clone(),
        forever: *forever,
        author: author(asking),
        reason: reason.clone(),
        dry_run,
    };
    consider("/v1/freeze", wish, consent, asking, out)
}

/// Ends the freeze of a cluster. Returns the exit code.
///
/// # Errors
/// When the outcome cannot be written.
pub fn thaw(options: &EndClusterOptions, out: Out<'_>) -> io::Result<u8> {
    end("/v1/thaw", options, out)
}
