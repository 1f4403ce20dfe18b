//! `explain`: why a name says what it says.

use std::io;

use clap::Args;

use super::{
    client::query,
    options::{Form, ServiceOptions},
    outcome::Out,
    picture,
    show::show,
};
use crate::api::Explanation;

/// Options of `explain`.
#[derive(Debug, Args)]
pub struct ExplainOptions {
    /// The served DNS name
    pub name: String,
    /// How it is printed.
    #[command(flatten)]
    pub form: Form,
    /// The service.
    #[command(flatten)]
    pub service: ServiceOptions,
}

/// Shows why a name says what it says. Returns the exit code.
///
/// # Errors
/// When the outcome cannot be written.
pub fn run(options: &ExplainOptions, out: Out<'_>) -> io::Result<u8> {
    let path = format!("/v1/explain?{}", query(&[("name", &options.name)]));
    show::<Explanation>(&path, picture::explanation, &options.form, &options.service, out)
}
