//! What comes of a command: where it goes, and the exit code.

use std::io::{self, Write};

use super::{client::ClientError, options::Form};
use crate::{api::Refused, config::ConfigError};

/// Where the outcome of a command goes.
pub struct Out<'a> {
    /// What was done, or found.
    pub output: &'a mut dyn Write,
    /// Why it was not, and warnings.
    pub errors: &'a mut dyn Write,
}

/// Exit code of a command that could not do what it was asked for.
pub const FAILED: u8 = 1;

/// Exit code of a command that found a fault in the configuration.
pub const BAD_CONFIGURATION: u8 = 78;

/// Exit code of a command that waited in vain, for as long as it was told to.
pub const OUT_OF_TIME: u8 = 75;

/// Exit code of a command that Ctrl-C ended while it waited.
pub const INTERRUPTED: u8 = 130;

/// Exit code of a command that was asked for something that does not exist; clap uses the same.
pub const USAGE: u8 = 2;

/// Says why there is no answer, in the form that was asked for: JSON is that of a refusal of the API.
/// Returns the exit code.
pub fn failed(error: &ClientError, form: &Form, errors: &mut dyn Write) -> io::Result<u8> {
    let code = match error {
        ClientError::Config(_) => BAD_CONFIGURATION,
        _ => FAILED,
    };
    match error {
        error if form.json => {
            let refused = Refused { error: error.to_string() };
            errors.write_all(as_json(&refused).as_bytes())?;
        }
        ClientError::Config(faults) => report(faults, errors)?,
        error => writeln!(errors, "{error}")?,
    }
    Ok(code)
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

/// One line of JSON.
pub fn as_json(told: &impl serde::Serialize) -> String {
    let text = serde_json::to_string(told).unwrap_or_else(|error| format!("{error}"));
    text + "\n"
}

/// `1 fault`, `2 faults`.
pub fn count(number: usize, noun: &str) -> String {
    match number {
        1 => format!("1 {noun}"),
        _ => format!("{number} {noun}s"),
    }
}
