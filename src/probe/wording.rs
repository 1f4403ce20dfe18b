//! Texts of strangers as they may be shown: one line of bounded length, without the password.
//!
//! The password is hidden first, in the whole text: in a text that was cut before, the first half of
//! a password would be left at its end, and no longer be known as one.

use crate::{config::ProbeConfig, engine::Failure, plain_text::start_of_line};

/// `failure` of a probe with `config`, as the log and the status may show it.
pub fn presentable(failure: Failure, config: &ProbeConfig) -> Failure {
    Failure::new(failure.kind, presentable_text(&failure.detail, config))
}

/// `text` of a probe with `config`, as it may be shown.
pub fn presentable_text(text: &str, config: &ProbeConfig) -> String {
    shown(text, config.password.as_ref().map(|password| password.reveal()))
}

fn shown(text: &str, password: Option<&str>) -> String {
    match password.filter(|password| password.len() >= MASKED_OCTETS_MIN) {
        Some(password) => start_of_line(&text.replace(password, "***"), DETAIL_CHARS_MAX),
        None => start_of_line(text, DETAIL_CHARS_MAX),
    }
}

/// A log line stays readable, whatever a server says.
const DETAIL_CHARS_MAX: usize = 300;

/// Shorter passwords are not masked: masking every `a` of a text would tell the password rather
/// than hide it.
const MASKED_OCTETS_MIN: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWORD: &str = "correct horse battery staple";

    #[test]
    fn a_password_is_hidden_wherever_the_text_is_cut() {
        for before in 0..400 {
            let text = format!("{}{PASSWORD}{}", "x".repeat(before), "y".repeat(400));
            let told = shown(&text, Some(PASSWORD));
            assert_eq!(told.chars().count(), DETAIL_CHARS_MAX);
            assert!(!told.contains("corr"), "{before}: {told}");
        }
        let twice = format!("a {PASSWORD} b {PASSWORD}");
        assert_eq!(shown(&twice, Some(PASSWORD)), "a *** b ***");
        assert_eq!(shown("a cab", Some("a")), "a cab", "it would tell the password");
    }

    #[test]
    fn a_text_is_one_line() {
        assert_eq!(shown("Access denied\nfor \u{1b}[31muser", None), "Access denied for  [31muser");
    }
}
