//! The status page as HTML: complete without a script, and the same with it.
//!
//! Every value is escaped by the templates. There is no style and no script in the text, so that
//! the policy of the page may forbid both.

use maud::{DOCTYPE, Markup, html};

use super::{
    cluster::{article, line},
    discovery::discovery,
    published::published,
    secondaries::secondaries,
    view::{Appearance, View},
    words,
};
use crate::{
    chronicle::Entry,
    report::{Change, ChangeKind, ClusterView, Override, OverrideWords, Severity, What, Words},
    status::VERSION,
};

/// The whole page.
pub fn document(view: &View<'_>) -> Markup {
    let summary = view.status.headline();
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (summary) " · Pointsman" }
                link rel="icon" type="image/svg+xml" href="/page/icon.svg";
                link rel="stylesheet" href="/page/style.css";
                script src="/page/live.js" defer {}
            }
            body {
                a .skip href="#main" { "Skip to the clusters" }
                (header(view, &summary))
                main #main tabindex="-1" {
                    (faults(view))
                    (warnings(view))
                    (overrides(view))
                    (clusters(view))
                    (discovery(view))
                    (secondaries(view))
                    (published(view))
                    (timeline(view))
                }
                footer {
                    p {
                        "As of " time { (words::moment(view.now)) } " UTC. "
                        span #live data-state="off" { "Reload the page to see what is new." }
                    }
                    p { "What to do: " a href="/runbook" { "run-book" } ". "
                        "The same for machines: " a href="/v1/status" { "status" } ", "
                        a href="/v1/events" { "events" } ", " a href="/metrics" { "metrics" } "." }
                    p { "SOA serial " (view.status.serial)
                        ", generation " (view.status.generation) "." }
                }
            }
        }
    }
}

fn header(view: &View<'_>, summary: &str) -> Markup {
    let status = view.status;
    let severity = view.status.severity();
    html! {
        header {
            div .title {
                h1 { a href="/" { "Pointsman" } }
                p #summary .summary .(severity.class()) role="status" aria-live="polite" {
                    span .sign aria-hidden="true" { (severity.sign()) } " " (summary)
                }
            }
            dl .facts {
                div { dt { "Queries" } dd { (rate(view)) } }
                div { dt { "Running for" } dd { (view.ago(status.process.started)) } }
                div { dt { "Version" } dd { (VERSION) } }
            }
        }
    }
}

/// Queries a second.
pub fn rate(view: &View<'_>) -> String {
    match view.history.queries_per_second() {
        Some(rate) => format!("{rate:.1}/s"),
        None => format!("{} in all", view.status.process.queries),
    }
}

/// Why it is not ready.
fn faults(view: &View<'_>) -> Markup {
    html! {
        @if !view.status.process.faults.is_empty() {
            section .notice aria-labelledby="faults" {
                h2 #faults { "Not ready" }
                ul { @for fault in &view.status.process.faults { li { (fault) } } }
            }
        }
    }
}

/// What is not well beside the clusters.
fn warnings(view: &View<'_>) -> Markup {
    let severity = Severity::Degraded;
    html! {
        @if !view.status.warnings.is_empty() {
            section .notice .(severity.class()) aria-labelledby="warnings" {
                h2 #warnings {
                    span .sign aria-hidden="true" { (severity.sign()) } " Warnings"
                }
                ul { @for warning in &view.status.warnings { li { (warning) } } }
            }
        }
    }
}

fn overrides(view: &View<'_>) -> Markup {
    let laid = view.overrides();
    html! {
        @if !laid.is_empty() {
            section .overrides aria-labelledby="overrides" {
                h2 #overrides { "Overrides" }
                ul {
                    @for (cluster, one) in laid {
                        li .wanted { (laid_by(view, &cluster.name, one)) }
                    }
                }
            }
        }
    }
}

fn laid_by(view: &View<'_>, cluster: &str, one: &Override) -> Markup {
    let words = OverrideWords { cluster, wish: &one.wish };
    html! {
        p {
            span .sign aria-hidden="true" { "◆" } " "
            strong { (words) }
            @match one.until {
                Some(until) => {
                    " — ends in "
                    time datetime=(format_args!("{until:.3}")) { (view.rest(until)) }
                }
                None => " — until somebody ends it",
            }
        }
        p .detail {
            (one.reason) " — " (one.author) ", "
            time datetime=(format_args!("{:.3}", one.since)) { (view.ago(one.since)) }
            " ago. End it: "
            code { (words.ending_command()) }
        }
    }
}

fn clusters(view: &View<'_>) -> Markup {
    let clusters = view.clusters();
    let few = clusters.len() <= WHOLE || view.only.is_some();
    let is_whole = |cluster: &&ClusterView| few || cluster.severity > Severity::Ok;
    let (whole, rest): (Vec<_>, Vec<_>) = clusters.into_iter().partition(is_whole);
    let (whole, cut) = whole.split_at(whole.len().min(MOST_WHOLE));
    html! {
        section aria-labelledby="clusters" {
            h2 #clusters { "Clusters" }
            @if let Some(only) = view.only {
                p { a href="/" { "All clusters" } }
                @if whole.is_empty() { p { "There is no cluster " (only) "." } }
            }
            @for cluster in whole { (article(view, cluster)) }
            @if !cut.is_empty() || !rest.is_empty() {
                h3 #others { (cut.len() + rest.len()) " more clusters" }
                ul .lines aria-labelledby="others" {
                    @for cluster in cut.iter().chain(&rest) { (line(cluster)) }
                }
            }
        }
    }
}

fn timeline(view: &View<'_>) -> Markup {
    let mut events = view.events().peekable();
    html! {
        section aria-labelledby="events" {
            h2 #events { "Last changes" }
            @if events.peek().is_none() { p { "No changes yet." } }
            ol .events reversed {
                @for event in events { (change(view, event)) }
            }
        }
    }
}

fn change(view: &View<'_>, event: &Entry) -> Markup {
    let severity = Severity::of_change(&event.change);
    let words = event.change.words();
    let at = event.change.at;
    html! {
        li .(severity.class()) id=(format!("event-{}", event.id)) {
            time datetime=(format_args!("{at:.3}")) { (words::clock(at, view.now)) } " "
            span .sign aria-hidden="true" { (severity.sign()) } " "
            span .hidden { (severity) ": " }
            strong { (subject(&event.change)) } " "
            @if let Some(change) = turn(event.change.kind(), &words) {
                span .turn { (change) } " "
            }
            span .detail {
                (words.reason)
                @if !words.detail.is_empty() { " (" (words.detail) ")" }
            }
        }
    }
}

/// Whom a change is about.
pub fn subject(change: &Change) -> String {
    let parts = [change.cluster.as_deref(), change.name(), change.server()];
    let parts: Vec<_> = parts.into_iter().flatten().collect();
    match parts.is_empty() {
        true if matches!(change.what, What::Secondary { .. }) => "secondaries".to_owned(),
        true if change.kind() == ChangeKind::Config => "configuration".to_owned(),
        true => "everything".to_owned(),
        false => parts.join(" "),
    }
}

/// From what to what it went. What an operator lays is told by its reason alone; what says the same
/// for another reason goes nowhere.
pub fn turn(kind: ChangeKind, words: &Words) -> Option<String> {
    let shown = |side: &Option<String>| match side.as_deref() {
        Some("") | None => "none".to_owned(),
        Some(side) => side.replace(',', ", "),
    };
    let told = words.from.is_some() || words.to.is_some();
    let (from, to) = (shown(&words.from), shown(&words.to));
    match kind {
        ChangeKind::Override => None,
        _ if !told => None,
        _ if from == to => Some(format!("{to}, unchanged")),
        _ => Some(format!("{from} → {to}")),
    }
}

/// So many clusters are shown whole, whether or not all is well with them.
const WHOLE: usize = 6;

/// So many are shown whole at most; the others are a line each.
const MOST_WHOLE: usize = 50;
