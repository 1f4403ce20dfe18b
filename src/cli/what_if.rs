//! `what-if`: what would be decided if servers were otherwise.

use std::io;

use clap::Args;

use super::{
    client::query,
    options::{Form, ServiceOptions},
    outcome::{Out, USAGE},
    picture,
    show::show,
};
use crate::api::WhatIf;

/// Options of `what-if`.
#[derive(Debug, Args)]
pub struct WhatIfOptions {
    /// A server and what to suppose of it: down, up, promoted, read-only, drained, or lag= and a
    /// duration, as in lag=5s; more servers of the same cluster may follow
    #[arg(required = true, num_args = 2.., value_names = ["SERVER", "SUPPOSITION"])]
    pub supposed: Vec<String>,
    /// How it is printed.
    #[command(flatten)]
    pub form: Form,
    /// The service.
    #[command(flatten)]
    pub service: ServiceOptions,
}

/// Shows what would be decided if servers were otherwise. Returns the exit code.
///
/// # Errors
/// When the outcome cannot be written.
pub fn run(options: &WhatIfOptions, out: Out<'_>) -> io::Result<u8> {
    let mut servers = Vec::new();
    let mut suppositions = Vec::new();
    for pair in options.supposed.chunks(2) {
        let [server, supposition] = pair else {
            let lone = pair.concat();
            let words = format!("what is to be supposed of {lone}? Write what-if {lone} down, say");
            writeln!(out.errors, "{words}")?;
            return Ok(USAGE);
        };
        servers.push(server.as_str());
        suppositions.push(supposition.as_str());
    }
    let asked = query(&[("server", &servers.join(",")), ("suppose", &suppositions.join(","))]);
    let path = format!("/v1/what-if?{asked}");
    show::<WhatIf>(&path, picture::what_if, &options.form, &options.service, out)
}
