//! The commands that look: `status`, `why`, `explain`, `what-if`.

use std::{
    io::{self, Write},
    time::Duration,
};

use hyper::Method;
use tokio::{select, signal, time::sleep};

use super::{
    BAD_CONFIGURATION, Client, ClientError, ExplainOptions, FAILED, Out, Screen, StatusOptions,
    WhatIfOptions, WhyOptions, check,
    client::{block_on, query},
    picture,
};
use crate::{
    api::{ClusterStatus, Explanation, Status, WhatIf, Why},
    clock,
};

/// Shows everything, or one cluster. Returns the exit code.
///
/// # Errors
/// When the outcome cannot be written.
pub fn status(options: &StatusOptions, Out { output, errors }: Out<'_>) -> io::Result<u8> {
    let service = &options.service;
    let client = match Client::new(service.socket.as_deref(), &service.config) {
        Ok(client) => client,
        Err(error) => return failed(&error, errors),
    };
    if options.watch {
        return watch(options.form.json, async || drawn(options, &client).await, output, errors);
    }
    match block_on(drawn(options, &client)) {
        Ok(text) => output.write_all(text.as_bytes()).map(|()| 0),
        Err(error) => failed(&error, errors),
    }
}

/// Draws again and again, until Ctrl-C. A service that is away for a moment is waited for.
pub(super) fn watch(
    as_json: bool,
    drawn: impl AsyncFn() -> Result<String, ClientError>,
    output: &mut dyn Write,
    errors: &mut dyn Write,
) -> io::Result<u8> {
    let is_drawn = Screen::of_stdout(0).width.is_some() && !as_json;
    let watching = async {
        loop {
            let text = match drawn().await {
                Ok(text) => text,
                Err(ClientError::Refused { reason, .. }) => return Ok(Err(reason)),
                Err(error) => format!("{error}\n"),
            };
            let text = match is_drawn {
                // Home, each line with nothing left of the one before, and nothing below.
                true => format!("\u{1b}[H{}\u{1b}[J", text.replace('\n', "\u{1b}[K\n")),
                false => text,
            };
            output.write_all(text.as_bytes())?;
            output.flush()?;
            sleep(REDRAW_EVERY).await;
        }
    };
    // Another screen, so that what was on this one is there again at the end.
    if is_drawn {
        io::stdout().write_all(b"\x1b[?1049h\x1b[?25l")?;
    }
    let ended: io::Result<Result<(), String>> = block_on(async {
        select! {
            biased;
            _ = signal::ctrl_c() => Ok(Ok(Ok(()))),
            ended = watching => Ok(ended),
        }
    })
    .unwrap_or_else(|error| Ok(Err(error.to_string())));
    if is_drawn {
        io::stdout().write_all(b"\x1b[?25h\x1b[?1049l")?;
    }
    match ended? {
        Ok(()) => Ok(0),
        Err(reason) => {
            writeln!(errors, "{reason}")?;
            Ok(FAILED)
        }
    }
}

async fn drawn(options: &StatusOptions, client: &Client) -> Result<String, ClientError> {
    let screen = Screen::of_stdout(clock::unix_millis());
    let json = options.form.json;
    Ok(match &options.cluster {
        Some(name) => {
            let path = format!("/v1/clusters/{}", segment(name));
            let cluster: ClusterStatus = client.ask(Method::GET, &path, None::<&()>).await?;
            if json { as_json(&cluster) } else { picture::cluster(&cluster, &screen) }
        }
        None => {
            let status: Status = client.ask(Method::GET, "/v1/status", None::<&()>).await?;
            if json { as_json(&status) } else { picture::status(&status, &screen) }
        }
    })
}

/// Shows what a server is, and why it is in each name or not. Returns the exit code.
///
/// # Errors
/// When the outcome cannot be written.
pub fn why(options: &WhyOptions, Out { output, errors }: Out<'_>) -> io::Result<u8> {
    let path = format!("/v1/servers/{}", segment(&options.server));
    let service = &options.service;
    let client = Client::new(service.socket.as_deref(), &service.config);
    let screen = Screen::of_stdout(clock::unix_millis());
    match client.and_then(|client| client.get::<Why>(&path)) {
        Ok(why) if options.form.json => output.write_all(as_json(&why).as_bytes()),
        Ok(why) => output.write_all(picture::why(&why, &screen).as_bytes()),
        Err(error) => return failed(&error, errors),
    }?;
    Ok(0)
}

/// Shows why a name says what it says. Returns the exit code.
///
/// # Errors
/// When the outcome cannot be written.
pub fn explain(options: &ExplainOptions, Out { output, errors }: Out<'_>) -> io::Result<u8> {
    let path = format!("/v1/explain?{}", query(&[("name", &options.name)]));
    let service = &options.service;
    let client = Client::new(service.socket.as_deref(), &service.config);
    let screen = Screen::of_stdout(clock::unix_millis());
    match client.and_then(|client| client.get::<Explanation>(&path)) {
        Ok(told) if options.form.json => output.write_all(as_json(&told).as_bytes()),
        Ok(told) => output.write_all(picture::explanation(&told, &screen).as_bytes()),
        Err(error) => return failed(&error, errors),
    }?;
    Ok(0)
}

/// Shows what would be decided if a server were otherwise. Returns the exit code.
///
/// # Errors
/// When the outcome cannot be written.
pub fn what_if(options: &WhatIfOptions, Out { output, errors }: Out<'_>) -> io::Result<u8> {
    let asked = query(&[("server", &options.server), ("suppose", &options.supposition)]);
    let path = format!("/v1/what-if?{asked}");
    let service = &options.service;
    let client = Client::new(service.socket.as_deref(), &service.config);
    let screen = Screen::of_stdout(clock::unix_millis());
    match client.and_then(|client| client.get::<WhatIf>(&path)) {
        Ok(told) if options.form.json => output.write_all(as_json(&told).as_bytes()),
        Ok(told) => output.write_all(picture::what_if(&told, &screen).as_bytes()),
        Err(error) => return failed(&error, errors),
    }?;
    Ok(0)
}

/// Says why there is no answer. Returns the exit code.
pub(super) fn failed(error: &ClientError, errors: &mut dyn Write) -> io::Result<u8> {
    match error {
        ClientError::Config(faults) => {
            check::report(faults, errors)?;
            Ok(BAD_CONFIGURATION)
        }
        error => {
            writeln!(errors, "{error}")?;
            Ok(FAILED)
        }
    }
}

/// One line of JSON.
pub(super) fn as_json(told: &impl serde::Serialize) -> String {
    let text = serde_json::to_string(told).unwrap_or_else(|error| format!("{error}"));
    text + "\n"
}

/// A name as a part of a path.
pub(super) fn segment(name: &str) -> String {
    super::client::encoded(name)
}

/// Between two drawings.
const REDRAW_EVERY: Duration = Duration::from_secs(1);
