//! What is drawn again and again, until Ctrl-C.

use std::{
    io::{self, Write},
    time::Duration,
};

use tokio::{select, signal, time::sleep};

use super::{
    client::{ClientError, block_on},
    outcome::{FAILED, Out},
    screen::Screen,
};

/// Draws again and again, until Ctrl-C. A service that is away for a moment is waited for.
pub fn watch(
    as_json: bool,
    drawn: impl AsyncFn() -> Result<String, ClientError>,
    Out { output, errors }: Out<'_>,
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

/// Between two drawings.
const REDRAW_EVERY: Duration = Duration::from_secs(1);
