//! `config`: shows the configuration file with the servers that were added, or changes it.

use std::io;

use clap::Args;

use super::{
    options::{Form, ServiceOptions},
    outcome::{Out, as_json, count, failed},
};
use crate::{
    api::{ConfigText, ConfigWish, DiscoveryText},
    plain_text::one_line,
};

/// Options of `config`.
#[derive(Debug, Args)]
pub struct ConfigOptions {
    /// Change the file, and do not only show it
    #[arg(long)]
    pub write: bool,
    /// Print, in the file's place, what counts for each cluster that discovers its servers, with what
    /// the template adds
    #[arg(long, conflicts_with_all = ["write", "json"])]
    pub discovery: bool,
    /// How it is printed.
    #[command(flatten)]
    pub form: Form,
    /// The service.
    #[command(flatten)]
    pub service: ServiceOptions,
}

/// Shows the configuration file with the servers that were added, or changes it. Returns the exit code.
///
/// # Errors
/// When the outcome cannot be written.
pub fn run(options: &ConfigOptions, out: Out<'_>) -> io::Result<u8> {
    let wish = ConfigWish { write: options.write };
    let told: ConfigText =
        match options.service.client().and_then(|client| client.post("/v1/config", &wish)) {
            Ok(told) => told,
            Err(error) => return failed(&error, &options.form, out.errors),
        };
    for warning in &told.warnings {
        writeln!(out.errors, "warning: {}", one_line(warning))?;
    }
    if options.discovery {
        for DiscoveryText { cluster, counts, .. } in &told.discovery {
            writeln!(out.output, "{}: {}", one_line(cluster), one_line(counts))?;
        }
        if told.discovery.is_empty() {
            writeln!(out.output, "no cluster discovers its servers")?;
        }
        return Ok(0);
    }
    let by_template = told.discovery.iter().filter(|one| one.by_template).count();
    if by_template > 0 && !options.form.json {
        writeln!(
            out.errors,
            "note: [discovery.template] has a part in {}; `pointsman config --discovery` prints \
             what results",
            count(by_template, "cluster")
        )?;
    }
    match (options.form.json, told.written) {
        (true, _) => out.output.write_all(as_json(&told).as_bytes())?,
        (false, false) => out.output.write_all(told.text.as_bytes())?,
        (false, true) => writeln!(out.output, "the configuration file has been changed")?,
    }
    Ok(0)
}
