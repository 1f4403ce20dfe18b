//! `[cluster.probe.command]`: the exit status of a command.

use std::ops::Range;

use toml::Spanned;

use super::WitnessConfig;
use crate::config::read::{Conversion, Section, section};

section! {
    /// The exit status of a command.
    CommandSection = "[cluster.probe.command]" {
        /// The program and its arguments.
        run: Vec<Spanned<String>>,
    }
}

/// The check of the section, without which there is none.
pub fn convert(
    section: Option<(&CommandSection, Range<usize>)>,
    conversion: &mut Conversion<'_>,
) -> Option<WitnessConfig> {
    let (section, place) = section?;
    let example = (CommandSection::TITLE, "run = [\"/usr/local/bin/check\", \"{server}\"]");
    let run = conversion.required(&section.run, &place, example)?;
    let at = section.run.span().unwrap_or(place);
    let (program, arguments) = conversion.program(run, ("run", at))?;
    for argument in arguments {
        if let Some(odd) = unknown_placeholder(argument.get_ref()) {
            let known = PLACEHOLDERS.map(|name| format!("{{{name}}}")).join(", ");
            let what = format!("`run` has {{{odd}}}, which stands for nothing");
            conversion.faults.add(argument.span(), what, format!("known here: {known}"));
        }
    }
    Some(WitnessConfig::Command {
        program,
        arguments: arguments.iter().map(|argument| argument.get_ref().as_str().into()).collect(),
    })
}

/// A word between braces that looks like a placeholder and is none. Other braces may be JSON.
fn unknown_placeholder(argument: &str) -> Option<&str> {
    let words = argument.split('{').skip(1).filter_map(|rest| Some(rest.split_once('}')?.0));
    let mut plain = words.filter(|word| {
        !word.is_empty() && word.bytes().all(|octet| octet.is_ascii_lowercase() || octet == b'_')
    });
    plain.find(|word| !PLACEHOLDERS.contains(word))
}

/// What the arguments of a command may hold between braces.
const PLACEHOLDERS: [&str; 4] = ["server", "address", "port", "cluster"];
