//! Texts of strangers as they may be shown: one line of bounded length, without the password.

use crate::{config::ProbeConfig, engine::Failure};

/// `failure` of a probe with `config`, as the log and the status may show it.
pub(super) fn presentable(failure: Failure, config: &ProbeConfig) -> Failure {
    Failure::new(failure.kind, presentable_text(&failure.detail, config))
}

/// `text` of a probe with `config`, as it may be shown.
pub(super) fn presentable_text(text: &str, config: &ProbeConfig) -> String {
    let text = match &config.password {
        Some(password) if password.reveal().len() >= MASKED_OCTETS_MIN => {
            &*text.replace(password.reveal(), "***")
        }
        _ => text,
    };
    one_line(text, DETAIL_CHARS_MAX)
}

/// The first `chars` characters of `text`, on one line: a blank stands for each control character.
pub(super) fn one_line(text: &str, chars: usize) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(chars).collect()
}

/// A log line stays readable, whatever a server says.
const DETAIL_CHARS_MAX: usize = 300;

/// Shorter passwords are not masked: masking every `a` of a text would tell the password rather
/// than hide it.
const MASKED_OCTETS_MIN: usize = 4;
