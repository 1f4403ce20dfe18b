//! `drain` and `undrain`: takes a server out of the read names, and lets it come back.

use std::io;

use clap::Args;

use super::{
    change::{author, consider},
    drain_wait::{WaitOptions, longest_ttl, wait},
    options::{Asking, EndOptions, TermOptions},
    outcome::{Out, USAGE, failed},
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
    /// Whether its clients are waited for.
    #[command(flatten)]
    pub waiting: WaitOptions,
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

/// Takes a server out of the read names, and waits for its clients to leave if that is asked for.
/// Returns the exit code.
///
/// # Errors
/// When the outcome cannot be written.
pub fn drain(options: &DrainOptions, out: Out<'_>) -> io::Result<u8> {
    let DrainOptions { server, force, waiting, term, asking } = options;
    let TermOptions { lasts, forever, reason, consent } = term;
    let Out { output, errors } = out;
    if let Some(fault) = waiting.fault(term) {
        writeln!(errors, "{fault}")?;
        return Ok(USAGE);
    }
    // As it was before: while names change they live shorter.
    let ttl = match waiting.wait && !consent.dry_run {
        true => match longest_ttl(server, asking) {
            Ok(ttl) => Some(ttl),
            Err(error) => return failed(&error, &asking.form, errors),
        },
        false => None,
    };
    let wish = |dry_run| Drain {
        server: server.clone(),
        force: *force,
        lasts: lasts.clone(),
        forever: *forever,
        author: author(asking),
        reason: reason.clone(),
        dry_run,
    };
    let code = consider("/v1/drain", wish, consent, asking, Out { output, errors })?;
    match ttl {
        Some(ttl) if code == 0 => wait(server, waiting, ttl, asking, Out { output, errors }),
        _ => Ok(code),
    }
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
