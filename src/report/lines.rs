//! Lines of `key=value` words, and the TXT records that carry them (RFC 1035 section 3.3.14).

use std::fmt::{Display, Write as _};

use hickory_proto::rr::{LowerName, RData, Record, rdata::TXT};

use crate::plain_text::one_line;

/// A line that is being written. Values that are more than a plain word are quoted.
#[derive(Debug, Default)]
pub struct Line(String);

impl Line {
    /// The line with one more word.
    pub fn with(mut self, key: &str, value: impl Display) -> Self {
        if !self.0.is_empty() {
            self.0.push(' ');
        }
        self.0.push_str(key);
        self.0.push('=');
        let start = self.0.len();
        write!(self.0, "{value}").expect("memory takes what is written");
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_.:,+/[]".contains(c);
        if self.0.len() == start || !self.0[start..].chars().all(plain) {
            let quoted = quoted(&self.0[start..]);
            self.0.truncate(start);
            self.0.push_str(&quoted);
        }
        self
    }

    /// The line with one more word, if there is a value.
    pub fn with_some(self, key: &str, value: Option<impl Display>) -> Self {
        match value {
            Some(value) => self.with(key, value),
            None => self,
        }
    }

    /// The whole line.
    pub fn end(self) -> String {
        self.0
    }
}

/// `text` between quotes; what would end them, or the line, is replaced.
fn quoted(text: &str) -> String {
    format!("\"{}\"", one_line(text).replace(['"', '\\'], "'"))
}

/// The first of `total` lines as TXT records at `owner`, one each. A record set that is too large
/// ends with how much is left out. Lines are made as they are needed: once they have more than
/// `room` octets, they fit into no reply, and there are no more of them.
pub fn records(
    owner: &LowerName,
    total: usize,
    lines: impl Iterator<Item = String>,
    room: usize,
) -> Vec<Record> {
    let record = |line: &str| {
        let strings = strings(line).into_iter().map(str::as_bytes).collect();
        Record::from_rdata(owner.into(), TTL, RData::TXT(TXT::from_bytes(strings)))
    };
    let mut octets = 0;
    let mut records = Vec::new();
    for line in lines.take(RECORDS_MAX) {
        octets += line.len().min(LINE_MAX);
        if octets > OCTETS_MAX {
            break;
        }
        records.push(record(&line));
        if octets > room {
            return records;
        }
    }
    if records.len() < total {
        let rest = total - records.len();
        records.push(record(&Line::default().with("left_out", rest).end()));
    }
    records
}

/// The line in character-strings, cut between characters.
fn strings(line: &str) -> Vec<&str> {
    let mut rest = cut(line, LINE_MAX).0;
    let mut strings = Vec::new();
    while !rest.is_empty() || strings.is_empty() {
        let (string, more) = cut(rest, STRING_MAX);
        strings.push(string);
        rest = more;
    }
    strings
}

/// At most `octets` octets of whole characters, and the rest.
fn cut(text: &str, octets: usize) -> (&str, &str) {
    let mut end = octets.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.split_at(end)
}

/// TTL of all that is told, in seconds: it is asked for to see what is now.
const TTL: u32 = 1;

/// Octets of a character-string (RFC 1035 section 3.3).
const STRING_MAX: usize = 255;

/// Octets of a line: four strings. The words of a failure may be long.
const LINE_MAX: usize = 4 * STRING_MAX;

/// Records of one answer, the last line about what is left out apart.
pub const RECORDS_MAX: usize = 59;

/// Octets of text in one answer, so that nobody can use us to send much for little.
const OCTETS_MAX: usize = 8 * 1024;

#[cfg(test)]
mod tests {
    use std::iter::{repeat_n, repeat_with};

    use super::*;

    #[test]
    fn a_value_of_several_words_is_quoted_and_cannot_end_its_quotes() {
        let line = Line::default()
            .with("server", "db1")
            .with("address", "2001:db8::1,10.0.0.1")
            .with("reason", "it is the one")
            .with("detail", "say \"no\\\"\nname=x")
            .with("empty", "")
            .with_some("lag", None::<u8>);
        let expected = "server=db1 address=2001:db8::1,10.0.0.1 reason=\"it is the one\" \
                        detail=\"say 'no'' name=x\" empty=\"\"";
        assert_eq!(line.end(), expected);
    }

    #[test]
    fn a_long_line_is_several_strings_of_whole_characters() {
        assert_eq!(strings(""), [""]);
        let line = "ä".repeat(200);
        let cut = strings(&line);
        assert_eq!(cut.iter().map(|string| string.len()).collect::<Vec<_>>(), [254, 146]);
        assert_eq!(cut.concat(), line);
        let endless = strings(&"x".repeat(5_000)).concat();
        assert_eq!(endless.len(), LINE_MAX);
    }

    #[test]
    fn no_line_is_made_that_cannot_be_sent() {
        let owner = LowerName::default();
        for (room, made) in [(usize::MAX, 59), (1_232, 13), (512, 6), (0, 1)] {
            let mut count = 0;
            let lines = repeat_with(|| {
                count += 1;
                "x".repeat(100)
            });
            let records = records(&owner, 1_000, lines, room);
            assert_eq!(count, made, "room for {room}");
            let octets: usize = records.iter().map(|record| record.data.to_string().len()).sum();
            assert!(room == usize::MAX || octets > room);
        }
    }

    #[test]
    fn an_answer_has_an_end() {
        let owner = LowerName::default();
        let count = |lines: usize, octets: usize| {
            records(&owner, lines, repeat_n("x".repeat(octets), lines), usize::MAX)
        };
        assert_eq!(count(59, 10).len(), 59);
        let many = count(100, 10);
        assert_eq!(many.len(), 60);
        assert_eq!(many[59].data.to_string(), "left_out=41");
        let long = count(20, 1_000);
        assert_eq!(long.len(), 9);
        assert_eq!(long[8].data.to_string(), "left_out=12");
    }
}
