//! How far those are who keep copies of our zones.

use maud::{Markup, html};

use super::{
    view::{Appearance, View},
    words::Span,
};
use crate::{report::Severity, status::severity_of_secondary, transfer::SecondaryView};

/// A card with a line for each zone of each secondary; nothing where there is none.
pub fn secondaries(view: &View<'_>) -> Markup {
    let all = &view.status.process.secondaries;
    html! {
        @if view.only.is_none() && !all.is_empty() {
            section aria-labelledby="secondaries" {
                h2 #secondaries { "Secondaries" }
                ul .lines { @for one in all { (line(one)) } }
            }
        }
    }
}

fn line(one: &SecondaryView) -> Markup {
    let severity: Severity = severity_of_secondary(one);
    html! {
        li .(severity.class()) {
            span .sign aria-hidden="true" { (severity.sign()) } " "
            strong { (one.name) } " "
            span .says { code { (one.zone) } " " (words(one)) }
            " " span .word { (one.state().name()) }
        }
    }
}

/// Where it is, its serial, and why that is not ours.
pub fn words(one: &SecondaryView) -> String {
    let mut words = format!("at {}", one.address);
    if let Some(serial) = one.serial {
        words += &format!(", serial {serial}");
    }
    let lag = u64::try_from(one.lag.as_millis()).unwrap_or(u64::MAX);
    if lag > 0 {
        words += &format!(", late by {}", Span(lag));
    }
    if let Some(reason) = one.reason() {
        words += &format!(": {reason}");
    }
    words
}
