//! `pin` and `unpin`: fixes the write name of a cluster, and lets it go.

use std::io;

use clap::Args;

use super::{
    change::{author, consider, end},
    options::{Asking, EndClusterOptions, TermOptions},
    outcome::Out,
};
use crate::api::Pin;

/// Options of `pin`.
#[derive(Debug, Args)]
pub struct PinOptions {
    /// The cluster
    pub cluster: String,
    /// The server that its write name is to say
    pub server: String,
    /// Even if the server is not writable now, or ceases to be
    #[arg(long = "unsafe")]
    pub even_if_not_writable: bool,
    /// How long and why.
    #[command(flatten)]
    pub term: TermOptions,
    /// How it is asked.
    #[command(flatten)]
    pub asking: Asking,
}

/// Fixes the write name of a cluster. Returns the exit code.
///
/// # Errors
/// When the outcome cannot be written.
pub fn pin(options: &PinOptions, out: Out<'_>) -> io::Result<u8> {
    let PinOptions { cluster, server, even_if_not_writable, term, asking } = options;
    let TermOptions { lasts, forever, reason, consent } = term;
    let wish = |dry_run| Pin {
        cluster: cluster.clone(),
        server: server.clone(),
        even_if_not_writable: *even_if_not_writable,
        lasts: lasts.clone(),
        forever: *forever,
        author: author(asking),
        reason: reason.clone(),
        dry_run,
    };
    consider("/v1/pin", wish, consent, asking, out)
}

/// Ends the pin of a cluster. Returns the exit code.
///
/// # Errors
/// When the outcome cannot be written.
pub fn unpin(options: &EndClusterOptions, out: Out<'_>) -> io::Result<u8> {
    end("/v1/unpin", options, out)
}
