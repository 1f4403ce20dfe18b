//! `what-if`: what would be decided if a server were otherwise.

use std::io;

use clap::Args;

use super::{
    client::query,
    options::{Form, ServiceOptions},
    outcome::Out,
    picture,
    show::show,
};
use crate::api::WhatIf;

/// Options of `what-if`.
#[derive(Debug, Args)]
pub struct WhatIfOptions {
    /// The server
    pub server: String,
    /// What to suppose of it: down, up, or lag= and a duration, as in lag=5s
    pub supposition: String,
    /// How it is printed.
    #[command(flatten)]
    pub form: Form,
    /// The service.
    #[command(flatten)]
    pub service: ServiceOptions,
}

/// Shows what would be decided if a server were otherwise. Returns the exit code.
///
/// # Errors
/// When the outcome cannot be written.
pub fn run(options: &WhatIfOptions, out: Out<'_>) -> io::Result<u8> {
    let asked = query(&[("server", &options.server), ("suppose", &options.supposition)]);
    let path = format!("/v1/what-if?{asked}");
    show::<WhatIf>(&path, picture::what_if, &options.form, &options.service, out)
}
