//! What the service says, as people read it.

use std::fmt::Write as _;

use super::screen::{Screen, Table, Tone};
use crate::{
    api::{
        ClusterStatus, EventEntry, EventKind, Explanation, NameRole, NameStatus, OverrideStatus,
        ServerStatus, Status, WhatIf, Why,
    },
    plain_text::one_line,
    report::OverrideWords,
};

/// Everything.
pub fn status(status: &Status, screen: &Screen) -> String {
    let Status { version, generation, serial, queries, started, .. } = status;
    let ready = match status.ready {
        true => screen.paint(Tone::Good, "ready"),
        false => screen.paint(Tone::Bad, "not ready"),
    };
    let up = screen.ago(started);
    let mut text = format!(
        "Pointsman {version}  {ready}  up {up}  generation {generation}  serial {serial}  \
         {queries} queries\n"
    );
    for fault in &status.faults {
        _ = writeln!(text, "{}", screen.paint(Tone::Bad, &one_line(fault)));
    }
    for warning in &status.warnings {
        let words = format!("warning: {}", one_line(warning));
        _ = writeln!(text, "{}", screen.paint(Tone::Doubtful, &words));
    }
    if status.isolated {
        let words = "every server of every cluster is silent: our own network is suspected, and \
                     answers stand still";
        _ = writeln!(text, "{}", screen.paint(Tone::Bad, words));
    }
    for each in &status.clusters {
        text.push('\n');
        text += &cluster(each, screen);
    }
    text
}

/// One cluster.
pub fn cluster(cluster: &ClusterStatus, screen: &Screen) -> String {
    let ClusterStatus { name, engine, stability, names, servers, overrides } = cluster;
    let tone = if stability == "calm" { Tone::Plain } else { Tone::Doubtful };
    let title = screen.paint(Tone::Bold, name);
    let mut text = format!("{title}  {engine}  {}\n", screen.paint(tone, stability));
    text += &laid(overrides, screen);
    let mut table = Table::new(&["NAME", "SAYS", "SINCE", "WHY"]);
    for name in names {
        let NameStatus { servers, reason, degradation, since, .. } = name;
        table.row([
            (Tone::Plain, name.name.clone()),
            (degraded(degradation), listed(servers)),
            (Tone::Plain, screen.ago(since)),
            (degraded(degradation), reason.clone()),
        ]);
    }
    text += &table.text(screen);
    let mut table = Table::new(&["SERVER", "STATE", "LAG", "SINCE", "IN", "WHY"]);
    for server in servers {
        table.row([
            (Tone::Plain, server.name.clone()),
            (state(&server.state), server.state.clone()),
            (Tone::Plain, lag(server.lag_ms)),
            (Tone::Plain, screen.ago(&server.since)),
            (Tone::Plain, roles(&server.names, names)),
            (Tone::Plain, of_failing(server)),
        ]);
    }
    text + &table.text(screen)
}

/// What a server is, and why it is in each name or not.
pub fn why(why: &Why, screen: &Screen) -> String {
    let Why { cluster, server, names, overrides } = why;
    let state = screen.paint(state(&server.state), &server.state);
    let mut text = format!(
        "{} of {cluster} is {state} since {}: {}\n",
        screen.paint(Tone::Bold, &server.name),
        screen.ago(&server.since),
        of_server(server)
    );
    _ = writeln!(text, "  {}, port {}", server.addresses.join(", "), server.port);
    if let Some(millis) = server.lag_ms {
        _ = writeln!(text, "  behind by {}", lag(Some(millis)));
    }
    if let Some(failure) = &server.failure {
        _ = writeln!(text, "  {}", screen.paint(Tone::Bad, &one_line(failure)));
    }
    for witness in &server.witnesses {
        let word = witness.word.as_deref().unwrap_or("nothing");
        _ = writeln!(text, "  {} says {word}: {}", witness.check, one_line(&witness.detail));
    }
    text += &laid(overrides, screen);
    if matches!(&*server.state, "StalePrimary" | "WrongCluster") {
        _ = writeln!(
            text,
            "  if it has the right data after all: pointsman accept {cluster} {} --reason TEXT",
            server.name
        );
    }
    let mut table = Table::new(&["NAME", "IN", "WHY"]);
    for name in names {
        let inside = if name.included { (Tone::Good, "yes") } else { (Tone::Plain, "no") };
        table.row([
            (Tone::Plain, name.name.clone()),
            (inside.0, inside.1.to_owned()),
            (Tone::Plain, name.because.clone()),
        ]);
    }
    text + &table.text(screen)
}

/// Why a name says what it says.
pub fn explanation(told: &Explanation, screen: &Screen) -> String {
    let Explanation { name, cluster, candidates } = told;
    let mut text = says(name, cluster, screen);
    let mut table = Table::new(&["SERVER", "STATE", "IN", "WHY, AND WHAT WOULD CHANGE IT"]);
    for candidate in candidates {
        let inside = if candidate.included { (Tone::Good, "yes") } else { (Tone::Plain, "no") };
        let because = match candidate.would_change.as_str() {
            "" => candidate.because.clone(),
            would => format!("{}; {would}", candidate.because),
        };
        table.row([
            (Tone::Plain, candidate.server.clone()),
            (state(&candidate.state), candidate.state.clone()),
            (inside.0, inside.1.to_owned()),
            (Tone::Plain, because),
        ]);
    }
    text += &table.text(screen);
    text
}

/// What would be, name by name.
pub fn what_if(told: &WhatIf, screen: &Screen) -> String {
    let WhatIf { supposed, now, then } = told;
    let mut text = format!("{}\n", screen.paint(Tone::Bold, &one_line(supposed)));
    let mut table = Table::new(&["NAME", "NOW", "THEN", "WHY THEN"]);
    for (now, then) in now.names.iter().zip(&then.names) {
        let changes = now.servers != then.servers;
        let tone = if changes { Tone::Doubtful } else { Tone::Plain };
        table.row([
            (Tone::Plain, then.name.clone()),
            (Tone::Plain, listed(&now.servers)),
            (tone, listed(&then.servers)),
            (degraded(&then.degradation), then.reason.clone()),
        ]);
    }
    text += &table.text(screen);
    let mut table = Table::new(&["SERVER", "NOW", "THEN", "WHY THEN"]);
    for (now, then) in now.servers.iter().zip(&then.servers) {
        table.row([
            (Tone::Plain, then.name.clone()),
            (state(&now.state), now.state.clone()),
            (state(&then.state), then.state.clone()),
            (Tone::Plain, then.reason.clone()),
        ]);
    }
    text + &table.text(screen)
}

/// One change, on a line.
pub fn event(entry: &EventEntry) -> String {
    let EventEntry { at, kind, cluster, server, name, from, to, reason, detail, .. } = entry;
    let about = server.as_ref().or(name.as_ref());
    let mut text = at.clone();
    for word in [cluster.as_ref(), about].into_iter().flatten() {
        _ = write!(text, "  {word}");
    }
    match (from, to) {
        // What an operator lays is told by its reason.
        _ if *kind == EventKind::Override => {}
        (Some(from), Some(to)) if from == to => {
            _ = write!(text, "  {} as before", or_nobody(to));
        }
        (Some(from), Some(to)) => _ = write!(text, "  {} → {}", or_nobody(from), or_nobody(to)),
        (None, Some(to)) => _ = write!(text, "  {}", or_nobody(to)),
        (Some(from), None) => _ = write!(text, "  {} → nobody", or_nobody(from)),
        (None, None) => {}
    }
    _ = write!(text, "  {reason}");
    if !detail.is_empty() {
        _ = write!(text, " ({detail})");
    }
    one_line(&text) + "\n"
}

fn or_nobody(text: &str) -> &str {
    if text.is_empty() { "nobody" } else { text }
}

fn says(name: &NameStatus, cluster: &str, screen: &Screen) -> String {
    let NameStatus { servers, reason, degradation, since, .. } = name;
    let said = screen.paint(degraded(degradation), &listed(servers));
    let title = screen.paint(Tone::Bold, &name.name);
    format!("{title} of {cluster} says {said} since {}: {reason}\n", screen.ago(since))
}

/// Overrides, one line each.
fn laid(overrides: &[OverrideStatus], screen: &Screen) -> String {
    let mut text = String::new();
    for one in overrides {
        let OverrideStatus { cluster, author, reason, until, .. } = one;
        let Some(wish) = one.wish() else { continue };
        let words = OverrideWords { cluster, wish: &wish };
        let term = match until {
            Some(until) => format!("ends in {}", screen.until(until)),
            None => "until somebody ends it".to_owned(),
        };
        let words = format!("{words}, {term}, by {author}: {reason}");
        _ = writeln!(text, "  {}", screen.paint(Tone::Doubtful, &one_line(&words)));
    }
    text
}

/// Why a server is in its state, and what else is to be known of it.
fn of_server(server: &ServerStatus) -> String {
    let mut text = server.reason.clone();
    if server.drained {
        text += "; drained";
    }
    if server.added {
        text += "; not in the config file";
    }
    text
}

/// The same with the words of its failure, if it fails.
fn of_failing(server: &ServerStatus) -> String {
    match &server.failure {
        Some(failure) => format!("{}: {}", of_server(server), one_line(failure)),
        None => of_server(server),
    }
}

/// `write`, `read` or both: the roles of the names that say a server.
fn roles(said: &[String], names: &[NameStatus]) -> String {
    let has = |role| names.iter().any(|name| name.role == role && said.contains(&name.name));
    match (has(NameRole::Write), has(NameRole::Read)) {
        (true, true) => "write, read",
        (true, false) => "write",
        (false, true) => "read",
        (false, false) => "-",
    }
    .to_owned()
}

fn listed(servers: &[String]) -> String {
    if servers.is_empty() { "nobody".to_owned() } else { servers.join(", ") }
}

fn lag(millis: Option<u64>) -> String {
    match millis {
        Some(millis) => format!("{}.{}s", millis / 1_000, millis % 1_000 / 100),
        None => "-".to_owned(),
    }
}

fn degraded(degradation: &str) -> Tone {
    match degradation {
        "none" => Tone::Good,
        "stale" | "fallback" => Tone::Doubtful,
        _ => Tone::Bad,
    }
}

fn state(state: &str) -> Tone {
    match state {
        "Primary" | "Replica" | "Up" => Tone::Good,
        "Down" | "StalePrimary" | "ReplicaBroken" | "WrongCluster" => Tone::Bad,
        _ => Tone::Doubtful,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCREEN: Screen = Screen { width: None, colour: false, now: 1_795_240_800_000 };

    fn told(state: &str) -> String {
        let server = serde_json::json!({
            "name": "db1", "addresses": ["10.0.0.1"], "port": 5432, "state": state, "reason": "so",
            "since": "2026-11-21T05:59:00.000Z", "lag_ms": null, "failure": null, "names": [],
            "witnesses": [], "added": false, "drained": false,
        });
        let server = serde_json::from_value(server).expect("a server as an older service tells it");
        let (cluster, names, overrides) = ("orders".to_owned(), Vec::new(), Vec::new());
        why(&Why { cluster, server, names, overrides }, &SCREEN)
    }

    #[test]
    fn whoever_is_out_for_its_history_is_told_with_the_cure() {
        let cure = "pointsman accept orders db1 --reason TEXT";
        for (state, expected) in
            [("StalePrimary", true), ("WrongCluster", true), ("Down", false), ("Primary", false)]
        {
            assert_eq!(told(state).contains(cure), expected, "{}", told(state));
        }
    }
}
