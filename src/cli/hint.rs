//! `hint`: tells the running service that something has changed in a cluster.

use std::io;

use clap::Args;
use serde::{Deserialize, Serialize};

use super::{
    options::{Form, ServiceOptions},
    outcome::{Out, as_json, failed},
};

/// Options of `hint`.
#[derive(Debug, Args)]
pub struct HintOptions {
    /// The cluster, as the configuration names it
    pub cluster: String,
    /// How it is printed.
    #[command(flatten)]
    pub form: Form,
    /// The service.
    #[command(flatten)]
    pub service: ServiceOptions,
}

/// What is sent.
#[derive(Serialize)]
struct Hint<'a> {
    cluster: &'a str,
}

/// What comes back.
#[derive(Deserialize, Serialize)]
struct Taken {
    cluster: String,
}

/// Gives the hint. Returns the exit code.
///
/// # Errors
/// When the outcome cannot be written.
pub fn run(options: &HintOptions, Out { output, errors }: Out<'_>) -> io::Result<u8> {
    let hint = Hint { cluster: &options.cluster };
    let client = options.service.client();
    match client.and_then(|client| client.post::<Taken>("/v1/hint", &hint)) {
        Ok(taken) if options.form.json => output.write_all(as_json(&taken).as_bytes()),
        Ok(Taken { cluster }) => writeln!(output, "{cluster}: every server is asked at once"),
        Err(error) => return failed(&error, &options.form, errors),
    }?;
    Ok(0)
}
