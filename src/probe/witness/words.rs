//! The words of HAProxy's agent-check (configuration manual, `agent-check`), as far as they concern
//! whether a server should get clients.
//!
//! `up`, `ready`, `drain`, `maint`, `down`, `fail`, `failed`, `stopped` and `75%`, in any case and
//! order, with blanks, tabs or commas between; after `#` comes text for people. Words that mean
//! nothing here, such as `maxconn:20`, are passed over. Unlike HAProxy's, each line stands by
//! itself.

use crate::engine::{Testimony, Word};

/// What a line says; `None` when no word of it is known.
pub fn parse(line: &str) -> Option<Testimony> {
    let said = line.split('#').next().unwrap_or_default();
    let mut strongest = None;
    let mut percent = None;
    for token in said.split([' ', '\t', ',', '\r', '\n']) {
        let word = match &*token.to_ascii_lowercase() {
            "up" | "ready" => Word::Up,
            "drain" => Word::Drain,
            "maint" => Word::Maint,
            "down" | "fail" | "failed" | "stopped" => Word::Down,
            other => match weight(other) {
                Some(0) => Word::Drain,
                Some(part) => {
                    percent = Some(part);
                    Word::Up
                }
                None => continue,
            },
        };
        strongest = strongest.max(Some(word));
    }
    let testimony = Testimony::new(strongest?, line.trim());
    Some(match percent {
        Some(percent) => testimony.bearing(percent),
        None => testimony,
    })
}

/// `75%`, as a number; no more than fits.
fn weight(token: &str) -> Option<u16> {
    let digits = token.strip_suffix('%')?;
    let plain = !digits.is_empty() && digits.bytes().all(|octet| octet.is_ascii_digit());
    plain.then(|| digits.parse().unwrap_or(u16::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_word_is_known_in_any_case_and_order() {
        for (line, word, percent) in [
            ("up", Word::Up, 100),
            ("READY\n", Word::Up, 100),
            ("drain", Word::Drain, 100),
            ("Maint\r\n", Word::Maint, 100),
            ("down#the disk is full, up next week", Word::Down, 100),
            ("fail", Word::Down, 100),
            ("failed # why", Word::Down, 100),
            ("stopped", Word::Down, 100),
            ("75%", Word::Up, 75),
            ("up 30%", Word::Up, 30),
            ("ready,\t50%,maxconn:30", Word::Up, 50),
            ("0%", Word::Drain, 100),
            ("up drain", Word::Drain, 100),
            ("maint down", Word::Maint, 100),
            ("100%", Word::Up, 100),
            ("101%", Word::Up, 100),
            ("up 10000%", Word::Up, 100),
            ("99999999%", Word::Up, 100),
        ] {
            let said = parse(line).unwrap_or_else(|| panic!("{line:?} says nothing"));
            assert_eq!((said.word, said.percent), (word, percent), "{line:?}");
            assert_eq!(&*said.detail, line.trim());
        }
    }

    #[test]
    fn anything_else_says_nothing() {
        for line in ["", "\n", "hello", "#up", "updown", "%", "-5%", "1.5%", "maxconn:3", "ü"] {
            assert_eq!(parse(line), None, "{line:?}");
        }
    }
}
