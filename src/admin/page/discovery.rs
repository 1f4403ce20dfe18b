//! What discovery knows of each cluster: whom it asks, what was found, and why it is no further.

use std::time::Duration;

use maud::{Markup, html};

use super::{
    view::{Appearance, View},
    words::Span,
};
use crate::report::{DiscoveredServer, DiscoveryReport, DiscoverySource, Severity};

/// Finds of one cluster that are shown; `pointsman discover` has them all.
const FINDS: usize = 20;

/// Clusters that are shown where all are asked for, those in which there is something to do first.
const CLUSTERS: usize = 20;

/// A card with a part for each cluster that discovers its servers; nothing where there is none.
pub fn discovery(view: &View<'_>) -> Markup {
    let all = reports(view);
    let (shown, rest) = all.split_at(all.len().min(CLUSTERS));
    html! {
        @if !all.is_empty() {
            section .discovery aria-labelledby="discovery" {
                h2 #discovery { "Discovery" }
                @for (report, age) in shown { (cluster(report, *age)) }
                @if !rest.is_empty() {
                    p .says {
                        (rest.len()) " more clusters; " code { "pointsman discover" }
                        " shows all of them."
                    }
                }
            }
        }
    }
}

/// The reports that are asked for, the worst first, else by the names of their clusters.
pub fn reports<'v>(view: &View<'v>) -> Vec<(&'v DiscoveryReport, Duration)> {
    let is_meant = |report: &DiscoveryReport| {
        view.only.is_none_or(|only| report.cluster.eq_ignore_ascii_case(only))
    };
    let all = view.discovery.iter().map(|(report, age)| (&**report, *age));
    let mut all: Vec<_> = all.filter(|(report, _)| is_meant(report)).collect();
    all.sort_by_key(|(report, _)| std::cmp::Reverse(worst(report)));
    all
}

fn worst(report: &DiscoveryReport) -> Severity {
    let finds = report.finds.iter().map(|find| find.standing.severity());
    let sources = report.sources.iter().map(of_source);
    finds.chain(sources).max().unwrap_or(Severity::Ok)
}

fn cluster(report: &DiscoveryReport, age: Duration) -> Markup {
    let mut finds: Vec<_> = report.finds.iter().collect();
    finds.sort_by_key(|find| find.standing);
    let (shown, rest) = finds.split_at(finds.len().min(FINDS));
    html! {
        h3 { (report.cluster) " " span .says { "mode " (report.mode) } }
        ul .lines {
            @for source in &report.sources { (asked(source, age)) }
            @for find in shown { (found(find)) }
        }
        @if report.finds.is_empty() {
            p .says { "Nothing was found beside the servers of the file." }
        }
        @if !rest.is_empty() {
            p .says {
                (rest.len()) " more; " code { "pointsman discover " (report.cluster) }
                " shows all of them."
            }
        }
    }
}

fn asked(source: &DiscoverySource, age: Duration) -> Markup {
    let severity = of_source(source);
    html! {
        li .(severity.class()) {
            span .sign aria-hidden="true" { (severity.sign()) } " "
            span .hidden { (severity) ": " }
            strong { "source " (source.source) } " "
            span .says { (source_words(source, age)) }
        }
    }
}

fn found(find: &DiscoveredServer) -> Markup {
    let severity = find.standing.severity();
    html! {
        li .(severity.class()) {
            span .sign aria-hidden="true" { (severity.sign()) } " "
            span .hidden { (severity) ": " }
            strong { (find.name.as_deref().unwrap_or("a server")) } " "
            span .says { "at " code { (find.at) } (find_words(find)) }
            " " span .word { (find.state) }
        }
    }
}

/// When a source last said anything, and what is wrong with that.
pub fn source_words(source: &DiscoverySource, age: Duration) -> String {
    let answered = source.age_seconds.map_or_else(
        || "has not answered yet".to_owned(),
        |seconds| {
            let millis = (seconds + age.as_secs()).saturating_mul(1_000);
            format!("answered {} ago", Span(millis))
        },
    );
    let fault = source.fault.as_deref().map(|why| format!(": {why}"));
    answered + &fault.unwrap_or_default()
}

/// Who names a find, and why it has come so far.
pub fn find_words(find: &DiscoveredServer) -> String {
    let sources = match find.sources.is_empty() {
        true => String::new(),
        false => format!(", named by {}", find.sources.join(", ")),
    };
    format!("{sources}: {}", find.reason)
}

fn of_source(source: &DiscoverySource) -> Severity {
    match source.fault {
        Some(_) => Severity::Degraded,
        None => Severity::Ok,
    }
}
