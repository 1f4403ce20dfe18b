//! How things are shown: tables that fit the terminal, colours only where somebody sees them, times
//! as ages.

use std::{io::IsTerminal, time::Duration};

use jiff::Timestamp;
use rustix::termios::tcgetwinsize;

use crate::{
    duration::Rough,
    plain_text::{one_line, wrapped},
};

/// What the output can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Screen {
    /// Columns; `None` for no limit, as in a pipe.
    pub width: Option<usize>,
    /// Whether colours are wanted.
    pub colour: bool,
    /// Now, in milliseconds since 1970.
    pub now: i64,
}

/// What a colour says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// No colour.
    Plain,
    /// As it should be.
    Good,
    /// Not quite as it should be.
    Doubtful,
    /// Wrong.
    Bad,
    /// A heading.
    Bold,
    /// Of lesser weight.
    Dim,
}

impl Screen {
    /// Standard output as it is: colours on a terminal, unless the environment has a `NO_COLOR` that
    /// is not empty (no-color.org).
    pub fn of_stdout(now: u64) -> Self {
        let stdout = std::io::stdout();
        let is_terminal = stdout.is_terminal();
        let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
            || std::env::var_os("TERM").is_some_and(|value| value == "dumb");
        let size = is_terminal.then(|| tcgetwinsize(&stdout).ok()).flatten();
        let width = size.map(|size| usize::from(size.ws_col)).filter(|width| *width > 0);
        let now = i64::try_from(now).unwrap_or(i64::MAX);
        Self { width, colour: is_terminal && !refused, now }
    }

    /// Lines of the terminal that standard output is, if it is one.
    pub fn height_of_stdout() -> Option<usize> {
        let size = tcgetwinsize(std::io::stdout()).ok()?;
        (size.ws_row > 0).then(|| usize::from(size.ws_row))
    }

    /// `text` in a colour.
    pub fn paint(&self, tone: Tone, text: &str) -> String {
        let code = match tone {
            Tone::Plain => return text.to_owned(),
            Tone::Good => "32",
            Tone::Doubtful => "33",
            Tone::Bad => "31",
            Tone::Bold => "1",
            Tone::Dim => "2",
        };
        if self.colour { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    /// How long ago a time (RFC 3339) was, in its two largest units; the time itself if it is none.
    pub fn ago(&self, time: &str) -> String {
        match time.parse::<Timestamp>() {
            Ok(then) => span(self.now.saturating_sub(then.as_millisecond())),
            Err(_) => time.to_owned(),
        }
    }

    /// How long until a time (RFC 3339).
    pub fn until(&self, time: &str) -> String {
        match time.parse::<Timestamp>() {
            Ok(then) => span(then.as_millisecond().saturating_sub(self.now)),
            Err(_) => time.to_owned(),
        }
    }
}

/// `12s`, `3m10s`, `2h5m`, `4d3h`; nothing is ever in the future.
pub fn span(millis: i64) -> String {
    match Rough::of(Duration::from_millis(millis.max(0).unsigned_abs())) {
        Rough::Seconds(seconds) => format!("{seconds}s"),
        Rough::Minutes(minutes, seconds) => format!("{minutes}m{seconds}s"),
        Rough::Hours(hours, minutes) => format!("{hours}h{minutes}m"),
        Rough::Days(days, hours) => format!("{days}d{hours}h"),
    }
}

/// A table: as wide as its cells, and its last column in as many lines as the screen makes of it.
#[derive(Debug, Default)]
pub struct Table {
    rows: Vec<Vec<(Tone, String)>>,
}

impl Table {
    /// One with these headings.
    pub fn new(headings: &[&str]) -> Self {
        let heading = |text: &&str| (Tone::Dim, (*text).to_owned());
        Self { rows: vec![headings.iter().map(heading).collect()] }
    }

    /// Adds a row. Texts may be strangers': what moves a cursor becomes a blank.
    pub fn row<const N: usize>(&mut self, cells: [(Tone, String); N]) {
        self.rows.push(cells.into_iter().map(|(tone, text)| (tone, one_line(&text))).collect());
    }

    /// How wide each column is.
    pub fn widths(&self) -> Vec<usize> {
        let columns = self.rows.first().map_or(0, Vec::len);
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            cells.map(|(_, text)| text.chars().count()).max().unwrap_or(0)
        };
        (0..columns).map(width).collect()
    }

    /// The whole, each line after two blanks and with its end.
    pub fn text(&self, screen: &Screen) -> String {
        self.text_within(&self.widths(), screen)
    }

    /// The same with columns of at least these widths.
    pub fn text_within(&self, widths: &[usize], screen: &Screen) -> String {
        let widths: Vec<_> =
            self.widths().iter().zip(widths).map(|(own, given)| *own.max(given)).collect();
        self.rows.iter().map(|row| laid_out(row, &widths, screen)).collect()
    }
}

/// Whether columns of these widths leave a screen enough for the last one.
pub fn leave_enough(widths: &[usize], screen: &Screen) -> bool {
    screen.width.is_none_or(|all| before_last(widths) + NARROWEST <= all)
}

/// One row in as many lines as it needs. The last column stands below the others where these leave
/// it too little.
fn laid_out(row: &[(Tone, String)], widths: &[usize], screen: &Screen) -> String {
    let Some(((tone, cell), others)) = row.split_last() else { return String::new() };
    let mut line = " ".repeat(INDENT);
    for ((tone, cell), width) in others.iter().zip(widths) {
        line += &screen.paint(*tone, cell);
        line += &" ".repeat(width.saturating_sub(cell.chars().count()) + GAP);
    }
    let mut text = String::new();
    let mut end = |line: &str| {
        text += line.trim_end();
        text.push('\n');
    };
    let mut before = before_last(widths);
    if !leave_enough(widths, screen) {
        end(&line);
        before = BELOW;
        line = " ".repeat(before);
        if cell.is_empty() {
            return text;
        }
    }
    let left = screen.width.map_or(usize::MAX, |all| all.saturating_sub(before));
    for piece in wrapped(cell, left) {
        end(&(line + &screen.paint(*tone, &piece)));
        line = " ".repeat(before);
    }
    text
}

/// Where the last of such columns begins.
fn before_last(widths: &[usize]) -> usize {
    let others = widths.len().saturating_sub(1);
    INDENT + widths.iter().take(others).map(|width| width + GAP).sum::<usize>()
}

/// Blanks before a row.
const INDENT: usize = 2;

/// Blanks between two columns.
pub const GAP: usize = 2;

/// Columns that the last one has at least beside the others.
const NARROWEST: usize = 20;

/// Blanks before a last column that stands below the others.
const BELOW: usize = 6;

#[cfg(test)]
mod tests {
    use super::*;

    const WIDE: Screen = Screen { width: None, colour: false, now: 1_795_240_800_000 };

    fn table() -> Table {
        let mut table = Table::new(&["SERVER", "STATE", "WHY"]);
        let plain = |text: &str| (Tone::Plain, text.to_owned());
        table.row([plain("db1"), (Tone::Good, "Primary".to_owned()), plain("it is \u{1b}[31m so")]);
        table.row([plain("a-long-name"), plain("Down"), plain("")]);
        table
    }

    #[test]
    fn columns_are_as_wide_as_their_cells() {
        let expected = "  SERVER       STATE    WHY\n\
                        \x20 db1          Primary  it is  [31m so\n\
                        \x20 a-long-name  Down\n";
        assert_eq!(table().text(&WIDE), expected);
    }

    #[test]
    fn the_last_column_takes_as_many_lines_as_it_needs() {
        let mut table = Table::new(&["A", "WHY"]);
        let long = "one two three four five six seven eight nine ten".to_owned();
        table.row([(Tone::Plain, "x".to_owned()), (Tone::Plain, long)]);
        let narrow = Screen { width: Some(30), ..WIDE };
        let text = table.text(&narrow);
        assert!(text.lines().all(|line| line.len() <= 30), "{text}");
        assert_eq!(text.lines().count(), 3, "{text}");
        assert!(text.lines().nth(2).is_some_and(|line| line.starts_with("     ")), "{text}");
    }

    #[test]
    fn where_little_is_left_the_last_column_stands_below() {
        let narrow = Screen { width: Some(40), ..WIDE };
        let mut table = Table::new(&["SERVER", "STATE", "WHY"]);
        let plain = |text: &str| (Tone::Plain, text.to_owned());
        table.row([
            plain("db1.example.internal"),
            plain("Down"),
            plain("it refuses connections, and has done so for a while"),
        ]);
        let expected = "  SERVER                STATE\n\
                        \x20     WHY\n\
                        \x20 db1.example.internal  Down\n\
                        \x20     it refuses connections, and has\n\
                        \x20     done so for a while\n";
        assert_eq!(table.text(&narrow), expected);
    }

    #[test]
    fn colours_are_there_where_they_are_wanted() {
        assert!(!table().text(&WIDE).contains('\u{1b}'));
        let coloured = table().text(&Screen { colour: true, ..WIDE });
        assert!(coloured.contains("\u{1b}[32mPrimary\u{1b}[0m  "), "{coloured}");
    }

    #[test]
    fn times_are_told_as_ages() {
        for (time, age) in [
            ("2026-11-21T06:00:00.000Z", "0s"),
            ("2026-11-21T05:59:48.000Z", "12s"),
            ("2026-11-21T05:56:50.000Z", "3m10s"),
            ("2026-11-21T03:55:00.000Z", "2h5m"),
            ("2026-11-17T03:00:00.000Z", "4d3h"),
            ("2027-01-01T00:00:00.000Z", "0s"),
            ("never", "never"),
        ] {
            assert_eq!(WIDE.ago(time), age, "{time}");
        }
        assert_eq!(WIDE.until("2026-11-21T07:00:00.000Z"), "1h0m");
    }
}
