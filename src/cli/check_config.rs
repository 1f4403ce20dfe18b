//! `check-config`: reads the configuration as `serve` would, and says what is wrong with it.

use std::{
    io::{self, Write},
    path::{Path, PathBuf},
};

use clap::Args;

use super::{
    options::DEFAULT_CONFIG,
    outcome::{BAD_CONFIGURATION, Out, count, report},
};
use crate::config::{Config, Fault, OpenFile};

/// Options of `check-config`.
#[derive(Debug, Args)]
pub struct CheckOptions {
    /// Configuration file
    #[arg(value_name = "FILE", env = "POINTSMAN_CONFIG", default_value = DEFAULT_CONFIG)]
    pub file: PathBuf,
    /// Print the faults as one JSON object, for editors and pipelines
    #[arg(long)]
    pub json: bool,
}

/// Checks the file: one line when it may be used, and a warning for each file that others may read
/// or change; every fault otherwise. Returns the exit code.
///
/// # Errors
/// When the outcome cannot be written.
pub fn run(options: &CheckOptions, Out { output, errors }: Out<'_>) -> io::Result<u8> {
    match options.json {
        true => for_programs(&options.file, output),
        false => for_people(&options.file, output, errors),
    }
}

fn for_people(file: &Path, output: &mut dyn Write, errors: &mut dyn Write) -> io::Result<u8> {
    match Config::load(file) {
        Ok(config) => {
            for open in &config.open_files {
                writeln!(errors, "warning: {open}")?;
            }
            writeln!(output, "{}: fine: {}", file.display(), summary(&config))?;
            Ok(0)
        }
        Err(error) => {
            report(&error, errors)?;
            Ok(BAD_CONFIGURATION)
        }
    }
}

/// One JSON object with a list of faults, empty when the file may be used, and one of warnings.
fn for_programs(file: &Path, output: &mut dyn Write) -> io::Result<u8> {
    let loaded = Config::load(file);
    let (faults, open_files, code) = match &loaded {
        Ok(config) => (&[][..], &config.open_files[..], 0),
        Err(error) => (error.faults(), &[][..], BAD_CONFIGURATION),
    };
    let warnings = open_files.iter().map(OpenFile::to_string).collect();
    serde_json::to_writer_pretty(&mut *output, &Report { faults, warnings })?;
    writeln!(output)?;
    Ok(code)
}

/// What `check-config --json` prints.
#[derive(serde::Serialize)]
struct Report<'a> {
    faults: &'a [Fault],
    warnings: Vec<String>,
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
