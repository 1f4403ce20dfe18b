//! The status page as plain text, for `curl` and for logs.

use std::fmt::{self, Write};

use super::{
    cluster::servers_of,
    discovery::{find_words, reports, source_words},
    document::{rate, subject, turn},
    graph::source,
    next::{next, section},
    published::words as published_words,
    runbook,
    secondaries::words as secondary_words,
    strip::in_words,
    tree::tree,
    view::{Appearance, View},
    words::{self, Span},
};
use crate::{
    report::{ClusterView, OverrideWords, Severity},
    status::{VERSION, severity_of_push, severity_of_secondary},
};

/// The whole page.
pub fn text(view: &View<'_>) -> String {
    let mut text = String::new();
    write(view, &mut text).expect("a string takes everything");
    text
}

fn write(view: &View<'_>, out: &mut String) -> fmt::Result {
    let status = view.status;
    writeln!(out, "{}", view.status.headline())?;
    writeln!(
        out,
        "pointsman {}, queries {}, running for {}",
        VERSION,
        rate(view),
        view.ago(status.process.started)
    )?;
    for fault in &status.process.faults {
        writeln!(out, "not ready: {fault}")?;
    }
    for warning in &status.warnings {
        writeln!(out, "warning: {warning}")?;
    }
    for (cluster, one) in view.overrides() {
        let words = OverrideWords { cluster: &cluster.name, wish: &one.wish };
        let rest = one.until.map(|until| view.rest(until));
        let rest = rest
            .map_or_else(|| "until somebody ends it".to_owned(), |rest| format!("for {rest} more"));
        let (author, reason) = (&one.author, &one.reason);
        let end = words.ending_command();
        writeln!(out, "{words} {rest} ({author}: {reason}); end it: {end}")?;
    }
    for cluster in view.clusters() {
        writeln!(
            out,
            "\n{} ({}, {}): {}",
            cluster.name,
            cluster.kind.name(),
            words::stability(cluster.stability),
            cluster.severity
        )?;
        names(view, cluster, out)?;
        story(view, cluster, out)?;
        servers(view, cluster, out)?;
    }
    discovery(view, out)?;
    let secondaries = &view.status.process.secondaries;
    if view.only.is_none() && !secondaries.is_empty() {
        writeln!(out, "\nSecondaries")?;
        for one in secondaries {
            let (sign, state) = (severity_of_secondary(one).sign(), one.state().name());
            writeln!(out, "  {sign} {} {} {state} {}", one.name, one.zone, secondary_words(one))?;
        }
    }
    let pushes = &view.status.process.pushes;
    if view.only.is_none() && !pushes.is_empty() {
        writeln!(out, "\nNames in zones of others")?;
        for one in pushes {
            let (sign, state) = (severity_of_push(one).sign(), one.state.name());
            writeln!(out, "  {sign} {} {state} {}", one.to, published_words(one))?;
        }
    }
    let mut events = view.events().take(EVENTS).peekable();
    if events.peek().is_some() {
        writeln!(out, "\nLast changes")?;
    }
    for event in events {
        let (change, words) = (&event.change, event.change.words());
        let turn = turn(change.kind(), &words).map_or_else(String::new, |turn| format!(" {turn}"));
        let (sign, subject) = (Severity::of_change(change).sign(), subject(change));
        writeln!(out, "  {sign} {:.3} {subject}{turn}: {}", change.at, words.reason)?;
    }
    writeln!(
        out,
        "\nserial {}, generation {}; /runbook says what to do",
        status.serial, status.generation
    )
}

/// Who the writer was, what comes next, who could be promoted, and where to read what to do.
fn discovery(view: &View<'_>, out: &mut String) -> fmt::Result {
    for (report, age) in reports(view) {
        writeln!(out, "\nDiscovery of {}, mode {}", report.cluster, report.mode)?;
        for source in &report.sources {
            writeln!(out, "  source {} {}", source.source, source_words(source, age))?;
        }
        for find in &report.finds {
            let (sign, state) = (find.standing.severity().sign(), &find.state);
            let name = find.name.as_deref().unwrap_or("a server");
            writeln!(out, "  {sign} {name} at {}{} {state}", find.at, find_words(find))?;
        }
    }
    Ok(())
}

fn story(view: &View<'_>, cluster: &ClusterView, out: &mut String) -> fmt::Result {
    let stretches = view.history.writers.stretches(&cluster.name, view.now);
    if let Some(words) = in_words(&stretches, view.status.process.started, view.now) {
        writeln!(out, "  writer over the last 24 h: {words}")?;
    }
    for one in next(cluster, view.now) {
        writeln!(out, "  next: {one}")?;
    }
    for one in cluster.promotable() {
        writeln!(out, "  could be promoted: {}: {one}", one.server.name)?;
    }
    for leaf in tree(cluster) {
        if let Some(word) = leaf.bond.word() {
            let from = leaf.server.upstream.as_ref().map_or("-", source);
            writeln!(out, "  {word}: {} replicates from {from}, not the writer", leaf.server.name)?;
        }
    }
    match section(cluster) {
        Some(section) => writeln!(out, "  what to do: {}", runbook::link(section.title())),
        None => Ok(()),
    }
}

fn names(view: &View<'_>, cluster: &ClusterView, out: &mut String) -> fmt::Result {
    for name in &cluster.names {
        writeln!(
            out,
            "  {} {} -> {} for {}, TTL {} s{}: {}",
            name.reason.role(),
            name.name,
            servers_of(name),
            view.ago(name.since),
            name.ttl,
            view.rate_for(&name.name).map_or_else(String::new, |rate| format!(", {rate}")),
            name.reason
        )?;
    }
    Ok(())
}

fn servers(view: &View<'_>, cluster: &ClusterView, out: &mut String) -> fmt::Result {
    let mut rows =
        vec![["SERVER", "STATE", "FOR", "FROM", "LAG", "LAST PROBE", "WHY"].map(str::to_owned)];
    rows.extend(cluster.servers.iter().map(|server| {
        let probe = view.last_probe(&cluster.name, &server.name);
        let drained = if server.drained { "drained; " } else { "" };
        [
            server.name.to_string(),
            server.state.to_string(),
            view.ago(server.since).to_string(),
            server.upstream.as_ref().map_or("-", source).to_owned(),
            server.lag.map_or_else(|| "-".to_owned(), |lag| Span(lag.millis()).to_string()),
            probe.map_or_else(|| "-".to_owned(), |probe| format!("{} ago", probe.ago)),
            match &server.failure {
                Some(failure) => format!("{drained}{failure}"),
                None => format!("{drained}{}", server.reason),
            },
        ]
    }));
    let width =
        |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<_> = (0..6).map(width).collect();
    for row in &rows {
        out.push_str("  ");
        for (cell, width) in row.iter().zip(&widths) {
            write!(out, "{cell:width$}  ")?;
        }
        writeln!(out, "{}", row[6])?;
    }
    Ok(())
}

/// Changes that are shown: a terminal's worth.
const EVENTS: usize = 10;
