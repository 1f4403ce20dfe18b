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
                true => {
                    let height = Screen::height_of_stdout();
                    let text = clipped(&text, height);
                    format!("\u{1b}[H{}\u{1b}[J", text.replace('\n', "\u{1b}[K\n"))
                }
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

/// What fits a terminal of so many lines: the first lines, for what is broken stands first, and how
/// many more there are.
fn clipped(text: &str, height: Option<usize>) -> String {
    let lines = text.lines().count();
    match height {
        Some(height) if lines >= height && height > 1 => {
            let kept = height - 2;
            let first = text.lines().take(kept).map(|line| format!("{line}\n"));
            first.collect::<String>() + &format!("… {} more lines\n", lines - kept)
        }
        _ => text.to_owned(),
    }
}

/// Between two drawings.
const REDRAW_EVERY: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::clipped;

    #[test]
    fn what_does_not_fit_is_cut_at_the_bottom() {
        let text = "one\ntwo\nthree\nfour\n";
        assert_eq!(clipped(text, Some(4)), "one\ntwo\n… 2 more lines\n");
        for height in [None, Some(5), Some(24)] {
            assert_eq!(clipped(text, height), text, "{height:?}");
        }
    }
}
