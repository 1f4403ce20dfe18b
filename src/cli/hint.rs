//! `hint`: tells the running service that something has changed in a cluster.

use std::io::{self, Write};

use serde::{Deserialize, Serialize};

use super::{BAD_CONFIGURATION, Client, ClientError, FAILED, HintOptions, check};

/// What is sent.
#[derive(Serialize)]
struct Hint<'a> {
    cluster: &'a str,
}

/// What comes back.
#[derive(Deserialize)]
struct Taken {
    cluster: String,
}

/// Gives the hint. One line on `output` when it was taken, why not on `errors` otherwise. Returns
/// the exit code.
///
/// # Errors
///
/// When the outcome cannot be written.
pub fn run(
    options: &HintOptions,
    output: &mut dyn Write,
    errors: &mut dyn Write,
) -> io::Result<u8> {
    let client = Client::new(options.service.socket.as_deref(), &options.service.config);
    let hint = Hint { cluster: &options.cluster };
    match client.and_then(|client| client.post::<Taken>("/v1/hint", &hint)) {
        Ok(Taken { cluster }) => {
            writeln!(output, "{cluster}: every server is asked at once")?;
            Ok(0)
        }
        Err(ClientError::Config(faults)) => {
            check::report(&faults, errors)?;
            Ok(BAD_CONFIGURATION)
        }
        Err(error) => {
            writeln!(errors, "{error}")?;
            Ok(FAILED)
        }
    }
}
