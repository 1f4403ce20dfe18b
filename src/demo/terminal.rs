//! The demo's lines: when, what kind of news, and the news. Coloured on a terminal, plain elsewhere
//! and where `NO_COLOR` is set (no-color.org).

use std::{
    fmt::{Arguments, Display},
    io::{self, IsTerminal, Write},
};

use crate::{clock::Clock, engine::Moment};

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
    /// Probes found a server in another state.
    Seen,
    /// A name says something else from now on.
    Decided,
    /// This was asked and answered over DNS, and it is what the story demands.
    Answered,
    /// It is not what the story demands.
    Wrong,
}

impl Terminal {
    /// The clock starts now.
    pub fn new() -> Self {
        let coloured = io::stdout().is_terminal()
            && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
            && std::env::var_os("TERM").is_none_or(|term| term != "dumb");
        Self { clock: Clock::start(), coloured }
    }

    /// A line as it is.
    pub fn plain(&self, text: impl Display) -> io::Result<()> {
        write_line(format_args!("{text}"))
    }

    /// An empty line and a bold one.
    pub fn headline(&self, text: impl Display) -> io::Result<()> {
        write_line(format_args!(""))?;
        match self.coloured {
            true => write_line(format_args!("{BOLD}{text}{RESET}")),
            false => write_line(format_args!("{text}")),
        }
    }

    /// One piece of news.
    pub fn news(&self, news: News, text: impl Display) -> io::Result<()> {
        let (word, colour) = (news.word(), news.colour());
        let seconds = seconds(self.clock.now());
        match self.coloured {
            true => write_line(format_args!("{seconds}  {colour}{word:<9}{RESET} {text}")),
            false => write_line(format_args!("{seconds}  {word:<9} {text}")),
        }
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
            Self::Seen => "seen",
            Self::Decided => "decided",
            Self::Answered => "answered",
            Self::Wrong => "WRONG",
        }
    }

    fn colour(self) -> &'static str {
        match self {
            Self::Happened => "\x1b[33m",
            Self::Seen => "\x1b[2m",
            Self::Decided => "\x1b[36m",
            Self::Answered => "\x1b[32m",
            Self::Wrong => "\x1b[1;31m",
        }
    }
}

const BOLD: &str = "\x1b[1m";

const RESET: &str = "\x1b[0m";

/// Six columns: `  12.3s`.
fn seconds(moment: Moment) -> String {
    format!("{:>6.1}s", moment.since_start().as_secs_f64())
}

/// One line, whole, even when others write too.
fn write_line(line: Arguments<'_>) -> io::Result<()> {
    let mut output = io::stdout().lock();
    writeln!(output, "{line}")?;
    output.flush()
}
