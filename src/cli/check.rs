//! `check-config`: reads the configuration as `serve` would, and says what is wrong with it.

use std::{
    io::{self, Write},
    path::Path,
};

use super::BAD_CONFIGURATION;
use crate::config::{Config, ConfigError, Fault};

/// Checks `file`: one line on `output` when all is well, every fault on `errors` otherwise. Returns
/// the exit code.
///
/// # Errors
///
/// When the outcome cannot be written.
pub fn run(file: &Path, output: &mut dyn Write, errors: &mut dyn Write) -> io::Result<u8> {
    match Config::load(file) {
        Ok(config) => {
            writeln!(output, "{}: fine: {}", file.display(), summary(&config))?;
            Ok(0)
        }
        Err(error) => {
            report(&error, errors)?;
            Ok(BAD_CONFIGURATION)
        }
    }
}

/// The same for programs: one JSON object with a list of faults, empty when all is well. Returns the exit code.
///
/// # Errors
///
/// When the outcome cannot be written.
pub fn run_json(file: &Path, output: &mut dyn Write) -> io::Result<u8> {
    let loaded = Config::load(file);
    let (faults, code) = match &loaded {
        Ok(_) => (&[][..], 0),
        Err(error) => (error.faults(), BAD_CONFIGURATION),
    };
    serde_json::to_writer_pretty(&mut *output, &Report { faults })?;
    writeln!(output)?;
    Ok(code)
}

/// What `check-config --json` prints.
#[derive(serde::Serialize)]
struct Report<'a> {
    faults: &'a [Fault],
}

/// Writes every fault on a line of its own, and how many there are.
///
/// # Errors
///
/// When they cannot be written.
pub fn report(error: &ConfigError, errors: &mut dyn Write) -> io::Result<()> {
    // In one piece: standard error has no buffer, and there may be thousands of faults.
    let found = count(error.faults().len(), "fault");
    errors.write_all(format!("{error}\n{found} found\n").as_bytes())
}

/// How much the configuration holds.
fn summary(config: &Config) -> String {
    let sum =
        |part: fn(&crate::config::ClusterConfig) -> usize| config.clusters.iter().map(part).sum();
    [
        count(config.zones.len(), "zone"),
        count(config.clusters.len(), "cluster"),
        count(sum(|cluster| cluster.servers.len()), "server"),
        count(sum(|cluster| cluster.names.len()), "name"),
    ]
    .join(", ")
}

fn count(number: usize, noun: &str) -> String {
    match number {
        1 => format!("1 {noun}"),
        _ => format!("{number} {noun}s"),
    }
}
