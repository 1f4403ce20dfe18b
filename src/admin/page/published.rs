//! How far names in zones of others are.

use maud::{Markup, html};

use super::view::{Appearance, View};
use crate::{push::PushView, status::severity_of_push};

/// A card with a line for each name; nothing where there is none.
pub fn published(view: &View<'_>) -> Markup {
    let all = &view.status.process.pushes;
    html! {
        @if view.only.is_none() && !all.is_empty() {
            section aria-labelledby="published" {
                h2 #published { "Names in zones of others" }
                ul .lines { @for one in all { (line(one)) } }
            }
        }
    }
}

fn line(one: &PushView) -> Markup {
    let severity = severity_of_push(one);
    html! {
        li .(severity.class()) {
            span .sign aria-hidden="true" { (severity.sign()) } " "
            strong { (one.to) } " "
            span .says { "by " (one.publish) ", " (words(one)) }
            " " span .word { (one.state.name()) }
        }
    }
}

/// What it follows, the number of its last change, and why it is not level.
pub fn words(one: &PushView) -> String {
    let mut words = format!("from {}, epoch {}", one.from, one.epoch);
    if let Some(reason) = one.state.reason() {
        words += &format!(": {reason}");
    }
    for (server, what) in &one.astray {
        words += &format!("; {server} {what}");
    }
    words
}
