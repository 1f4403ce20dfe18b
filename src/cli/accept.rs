//! `accept`: makes the history of one server its cluster's.

use std::io;

use clap::Args;

use super::{
    change::{author, post},
    options::Asking,
    outcome::Out,
};
use crate::api::Accept;

/// Options of `accept`.
#[derive(Debug, Args)]
#[command(after_help = "\
Needed where the servers themselves prove nothing: after a restored backup, after pg_upgrade, after
a clone was published, after a lost volume, or when the successor of a former primary is gone for
good. What other servers showed before no longer speaks against this one; those that do not have
what it has must follow it before their word counts. Only accepting another server takes it back.")]
pub struct AcceptOptions {
    /// The cluster
    pub cluster: String,
    /// The server that has the right data
    pub server: String,
    /// Why: one line, shown to others
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
    /// How it is asked.
    #[command(flatten)]
    pub asking: Asking,
}

/// Makes the history of one server its cluster's. Returns the exit code.
///
/// # Errors
/// When the outcome cannot be written.
pub fn run(options: &AcceptOptions, out: Out<'_>) -> io::Result<u8> {
    let AcceptOptions { cluster, server, reason, asking } = options;
    let wish = Accept {
        cluster: cluster.clone(),
        server: server.clone(),
        author: author(asking),
        reason: reason.clone(),
    };
    post("/v1/accept", &wish, asking, out)
}
