//! `check-config`: reads the configuration as `serve` would, and says what is wrong with it.

use std::{
    io::{self, Write},
    path::{Path, PathBuf},
};

use clap::Args;

use super::{
    obstacles::obstacles,
    options::DEFAULT_CONFIG,
    outcome::{BAD_CONFIGURATION, Out, count, report},
};
use crate::config::{Config, ConfigError, Fault, Secrets, not_carried};

/// Options of `check-config`.
#[derive(Debug, Args)]
pub struct CheckOptions {
    /// Configuration file, instead of the one that --config names
    #[arg(value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// Configuration file, as the other commands take it
    #[arg(long, value_name = "FILE", env = "POINTSMAN_CONFIG", default_value = DEFAULT_CONFIG)]
    pub config: PathBuf,
    /// Leave out passwords, keys and tokens, for machines that do not have them
    #[arg(long)]
    pub no_secrets: bool,
    /// Print what counts for each cluster that discovers its servers, with what the template adds
    #[arg(long, conflicts_with = "json")]
    pub discovery: bool,
    /// Print the faults as one JSON object, for editors and pipelines
    #[arg(long)]
    pub json: bool,
}

impl CheckOptions {
    /// The file to check. An environment that names one for all commands does not stop who names
    /// another here.
    fn file(&self) -> &Path {
        self.file.as_deref().unwrap_or(&self.config)
    }
}

/// Checks the file: one line when it may be used, with a warning for whatever may be in its way on
/// this machine; every fault otherwise. Returns the exit code.
///
/// # Errors
/// When the outcome cannot be written.
pub fn run(options: &CheckOptions, Out { output, errors }: Out<'_>) -> io::Result<u8> {
    let checked = check(options);
    match options.json {
        true => for_programs(&checked, output),
        false => for_people(options, checked, output, errors),
    }
}

/// A configuration without fault, and its warnings.
fn check(options: &CheckOptions) -> Result<(Config, Vec<String>), ConfigError> {
    let secrets = if options.no_secrets { Secrets::LeftOut } else { Secrets::OfTheService };
    let config = Config::look_at(options.file(), secrets)?;
    let unseen = config.unseen.iter().map(Fault::to_string);
    let open_files = config.open_files.iter().map(ToString::to_string);
    let obstacles = obstacles(&config, !options.no_secrets).into_iter();
    let obstacles = obstacles.map(|obstacle| obstacle.to_string());
    let copies = not_carried(&config);
    let warnings = unseen.chain(open_files).chain(copies).chain(obstacles).collect();
    Ok((config, warnings))
}

fn for_people(
    options: &CheckOptions,
    checked: Result<(Config, Vec<String>), ConfigError>,
    output: &mut dyn Write,
    errors: &mut dyn Write,
) -> io::Result<u8> {
    match checked {
        Ok((config, warnings)) => {
            for warning in &warnings {
                writeln!(errors, "warning: {warning}")?;
            }
            let but = match warnings.len() {
                0 => String::new(),
                number => format!("; {}", count(number, "warning")),
            };
            writeln!(output, "{}: fine: {}{but}", options.file().display(), summary(&config))?;
            let discovering = config.clusters.iter().filter(|_| options.discovery);
            for cluster in discovering {
                match &cluster.discovery {
                    Some(discovery) => writeln!(output, "{}: {discovery}", cluster.name)?,
                    None => writeln!(output, "{}: servers are those of the file", cluster.name)?,
                }
            }
            Ok(0)
        }
        Err(error) => {
            report(&error, errors)?;
            Ok(BAD_CONFIGURATION)
        }
    }
}

/// One JSON object with a list of faults, empty when the file may be used, and one of warnings.
fn for_programs(
    checked: &Result<(Config, Vec<String>), ConfigError>,
    output: &mut dyn Write,
) -> io::Result<u8> {
    let (faults, warnings, code) = match checked {
        Ok((_, warnings)) => (&[][..], &warnings[..], 0),
        Err(error) => (error.faults(), &[][..], BAD_CONFIGURATION),
    };
    serde_json::to_writer_pretty(&mut *output, &Report { faults, warnings })?;
    writeln!(output)?;
    Ok(code)
}

/// What `check-config --json` prints.
#[derive(serde::Serialize)]
struct Report<'a> {
    faults: &'a [Fault],
    warnings: &'a [String],
}

/// How much the configuration holds.
pub fn summary(config: &Config) -> String {
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
