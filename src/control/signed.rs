//! Who asks for something and why.

use crate::plain_text::one_line;

/// Texts of strangers, for logs and tables: one line of bounded length each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    /// Who.
    pub author: Box<str>,
    /// Why.
    pub reason: Box<str>,
}

impl Signed {
    /// Characters of an author.
    pub const AUTHOR_CHARS: usize = 100;

    /// Characters of a reason.
    pub const REASON_CHARS: usize = 300;

    /// The texts as they may be kept and shown: on one line, no longer than that, and never empty.
    #[must_use]
    pub fn tidy(self) -> Self {
        Self {
            author: line(&self.author, Self::AUTHOR_CHARS, "unknown"),
            reason: line(&self.reason, Self::REASON_CHARS, "no reason given"),
        }
    }
}

/// `text` on one line of at most so many characters; `nothing` stands for one without any.
fn line(text: &str, chars: usize, nothing: &str) -> Box<str> {
    let shown: String = one_line(text).trim().chars().take(chars).collect();
    if shown.is_empty() { nothing.into() } else { shown.trim_end().into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_strangers_are_one_line_of_bounded_length() {
        let signed = |author: &str, reason: &str| {
            Signed { author: author.into(), reason: reason.into() }.tidy()
        };
        let tidy = signed(" anna\n", "kernel\r\n\u{1b}[31mupgrade\u{202e}");
        assert_eq!((&*tidy.author, &*tidy.reason), ("anna", "kernel   [31mupgrade"));
        let long = signed(&"ä".repeat(101), &"x".repeat(301));
        assert_eq!((long.author.chars().count(), long.reason.len()), (100, 300));
        let empty = signed("\t", "");
        assert_eq!((&*empty.author, &*empty.reason), ("unknown", "no reason given"));
    }
}
