//! A master file's text, split into entries that know where they begin (RFC 1035 section 5.1).
//!
//! An entry is one line, or several joined by parentheses. Comments are gone. A quoted token holds
//! its value; a bare one is as written, with its backslashes, because only names give them a
//! meaning.
//!
//! Edge cases: a quoted text ends on its line. `\DDD` is understood in quotes up to 127; outside of
//! them, where hickory would read it as octal, it is a fault, as is anything but ASCII.

use std::{iter::Peekable, str::Chars};

use super::ZoneFault;

/// One directive or record.
#[derive(Debug)]
pub struct Entry {
    /// Line of its first token, from 1.
    pub(super) line: usize,
    /// Column of its first token, from 1.
    pub(super) column: usize,
    /// Whether it begins with white space, and so belongs to the owner before.
    pub(super) inherits_owner: bool,
    /// Its fields, at least one.
    pub(super) tokens: Vec<Token>,
}

/// One field of an entry.
#[derive(Clone, Debug)]
pub struct Token {
    /// Value of a quoted token, text of a bare one.
    pub(super) text: String,
    /// Whether it stood in quotes.
    pub(super) quoted: bool,
    /// Line, from 1.
    pub(super) line: usize,
    /// Column, from 1.
    pub(super) column: usize,
}

impl Token {
    /// A fault at this token.
    pub(super) fn fault(&self, what: impl Into<String>, advice: impl Into<String>) -> ZoneFault {
        ZoneFault::new((self.line, self.column), what, advice)
    }
}

/// Every entry that can be split; what cannot goes to `faults`.
pub fn entries(text: &str, faults: &mut Vec<ZoneFault>) -> Vec<Entry> {
    let mut splitter = Splitter::default();
    for (index, line) in text.lines().enumerate() {
        if let Err(fault) = splitter.line(index + 1, line) {
            faults.push(fault);
            splitter.broken = true;
        }
        splitter.end_of_line();
    }
    if let (Some((line, column)), false) = (splitter.opened, splitter.broken) {
        let advice = "add the `)` that ends the record";
        faults.push(ZoneFault::new((line, column), "`(` is never closed", advice));
    }
    splitter.entries
}

#[derive(Default)]
struct Splitter {
    entries: Vec<Entry>,
    tokens: Vec<Token>,
    inherits_owner: bool,
    /// Where the outermost open parenthesis stands.
    opened: Option<(usize, usize)>,
    depth: usize,
    /// Part of this entry could not be read, so nothing is made of it.
    broken: bool,
}

impl Splitter {
    fn line(&mut self, line: usize, text: &str) -> Result<(), ZoneFault> {
        let mut scan = Scan { chars: text.chars().peekable(), line, column: 1 };
        if self.opened.is_none() {
            self.inherits_owner = text.starts_with([' ', '\t']);
        }
        while let Some(next) = scan.peek() {
            match next {
                ' ' | '\t' | '\r' => _ = scan.next(),
                ';' => return Ok(()),
                '(' => {
                    self.opened = self.opened.or(Some((line, scan.column)));
                    self.depth += 1;
                    scan.next();
                }
                ')' => {
                    self.depth = self.depth.checked_sub(1).ok_or_else(|| {
                        scan.fault("`)` without a `(` before it", "remove it or add the `(`")
                    })?;
                    if self.depth == 0 {
                        self.opened = None;
                    }
                    scan.next();
                }
                '"' => self.tokens.push(scan.quoted()?),
                _ => self.tokens.push(scan.bare()?),
            }
        }
        Ok(())
    }

    fn end_of_line(&mut self) {
        if self.opened.is_some() {
            return;
        }
        self.depth = 0;
        let tokens = std::mem::take(&mut self.tokens);
        let broken = std::mem::take(&mut self.broken);
        if let (Some(first), false) = (tokens.first(), broken) {
            self.entries.push(Entry {
                line: first.line,
                column: first.column,
                inherits_owner: self.inherits_owner,
                tokens,
            });
        }
    }
}

/// The characters of one line.
struct Scan<'a> {
    chars: Peekable<Chars<'a>>,
    line: usize,
    column: usize,
}

impl Scan<'_> {
    fn peek(&mut self) -> Option<char> {
        self.chars.peek().copied()
    }

    fn next(&mut self) -> Option<char> {
        let next = self.chars.next()?;
        self.column += 1;
        Some(next)
    }

    fn fault(&self, what: impl Into<String>, advice: impl Into<String>) -> ZoneFault {
        ZoneFault::new((self.line, self.column), what, advice)
    }

    fn token(&self, column: usize, quoted: bool, text: String) -> Token {
        Token { text, quoted, line: self.line, column }
    }

    fn bare(&mut self) -> Result<Token, ZoneFault> {
        let column = self.column;
        let mut text = String::new();
        while let Some(next) = self.peek() {
            match next {
                ' ' | '\t' | '\r' | ';' | '(' | ')' | '"' => break,
                '\\' => {
                    self.next();
                    match self.peek() {
                        Some(escaped)
                            if escaped.is_ascii_graphic() && !escaped.is_ascii_digit() =>
                        {
                            text.extend(['\\', escaped]);
                        }
                        _ => {
                            return Err(self.fault(
                                "only a letter or sign can follow `\\` here",
                                "put a text into quotes; names cannot hold \\DDD",
                            ));
                        }
                    }
                }
                next if next.is_ascii_graphic() => text.push(next),
                next => {
                    return Err(self.fault(
                        format!("{next:?} outside of quotes"),
                        "use ASCII: international names in their xn-- form, other text in quotes",
                    ));
                }
            }
            self.next();
        }
        Ok(self.token(column, false, text))
    }

    fn quoted(&mut self) -> Result<Token, ZoneFault> {
        let column = self.column;
        let mut text = String::new();
        self.next();
        loop {
            match self.next() {
                Some('"') => return Ok(self.token(column, true, text)),
                Some('\\') => text.push(self.escaped()?),
                Some(other) => text.push(other),
                None => {
                    self.column = column;
                    return Err(self.fault(
                        "quoted text does not end on its line",
                        "add the closing `\"`, or write several texts in parentheses",
                    ));
                }
            }
        }
    }

    /// What follows a backslash in quotes: a character itself, or three decimal digits (RFC 1035
    /// section 5.1).
    fn escaped(&mut self) -> Result<char, ZoneFault> {
        let column = self.column - 1;
        let fault = |scan: &mut Self, what: String| {
            scan.column = column;
            let advice =
                "write three digits from \\000 to \\127, or one character that is no digit";
            scan.fault(what, advice)
        };
        match self.next() {
            Some(first) if first.is_ascii_digit() => {
                let mut digits = String::from(first);
                while digits.len() < 3
                    && let Some(digit) = self.peek().filter(char::is_ascii_digit)
                {
                    digits.push(digit);
                    self.next();
                }
                match digits.parse::<u8>() {
                    Ok(octet) if digits.len() == 3 && octet.is_ascii() => Ok(octet.into()),
                    _ => Err(fault(self, format!("`\\{digits}` is no usable octet"))),
                }
            }
            Some(other) => Ok(other),
            None => Err(fault(self, "nothing follows `\\`".into())),
        }
    }
}
