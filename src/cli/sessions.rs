//! `sessions`: the clients that hold on to a server.

use std::{fmt::Write as _, io};

use clap::Args;
use hyper::Method;

use super::{
    client::{Client, ClientError, block_on, encoded},
    options::{Form, ServiceOptions},
    outcome::{Out, as_json, failed},
    screen::{Screen, Table, Tone, span},
    watch::watch,
};
use crate::{
    api::{SessionGroup, SessionReport, SessionState},
    clock,
    plain_text::one_line,
};

/// Options of `sessions`.
#[derive(Debug, Args)]
pub struct SessionsOptions {
    /// The server, as the configuration names it
    pub server: String,
    /// Draw it again every second, until Ctrl-C
    #[arg(long)]
    pub watch: bool,
    /// How it is printed.
    #[command(flatten)]
    pub form: Form,
    /// The service.
    #[command(flatten)]
    pub service: ServiceOptions,
}

/// Shows who is connected to a server. Returns the exit code.
///
/// # Errors
/// When the outcome cannot be written.
pub fn run(options: &SessionsOptions, out: Out<'_>) -> io::Result<u8> {
    let client = match options.service.client() {
        Ok(client) => client,
        Err(error) => return failed(&error, &options.form, out.errors),
    };
    let drawn = async || drawn(options, &client).await;
    if options.watch {
        return watch(options.form.json, drawn, out);
    }
    match block_on(drawn()) {
        Ok(text) => out.output.write_all(text.as_bytes()).map(|()| 0),
        Err(error) => failed(&error, &options.form, out.errors),
    }
}

async fn drawn(options: &SessionsOptions, client: &Client) -> Result<String, ClientError> {
    let path = format!("/v1/servers/{}/sessions", encoded(&options.server));
    let report: SessionReport = client.ask(Method::GET, &path, None::<&()>).await?;
    let screen = Screen::of_stdout(clock::unix_millis());
    Ok(if options.form.json { as_json(&report) } else { picture(&report, &screen) })
}

/// The report, as people read it.
fn picture(report: &SessionReport, screen: &Screen) -> String {
    let SessionReport { cluster, server, clients, oldest_seconds, replication, own, kick, .. } =
        report;
    let oldest = oldest_seconds.map(|age| format!(", the oldest {}", old(age)));
    let mut text = format!(
        "{} of {cluster}: {clients} client {}{}; \
         {replication} of replication, {own} of Pointsman\n",
        screen.paint(Tone::Bold, server),
        if *clients == 1 { "session" } else { "sessions" },
        oldest.unwrap_or_default(),
    );
    let words = match (kick.mode.as_str(), &kick.fault) {
        ("off", _) => "kick off: none would be ended".to_owned(),
        (mode, None) => format!("kick {mode}: {} would be ended", kick.would_end),
        (mode, Some(fault)) => format!("kick {mode}: none would be ended; {fault}"),
    };
    let tone = if kick.fault.is_some() { Tone::Bad } else { Tone::Plain };
    _ = writeln!(text, "  {}", screen.paint(tone, &one_line(&words)));
    if report.groups.is_empty() {
        return text;
    }
    let mut table =
        Table::new(&["USER", "DATABASE", "ADDRESS", "SESSIONS", "OLDEST", "ENDED", "STATES"]);
    for group in &report.groups {
        let SessionGroup { user, database, address, sessions, oldest_seconds, .. } = group;
        let or_none = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
        table.row([
            (Tone::Plain, user.clone()),
            (Tone::Plain, or_none(database)),
            (Tone::Plain, or_none(address)),
            (Tone::Plain, sessions.to_string()),
            (Tone::Plain, oldest_seconds.map_or_else(|| "-".to_owned(), old)),
            ended(group),
            (Tone::Plain, states(&group.states)),
        ]);
    }
    text + &table.text(screen)
}

/// How many a kick would end, or why none.
fn ended(group: &SessionGroup) -> (Tone, String) {
    match (group.would_end, &group.spared) {
        (0, Some(spared)) => (Tone::Dim, format!("no, {spared}")),
        (0, None) => (Tone::Dim, "no".to_owned()),
        (some, _) => (Tone::Doubtful, some.to_string()),
    }
}

/// `2 active, 5 idle`.
fn states(states: &[SessionState]) -> String {
    let words = states.iter().map(|SessionState { state, sessions }| format!("{sessions} {state}"));
    words.collect::<Vec<_>>().join(", ")
}

fn old(seconds: u64) -> String {
    span(i64::try_from(seconds).unwrap_or(i64::MAX).saturating_mul(1_000))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::KickStatus;

    fn report(fault: Option<&str>) -> SessionReport {
        let state = |state: &str, sessions| SessionState { state: state.into(), sessions };
        let group = |user: &str, sessions, would_end, spared: Option<&str>| SessionGroup {
            user: user.into(),
            database: Some("shop".into()),
            address: (user == "app").then(|| "10.0.0.9".into()),
            sessions,
            states: vec![state("active", 1), state("idle in transaction", sessions - 1)],
            oldest_seconds: Some(190),
            would_end,
            spared: spared.map(str::to_owned),
        };
        SessionReport {
            cluster: "orders".into(),
            server: "db1".into(),
            at: "2026-11-21T06:00:00.000Z".into(),
            clients: 5,
            oldest_seconds: Some(190),
            replication: 2,
            own: 1,
            groups: vec![
                group("app", 3, 3, None),
                group("\u{1b}ops", 2, 0, Some("not of `users`")),
            ],
            kick: KickStatus {
                mode: "on".into(),
                would_end: if fault.is_some() { 0 } else { 3 },
                fault: fault.map(str::to_owned),
            },
        }
    }

    const SCREEN: Screen = Screen { width: None, colour: false, now: 0 };

    #[test]
    fn a_report_is_a_table() {
        let expected = "\
db1 of orders: 5 client sessions, the oldest 3m10s; 2 of replication, 1 of Pointsman
  kick on: 3 would be ended
  USER  DATABASE  ADDRESS   SESSIONS  OLDEST  ENDED               STATES
  app   shop      10.0.0.9  3         3m10s   3                   1 active, 2 idle in transaction
   ops  shop      -         2         3m10s   no, not of `users`  1 active, 1 idle in transaction
";
        assert_eq!(picture(&report(None), &SCREEN), expected);
    }

    #[test]
    fn what_is_missing_is_said() {
        let text = picture(&report(Some("GRANT something")), &SCREEN);
        assert!(text.contains("kick on: none would be ended; GRANT something\n"), "{text}");
    }
}
