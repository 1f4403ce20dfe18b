//! `maintenance`: takes a cluster out of service, or lets it come back.

use std::io;

use clap::Args;

use super::{
    change::{author, post},
    options::Asking,
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
    /// How it is asked.
    #[command(flatten)]
    pub asking: Asking,
}

/// Takes a cluster out of service, or lets it come back. Returns the exit code.
///
/// # Errors
/// When the outcome cannot be written.
pub fn run(options: &MaintenanceOptions, out: Out<'_>) -> io::Result<u8> {
    let MaintenanceOptions { cluster, end, lasts, forever, reason, asking } = options;
    let (author, reason) = (author(asking), reason.clone().unwrap_or_default());
    let cluster = cluster.clone();
    if *end {
        return post("/v1/end-maintenance", &End { cluster, author, reason }, asking, out);
    }
    let wish = Suspend { cluster, lasts: lasts.clone(), forever: *forever, author, reason };
    post("/v1/maintenance", &wish, asking, out)
}
