//! What the service has at one path, shown once.

use std::io;

use serde::{Serialize, de::DeserializeOwned};

use super::{
    options::{Form, ServiceOptions},
    outcome::{Out, as_json, failed},
    screen::Screen,
};
use crate::clock;

/// Asks for what is at `path` and shows it in the wanted form. Returns the exit code.
pub fn show<T: Serialize + DeserializeOwned>(
    path: &str,
    picture: fn(&T, &Screen) -> String,
    form: &Form,
    service: &ServiceOptions,
    Out { output, errors }: Out<'_>,
) -> io::Result<u8> {
    let screen = Screen::of_stdout(clock::unix_millis());
    match service.client().and_then(|client| client.get::<T>(path)) {
        Ok(told) if form.json => output.write_all(as_json(&told).as_bytes()),
        Ok(told) => output.write_all(picture(&told, &screen).as_bytes()),
        Err(error) => return failed(&error, form, errors),
    }?;
    Ok(0)
}
