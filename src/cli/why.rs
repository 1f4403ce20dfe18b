//! `why`: what a server is, and why it is in each name or not.

use std::io;

use clap::Args;

use super::{
    client::encoded,
    options::{Form, ServiceOptions},
    outcome::Out,
    picture,
    show::show,
};
use crate::api::Why;

/// Options of `why`.
#[derive(Debug, Args)]
pub struct WhyOptions {
    /// The server, as the configuration names it
    pub server: String,
    /// How it is printed.
    #[command(flatten)]
    pub form: Form,
    /// The service.
    #[command(flatten)]
    pub service: ServiceOptions,
}

/// Shows what a server is, and why it is in each name or not. Returns the exit code.
///
/// # Errors
/// When the outcome cannot be written.
pub fn run(options: &WhyOptions, out: Out<'_>) -> io::Result<u8> {
    let path = format!("/v1/servers/{}", encoded(&options.server));
    show::<Why>(&path, picture::why, &options.form, &options.service, out)
}
