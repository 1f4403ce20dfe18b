//! Who asks for something and why.

use std::fmt;

use crate::plain_text::one_line;

/// Texts of strangers, for logs and tables: one line of bounded length each, whatever they were.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    author: Box<str>,
    reason: Option<Box<str>>,
}

impl Signed {
    /// Characters of an author.
    pub const AUTHOR_CHARS: usize = 100;

    /// Characters of a reason.
    pub const REASON_CHARS: usize = 300;

    /// Somebody who may say why. The texts are put on one line and cut.
    pub fn new(author: &str, reason: &str) -> Self {
        Self {
            author: line(author, Self::AUTHOR_CHARS).unwrap_or_else(|| "unknown".into()),
            reason: line(reason, Self::REASON_CHARS),
        }
    }

    /// Who. Never empty.
    pub fn author(&self) -> &str {
        &self.author
    }

    /// Why. Never empty: that no reason was given is said.
    pub fn reason(&self) -> &str {
        self.reason.as_deref().unwrap_or("no reason given")
    }
}

/// `anna: kernel upgrade`; who has not said why is told alone.
impl fmt::Display for Signed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.reason {
            Some(reason) => write!(f, "{}: {reason}", self.author),
            None => f.write_str(&self.author),
        }
    }
}

/// `text` on one line of at most so many characters; `None` for one without any.
fn line(text: &str, chars: usize) -> Option<Box<str>> {
    let shown: String = one_line(text).trim().chars().take(chars).collect();
    (!shown.is_empty()).then(|| shown.trim_end().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_strangers_are_one_line_of_bounded_length() {
        let tidy = Signed::new(" anna\n", "kernel\r\n\u{1b}[31mupgrade\u{202e}");
        assert_eq!((tidy.author(), tidy.reason()), ("anna", "kernel   [31mupgrade"));
        assert_eq!(tidy.to_string(), "anna: kernel   [31mupgrade");
        let long = Signed::new(&"ä".repeat(101), &"x".repeat(301));
        assert_eq!((long.author().chars().count(), long.reason().len()), (100, 300));
        let empty = Signed::new("\t", "");
        assert_eq!((empty.author(), empty.reason()), ("unknown", "no reason given"));
        assert_eq!(empty.to_string(), "unknown");
    }
}
