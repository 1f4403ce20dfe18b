//! The demo's lines: when, what kind of news, and the news. No longer than the terminal is wide, and
//! 80 columns where there is none. Coloured on a terminal, plain elsewhere and where `NO_COLOR` is
//! set (no-color.org).

use std::{
    fmt::Display,
    io::{self, IsTerminal, Write},
};

use rustix::termios::tcgetwinsize;

use crate::{
    clock::Clock,
    engine::Moment,
    plain_text::{one_line, wrapped},
};

/// Standard output with a clock beside it.
#[derive(Debug)]
pub struct Terminal {
    clock: Clock,
    coloured: bool,
}

/// Whose news a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum News {
    /// The story did this to the servers.
    Happened,
    /// Somebody did this with a command or over the API.
    Operated,
    /// Probes found a server in another state.
    Seen,
    /// A name says something else from this moment on.
    Decided,
    /// This was asked and answered over DNS, and it is what the story demands.
    Answered,
    /// It is not what the story demands.
    Wrong,
}

impl Terminal {
    /// The clock starts here.
    pub fn new() -> Self {
        let coloured = io::stdout().is_terminal()
            && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
            && std::env::var_os("TERM").is_none_or(|term| term != "dumb");
        Self { clock: Clock::start(), coloured }
    }

    /// A line as it is.
    pub fn plain(&self, text: impl Display) -> io::Result<()> {
        write_lines(&format!("{text}\n"))
    }

    /// An empty line and a bold one.
    pub fn headline(&self, text: impl Display) -> io::Result<()> {
        match self.coloured {
            true => write_lines(&format!("\n{BOLD}{text}{RESET}\n")),
            false => write_lines(&format!("\n{text}\n")),
        }
    }

    /// One piece of news.
    pub fn news(&self, news: News, text: impl Display) -> io::Result<()> {
        let colour = if self.coloured { news.colour() } else { "" };
        write_lines(&laid_out(self.clock.now(), news, colour, &text.to_string(), width()))
    }

    /// The time since the start.
    pub fn now(&self) -> Moment {
        self.clock.now()
    }
}

impl News {
    fn word(self) -> &'static str {
        match self {
            Self::Happened => "happened",
            Self::Operated => "operated",
            Self::Seen => "seen",
            Self::Decided => "decided",
            Self::Answered => "answered",
            Self::Wrong => "WRONG",
        }
    }

    fn colour(self) -> &'static str {
        match self {
            Self::Happened => "\x1b[33m",
            Self::Operated => "\x1b[35m",
            Self::Seen => "\x1b[2m",
            Self::Decided => "\x1b[36m",
            Self::Answered => "\x1b[32m",
            Self::Wrong => "\x1b[1;31m",
        }
    }
}

/// News in as many lines as `width` makes of it; without a `colour` there is no escape sequence.
fn laid_out(moment: Moment, news: News, colour: &str, text: &str, width: usize) -> String {
    let (word, reset) = (news.word(), if colour.is_empty() { "" } else { RESET });
    let seconds = moment.since_start().as_secs_f64();
    let mut lines = format!("{seconds:>6.1}s  {colour}{word:<WORD$}{reset} ");
    for (number, line) in wrapped(&one_line(text), width.saturating_sub(BEFORE)).iter().enumerate()
    {
        if number > 0 {
            lines += &" ".repeat(BEFORE);
        }
        lines += line;
        lines.push('\n');
    }
    lines
}

/// Columns of the terminal.
fn width() -> usize {
    let size = tcgetwinsize(io::stdout()).ok().map(|size| usize::from(size.ws_col));
    size.filter(|columns| *columns > 2 * BEFORE).unwrap_or(COLUMNS)
}

/// Whole lines, even when others write too.
fn write_lines(lines: &str) -> io::Result<()> {
    let mut output = io::stdout().lock();
    output.write_all(lines.as_bytes())?;
    output.flush()
}

const BOLD: &str = "\x1b[1m";

const RESET: &str = "\x1b[0m";

/// Where nobody says how wide it is.
const COLUMNS: usize = 80;

/// Columns of the longest word of [`News`], and one more.
const WORD: usize = 9;

/// Columns before a text: the seconds, two blanks, the word, a blank.
const BEFORE: usize = 7 + 2 + WORD + 1;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn news_fit_and_no_word_is_broken() {
        let text = "read.db.internal -> db2 (127.0.10.2), db3 (127.0.10.3): the eligible replicas";
        let moment = Moment::from_start(Duration::from_millis(12_345));
        assert_eq!(
            laid_out(moment, News::Decided, "", text, 80),
            "  12.3s  decided   read.db.internal -> db2 (127.0.10.2), db3 (127.0.10.3): the\n\
             \x20                  eligible replicas\n"
        );
        let coloured = laid_out(moment, News::Seen, News::Seen.colour(), "db1 is Down", 80);
        assert_eq!(coloured, "  12.3s  \u{1b}[2mseen     \u{1b}[0m db1 is Down\n");
    }
}
