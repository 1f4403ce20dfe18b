//! The status page as plain text, for `curl` and for logs.

use std::fmt::{self, Write};

use super::{
    cluster::{role, servers_of},
    document::{override_words, rate, subject, turn},
    view::{Concern, View},
    words::{self, Span},
};
use crate::api::ClusterStatus;

/// The whole page.
pub(super) fn text(view: &View<'_>) -> String {
    let mut text = String::new();
    write(view, &mut text).expect("a string takes everything");
    text
}

fn write(view: &View<'_>, out: &mut String) -> fmt::Result {
    let status = view.status;
    writeln!(out, "{}", view.summary())?;
    writeln!(
        out,
        "pointsman {}, serial {}, generation {}, queries {}, running for {}",
        status.version,
        status.serial,
        status.generation,
        rate(view),
        view.ago(&status.started)
    )?;
    for fault in &status.faults {
        writeln!(out, "not ready: {fault}")?;
    }
    for warning in &status.warnings {
        writeln!(out, "warning: {warning}")?;
    }
    for one in view.overrides() {
        let (what, of, end) = override_words(one);
        let rest = one.until.as_deref().and_then(|until| words::rest(until, view.now));
        let rest = rest.map_or_else(|| "for ever".to_owned(), |rest| format!("for {rest} more"));
        let (author, reason) = (&one.author, &one.reason);
        writeln!(out, "{what} {of} {rest} ({author}: {reason}); end it: pointsman {end}")?;
    }
    for (concern, cluster) in view.clusters() {
        writeln!(
            out,
            "\n{} ({}, {}): {}",
            cluster.name,
            cluster.engine,
            cluster.stability,
            concern.words()
        )?;
        names(view, cluster, out)?;
        servers(view, cluster, out)?;
    }
    let mut events = view.events().take(EVENTS).peekable();
    if events.peek().is_some() {
        writeln!(out, "\nLast changes")?;
    }
    for event in events {
        let turn = turn(event).map_or_else(String::new, |turn| format!(" {turn}"));
        let (sign, subject) = (Concern::of_event(event).sign(), subject(event));
        writeln!(out, "  {sign} {} {subject}{turn}: {}", event.at, event.reason)?;
    }
    Ok(())
}

fn names(view: &View<'_>, cluster: &ClusterStatus, out: &mut String) -> fmt::Result {
    for name in &cluster.names {
        writeln!(
            out,
            "  {} {} -> {} for {}, TTL {} s: {}",
            role(name.role),
            name.name,
            servers_of(name),
            view.ago(&name.since),
            name.ttl,
            name.reason
        )?;
    }
    Ok(())
}

fn servers(view: &View<'_>, cluster: &ClusterStatus, out: &mut String) -> fmt::Result {
    let mut rows = vec![["SERVER", "STATE", "FOR", "LAG", "LAST PROBE", "WHY"].map(str::to_owned)];
    rows.extend(cluster.servers.iter().map(|server| {
        let probe = view.last_probe(&cluster.name, &server.name);
        let drained = if server.drained { "drained; " } else { "" };
        [
            server.name.clone(),
            server.state.clone(),
            view.ago(&server.since),
            server.lag_ms.map_or_else(|| "-".to_owned(), |lag| Span(lag).to_string()),
            probe.map_or_else(|| "-".to_owned(), |probe| format!("{} ago", probe.ago)),
            format!("{drained}{}", server.failure.as_deref().unwrap_or(&server.reason)),
        ]
    }));
    let width =
        |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<_> = (0..5).map(width).collect();
    for row in &rows {
        out.push_str("  ");
        for (cell, width) in row.iter().zip(&widths) {
            write!(out, "{cell:width$}  ")?;
        }
        writeln!(out, "{}", row[5])?;
    }
    Ok(())
}

/// Changes that are shown: a terminal's worth.
const EVENTS: usize = 10;
