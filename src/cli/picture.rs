//! What the service says, as people read it.

use std::fmt::Write as _;

use jiff::tz::TimeZone;

use super::{
    cells::{lag, tone},
    elsewhere::{published, secondaries},
    screen::{GAP, Screen, Table, Tone, leave_enough},
    timeline::local,
};
use crate::{
    api::{
        AuditEntry, AuditOutcome, AuditVia, ClusterStatus, Explanation, NameRole, NameStatus,
        OverrideStatus, Progress, ProgressKind, ServerStatus, Severity, Stability, Status, WhatIf,
        Why,
    },
    plain_text::one_line,
};

/// Everything, what is broken first.
pub fn status(status: &Status, screen: &Screen) -> String {
    let Status { version, serial, queries, started, severity, headline, .. } = status;
    let head = screen.paint(tone(*severity), headline);
    let up = screen.ago(started);
    let about = format!("Pointsman {version}, up {up}, {queries} queries, serial {serial}");
    let mut text = format!("{head}\n{}\n", screen.paint(Tone::Dim, &about));
    for fault in &status.faults {
        let words = format!("not ready: {}", one_line(fault));
        _ = writeln!(text, "{}", screen.paint(Tone::Bad, &words));
    }
    for warning in &status.warnings {
        let words = format!("warning: {}", one_line(warning));
        _ = writeln!(text, "{}", screen.paint(Tone::Doubtful, &words));
    }
    text += &secondaries(&status.secondaries, screen);
    text += &published(&status.published, screen);
    let mut clusters: Vec<_> = status.clusters.iter().collect();
    clusters.sort_by_key(|cluster| std::cmp::Reverse(cluster.severity));
    let few = clusters.len() <= WHOLE;
    let is_whole = |one: &&ClusterStatus| few || one.severity > Severity::Wanted;
    let (whole, rest): (Vec<_>, Vec<_>) = clusters.into_iter().partition(is_whole);
    for each in whole {
        text.push('\n');
        text += &cluster(each, screen);
    }
    if !rest.is_empty() {
        text.push('\n');
    }
    for each in rest {
        text += &in_one_line(each, screen);
    }
    text
}

/// A cluster that needs nobody: what its names say.
fn in_one_line(cluster: &ClusterStatus, screen: &Screen) -> String {
    let ClusterStatus { name, severity, names, .. } = cluster;
    let mut line = format!("{}  {}", screen.paint(Tone::Bold, name), severe(*severity, screen));
    for said in names {
        let role = match said.role {
            NameRole::Write => "write",
            NameRole::Read => "read",
        };
        _ = write!(line, "  {role}: {}", listed(&said.servers));
    }
    line + "\n"
}

/// One cluster.
pub fn cluster(cluster: &ClusterStatus, screen: &Screen) -> String {
    let ClusterStatus { name, engine, stability, severity, names, servers, overrides, promotion } =
        cluster;
    let title = screen.paint(Tone::Bold, name);
    let unsettled = match stability {
        Stability::Stable => "",
        Stability::Settling => ", its names may change soon",
    };
    let severity = severe(*severity, screen);
    let mut text = format!("{title}  {engine}  {severity}{unsettled}\n");
    text += &laid(overrides, screen);
    let mut said = Table::new(&["NAME", "SERVERS", "SINCE", "WHY"]);
    for name in names {
        let tone = tone(name.severity);
        said.row([
            (Tone::Plain, name.name.trim_end_matches('.').to_owned()),
            (tone, listed(&name.servers)),
            (Tone::Plain, screen.ago(&name.since)),
            (tone, name.reason.clone()),
        ]);
    }
    let mut table = Table::new(&["SERVER", "ADDRESS", "STATE", "LAG", "IN", "SINCE", "WHY"]);
    for server in servers {
        table.row([
            (Tone::Plain, server.name.clone()),
            (Tone::Plain, server.addresses.join(", ")),
            (tone(server.severity), server.state.clone()),
            (Tone::Plain, lag(server.lag_ms)),
            (Tone::Plain, roles(&server.names, names)),
            (Tone::Plain, screen.ago(&server.since)),
            (Tone::Plain, of_failing(server)),
        ]);
    }
    let (names, servers) = in_line(said.widths(), table.widths());
    let (names, servers) = match leave_enough(&servers, screen) {
        true => (names, servers),
        false => (said.widths(), table.widths()),
    };
    text += &said.text_within(&names, screen);
    text += &table.text_within(&servers, screen);
    for one in promotion {
        let line = format!("  could be promoted: {}: {}", one.server, one.summary);
        _ = writeln!(text, "{}", one_line(&line));
    }
    text
}

/// Widths with which the first column, SINCE and WHY of names stand above those of servers.
fn in_line(mut names: Vec<usize>, mut servers: Vec<usize>) -> (Vec<usize>, Vec<usize>) {
    let first = names[0].max(servers[0]);
    let since = names[2].max(servers[5]);
    // ADDRESS, STATE, LAG and IN, which SERVERS stands above.
    let within = servers[1..5].iter().sum::<usize>() + 3 * GAP;
    let middle = names[1].max(within);
    servers[4] += middle - within;
    (names[0], names[1], names[2]) = (first, middle, since);
    (servers[0], servers[5]) = (first, since);
    (names, servers)
}

/// What a server is, and why it is in each name or not.
pub fn why(why: &Why, screen: &Screen) -> String {
    let Why { cluster, server, accept_command, names, overrides } = why;
    let state = screen.paint(tone(server.severity), &server.state);
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
    if let Some(upstream) = &server.upstream {
        let other = if upstream.group { "its group" } else { "a server outside of the cluster" };
        let source = upstream.server.as_deref().unwrap_or(other);
        _ = writeln!(text, "  replicates from {source}");
    }
    if let Some(progress) = &server.progress {
        _ = writeln!(text, "  {}", counted(progress));
    }
    if let Some(failure) = &server.failure {
        _ = writeln!(text, "  {}", screen.paint(Tone::Bad, &one_line(failure)));
    }
    for witness in &server.witnesses {
        let word = witness.word.as_deref().unwrap_or("nothing");
        _ = writeln!(text, "  {} says {word}: {}", witness.check, one_line(&witness.detail));
    }
    text += &laid(overrides, screen);
    if let Some(command) = accept_command {
        _ = writeln!(text, "  if it has the right data after all: {}", one_line(command));
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

/// What a server's next probes may make of it.
fn counted(progress: &Progress) -> String {
    let Progress { towards, done, of } = *progress;
    let what = match towards {
        ProgressKind::Down => "probes in a row have failed until it counts as Down",
        ProgressKind::Back => "good probes in a row until it is back",
        ProgressKind::Writable => "replies in a row that it is writable until it is believed",
    };
    format!("{done} of {of} {what}")
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
            (tone(candidate.severity), candidate.state.clone()),
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
        let told = if changes { Tone::Doubtful } else { Tone::Plain };
        table.row([
            (Tone::Plain, then.name.clone()),
            (Tone::Plain, listed(&now.servers)),
            (told, listed(&then.servers)),
            (tone(then.severity), then.reason.clone()),
        ]);
    }
    text += &table.text(screen);
    let mut table = Table::new(&["SERVER", "NOW", "THEN", "WHY THEN"]);
    for (now, then) in now.servers.iter().zip(&then.servers) {
        table.row([
            (Tone::Plain, then.name.clone()),
            (tone(now.severity), now.state.clone()),
            (tone(then.severity), then.state.clone()),
            (Tone::Plain, then.reason.clone()),
        ]);
    }
    text + &table.text(screen)
}

/// What people have changed, or asked to, the newest at the bottom.
pub fn audit(entries: &[AuditEntry], zone: &TimeZone, screen: &Screen) -> String {
    let mut table = Table::new(&["TIME", "WHO", "FROM", "REQUEST", "OUTCOME"]);
    for entry in entries {
        let from = match (entry.via, entry.uid, &entry.address) {
            (AuditVia::Socket, Some(uid), _) => format!("socket uid={uid}"),
            (AuditVia::Socket, None, _) => "socket".to_owned(),
            (AuditVia::Http, _, address) => address.clone().unwrap_or_default(),
        };
        let who = entry.token.as_ref().or(entry.author.as_ref()).map_or("-", String::as_str);
        let asked = [Some(&entry.method), Some(&entry.path)];
        let about = [entry.cluster.as_ref(), entry.server.as_ref()];
        let mut request: Vec<_> = asked.into_iter().chain(about).flatten().cloned().collect();
        if entry.dry_run {
            request.push("dry run".to_owned());
        }
        let (tone, outcome) = came_to(entry);
        table.row([
            (Tone::Dim, local(&entry.at, zone)),
            (Tone::Bold, who.to_owned()),
            (Tone::Plain, from),
            (Tone::Plain, request.join(" ")),
            (tone, outcome),
        ]);
    }
    table.text(screen)
}

/// What came of a request, and why.
fn came_to(entry: &AuditEntry) -> (Tone, String) {
    let (tone, mut text) = match (entry.outcome, entry.status) {
        (AuditOutcome::Done, _) => (Tone::Plain, "done".to_owned()),
        (AuditOutcome::Refused, Some(status)) => (Tone::Doubtful, format!("refused ({status})")),
        (AuditOutcome::Refused, None) => (Tone::Doubtful, "refused".to_owned()),
        (AuditOutcome::Unknown, _) => {
            (Tone::Doubtful, "unknown: nobody waited for the reply".to_owned())
        }
    };
    if let Some(why) = entry.reason.as_ref().or(entry.error.as_ref()) {
        _ = write!(text, ": {why}");
    }
    if entry.missing > 0 {
        _ = write!(text, "  [{} before this are missing]", entry.missing);
    }
    (tone, text)
}

fn says(name: &NameStatus, cluster: &str, screen: &Screen) -> String {
    let NameStatus { servers, reason, severity, since, .. } = name;
    let said = screen.paint(tone(*severity), &listed(servers));
    let title = screen.paint(Tone::Bold, &name.name);
    format!("{title} of {cluster} says {said} since {}: {reason}\n", screen.ago(since))
}

/// Overrides, one line each.
fn laid(overrides: &[OverrideStatus], screen: &Screen) -> String {
    let mut text = String::new();
    for one in overrides {
        let OverrideStatus { author, reason, until, .. } = one;
        let Some(words) = one.words() else { continue };
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
    if servers.is_empty() { "none".to_owned() } else { servers.join(", ") }
}

fn severe(severity: Severity, screen: &Screen) -> String {
    screen.paint(tone(severity), severity.words())
}

/// So many clusters are shown whole, whether or not somebody should look at them.
const WHOLE: usize = 6;

#[cfg(test)]
mod tests {
    use super::*;

    const SCREEN: Screen = Screen { width: None, colour: false, now: 1_795_240_800_000 };

    fn told(state: &str, accept: Option<&str>) -> String {
        let server = serde_json::json!({
            "name": "db1", "addresses": ["10.0.0.1"], "port": 5432, "state": state, "reason": "so",
            "since": "2026-11-21T05:59:00.000Z", "lag_ms": null, "failure": null, "names": [],
            "witnesses": [], "added": false, "drained": false,
        });
        let server = serde_json::from_value(server).expect("a server as an older service tells it");
        let (cluster, names, overrides) = ("orders".to_owned(), Vec::new(), Vec::new());
        let accept_command = accept.map(str::to_owned);
        why(&Why { cluster, server, accept_command, names, overrides }, &SCREEN)
    }

    #[test]
    fn why_says_whom_a_server_replicates_from_and_what_is_counted() {
        let mut server = serde_json::json!({
            "name": "db2", "addresses": ["10.0.0.2"], "port": 5432, "state": "Starting",
            "reason": "so", "since": "2026-11-21T05:59:00.000Z", "lag_ms": 250, "failure": null,
            "names": [], "witnesses": [], "added": false, "drained": false,
            "upstream": { "server": "db1" },
            "progress": { "towards": "back", "done": 1, "of": 2 },
        });
        let told = |server: &serde_json::Value| {
            let server = serde_json::from_value(server.clone()).expect("a server");
            let (cluster, names, overrides) = ("orders".to_owned(), Vec::new(), Vec::new());
            why(&Why { cluster, server, accept_command: None, names, overrides }, &SCREEN)
        };
        let text = told(&server);
        assert!(text.contains("  replicates from db1\n"), "{text}");
        assert!(text.contains("  1 of 2 good probes in a row until it is back\n"), "{text}");
        server["upstream"] = serde_json::json!({ "server": null });
        let text = told(&server);
        assert!(text.contains("  replicates from a server outside of the cluster\n"), "{text}");
        server["upstream"] = serde_json::json!({ "server": null, "group": true });
        assert!(told(&server).contains("  replicates from its group\n"), "{}", told(&server));
    }

    #[test]
    fn whoever_is_out_for_its_history_is_told_with_the_cure() {
        let cure = "pointsman accept orders db1 --reason TEXT";
        assert!(told("StalePrimary", Some(cure)).contains(cure));
        assert!(!told("Primary", None).contains("accept"));
    }
}
