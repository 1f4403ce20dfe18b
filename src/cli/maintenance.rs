//! `maintenance`: puts a cluster into maintenance, or lets it come back.

use std::io;

use clap::Args;

use super::{
    change::{author, consider},
    options::{Asking, Consent},
    outcome::Out,
};
use crate::api::{End, Suspend};

/// Options of `maintenance`.
#[derive(Debug, Args)]
pub struct MaintenanceOptions {
    /// The cluster
    pub cluster: String,
    /// End it
    #[arg(long, conflicts_with_all = ["lasts", "forever"])]
    pub end: bool,
    /// How long: 30m, 1h30m, 7d [default: 1h]
    #[arg(long = "for", id = "lasts", value_name = "DURATION", conflicts_with = "forever")]
    pub lasts: Option<String>,
    /// Until somebody ends it
    #[arg(long)]
    pub forever: bool,
    /// Why: one line, shown to others; needed unless it ends
    #[arg(long, value_name = "TEXT", required_unless_present = "end")]
    pub reason: Option<String>,
    /// Whether it is thought over first.
    #[command(flatten)]
    pub consent: Consent,
    /// How it is asked.
    #[command(flatten)]
    pub asking: Asking,
}

/// Puts a cluster into maintenance, or lets it come back. Returns the exit code.
///
/// # Errors
/// When the outcome cannot be written.
pub fn run(options: &MaintenanceOptions, out: Out<'_>) -> io::Result<u8> {
    let MaintenanceOptions { cluster, end, lasts, forever, reason, consent, asking } = options;
    let (author, reason) = (author(asking), reason.clone().unwrap_or_default());
    let (cluster, lasts, forever) = (cluster.clone(), lasts.clone(), *forever);
    if *end {
        let wish = |dry_run| {
            let (cluster, author, reason) = (cluster.clone(), author.clone(), reason.clone());
            End { cluster, author, reason, dry_run }
        };
        return consider("/v1/end-maintenance", wish, consent, asking, out);
    }
    let wish = |dry_run| {
        let (cluster, lasts) = (cluster.clone(), lasts.clone());
        let (author, reason) = (author.clone(), reason.clone());
        Suspend { cluster, lasts, forever, author, reason, dry_run }
    };
    consider("/v1/maintenance", wish, consent, asking, out)
}
