//! `drain` and `undrain`: takes a server out of the read names, and lets it come back.

use std::io;

use clap::Args;

use super::{
    change::{author, consider},
    options::{Asking, EndOptions, TermOptions},
    outcome::Out,
};
use crate::api::{Drain, Undrain};

/// Options of `drain`.
#[derive(Debug, Args)]
pub struct DrainOptions {
    /// The server
    pub server: String,
    /// Also out of the write name, and even if a read name is left without a server
    #[arg(long)]
    pub force: bool,
    /// How long and why.
    #[command(flatten)]
    pub term: TermOptions,
    /// How it is asked.
    #[command(flatten)]
    pub asking: Asking,
}

/// Options of `undrain`.
#[derive(Debug, Args)]
pub struct UndrainOptions {
    /// The server
    pub server: String,
    /// Why it ends.
    #[command(flatten)]
    pub end: EndOptions,
}

/// Takes a server out of the read names. Returns the exit code.
///
/// # Errors
/// When the outcome cannot be written.
pub fn drain(options: &DrainOptions, out: Out<'_>) -> io::Result<u8> {
    let DrainOptions { server, force, term, asking } = options;
    let TermOptions { lasts, forever, reason, consent } = term;
    let wish = |dry_run| Drain {
        server: server.clone(),
        force: *force,
        lasts: lasts.clone(),
        forever: *forever,
        author: author(asking),
        reason: reason.clone(),
        dry_run,
    };
    consider("/v1/drain", wish, consent, asking, out)
}

/// Ends the drain of a server. Returns the exit code.
///
/// # Errors
/// When the outcome cannot be written.
pub fn undrain(options: &UndrainOptions, out: Out<'_>) -> io::Result<u8> {
    let EndOptions { reason, consent, asking } = &options.end;
    let wish = |dry_run| {
        let (server, reason) = (options.server.clone(), reason.clone());
        Undrain { server, author: author(asking), reason, dry_run }
    };
    consider("/v1/undrain", wish, consent, asking, out)
}
