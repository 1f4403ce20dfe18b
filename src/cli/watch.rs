//! What is drawn again and again, until Ctrl-C.

use std::{
    io::{self, Write},
    time::Duration,
};

use tokio::{select, signal, time::sleep};

use super::{
    client::{ClientError, block_on},
    outcome::{FAILED, Out},
    screen::{Screen, Tone, span},
};
use crate::{
    clock,
    plain_text::{one_line, wrapped},
};

/// Draws again and again, until Ctrl-C. A service that is away for a moment is waited for; meanwhile
/// a terminal keeps the last picture, greyed.
pub fn watch(
    as_json: bool,
    drawn: impl AsyncFn() -> Result<String, ClientError>,
    Out { output, errors }: Out<'_>,
) -> io::Result<u8> {
    let is_drawn = Screen::of_stdout(0).width.is_some() && !as_json;
    let watching = async {
        let mut last: Option<(u64, String)> = None;
        loop {
            let now = clock::unix_millis();
            let text = match (drawn().await, &last) {
                (Ok(text), _) => {
                    last = Some((now, text.clone()));
                    text
                }
                (Err(ClientError::Refused { reason, .. }), _) => return Ok(Err(reason)),
                (Err(error), Some((then, picture))) if is_drawn => {
                    let age = now.saturating_sub(*then);
                    out_of_date(picture, age, &error, &Screen::of_stdout(now))
                }
                (Err(error), _) => format!("{error}\n"),
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

/// A picture that nobody confirms: its age in milliseconds and why stand above it.
fn out_of_date(picture: &str, age: u64, why: &ClientError, screen: &Screen) -> String {
    let age = span(i64::try_from(age).unwrap_or(i64::MAX));
    let head = format!("No news for {age}; what stands below may be otherwise. {why}");
    let width = screen.width.unwrap_or(usize::MAX);
    let head = wrapped(&one_line(&head), width);
    let head = head.iter().map(|line| screen.paint(Tone::Bad, line) + "\n");
    let rest = uncoloured(picture);
    head.chain(rest.lines().map(|line| screen.paint(Tone::Dim, line) + "\n")).collect()
}

/// Without the sequences that [`Screen::paint`] puts in.
fn uncoloured(text: &str) -> String {
    let mut pieces = text.split('\u{1b}');
    let first = pieces.next().unwrap_or_default().to_owned();
    // Each begins with `[`, a number and `m`.
    first
        + &pieces
            .map(|piece| piece.split_once('m').map_or("", |(_, rest)| rest))
            .collect::<String>()
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
    use super::*;

    #[test]
    fn a_picture_of_before_is_grey_and_says_how_old_it_is() {
        let screen = Screen { width: Some(60), colour: true, now: 0 };
        let picture = format!("{} is {}\n", "orders", screen.paint(Tone::Good, "ok"));
        let why = ClientError::Refused { status: hyper::StatusCode::OK, reason: "gone".to_owned() };
        let text = out_of_date(&picture, 12_400, &why, &screen);
        assert_eq!(
            text,
            "\u{1b}[31mNo news for 12s; what stands below may be otherwise. gone\u{1b}[0m\n\
             \u{1b}[2morders is ok\u{1b}[0m\n"
        );
    }

    #[test]
    fn what_does_not_fit_is_cut_at_the_bottom() {
        let text = "one\ntwo\nthree\nfour\n";
        assert_eq!(clipped(text, Some(4)), "one\ntwo\n… 2 more lines\n");
        for height in [None, Some(5), Some(24)] {
            assert_eq!(clipped(text, height), text, "{height:?}");
        }
    }
}
