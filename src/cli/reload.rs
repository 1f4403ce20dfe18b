//! `reload`: lets the service read its configuration again.

use std::io;

use clap::Args;
use hyper::Method;

use super::{
    client::block_on,
    options::{Form, ServiceOptions},
    outcome::{Out, as_json, failed},
};
use crate::{api::Reloaded, plain_text::one_line};

/// Options of `reload`.
#[derive(Debug, Args)]
pub struct ReloadOptions {
    /// How it is printed.
    #[command(flatten)]
    pub form: Form,
    /// The service.
    #[command(flatten)]
    pub service: ServiceOptions,
}

/// Lets the service read its configuration again. Returns the exit code.
///
/// # Errors
/// When the outcome cannot be written.
pub fn run(options: &ReloadOptions, out: Out<'_>) -> io::Result<u8> {
    let reloaded: Reloaded = match options
        .service
        .client()
        .and_then(|client| block_on(client.ask(Method::POST, "/v1/reload", None::<&()>)))
    {
        Ok(reloaded) => reloaded,
        Err(error) => return failed(&error, &options.form, out.errors),
    };
    if options.form.json {
        out.output.write_all(as_json(&reloaded).as_bytes())?;
        return Ok(0);
    }
    let Reloaded { changed, names, dangers, needs_restart, warnings } = reloaded;
    if changed.is_empty() && needs_restart.is_empty() {
        writeln!(out.output, "reloaded; nothing has changed")?;
    }
    for line in changed {
        writeln!(out.output, "{}", one_line(&line))?;
    }
    for name in names {
        writeln!(out.output, "  {}", one_line(&name.summary))?;
    }
    for danger in dangers.into_iter().chain(warnings) {
        writeln!(out.errors, "warning: {}", one_line(&danger))?;
    }
    for line in needs_restart {
        writeln!(out.errors, "{}", one_line(&line))?;
    }
    Ok(0)
}
