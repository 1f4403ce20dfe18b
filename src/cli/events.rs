//! `events`: what has happened, and what happens.

use std::io::{self, Write};

use clap::Args;
use hyper::Method;
use jiff::tz::TimeZone;
use tokio::{select, signal};

use super::{
    client::{Client, ClientError, block_on, query},
    options::{Form, ServiceOptions},
    outcome::{Out, as_json, count, failed},
    picture,
    screen::Screen,
    timeline::Timeline,
};
use crate::{
    api::{AuditLog, EventEntry, Events},
    clock,
};

/// Options of `events`.
#[derive(Debug, Args)]
pub struct EventsOptions {
    /// Since when: how long ago, as in 1h, or a time, as in 2026-11-21T06:00:00Z
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,
    /// Only of this cluster
    #[arg(long)]
    pub cluster: Option<String>,
    /// At most so many, the newest [default: 100]
    #[arg(long, value_name = "NUMBER")]
    pub limit: Option<u16>,
    /// What people have changed, out of the audit file
    #[arg(long, conflicts_with_all = ["cluster", "follow"])]
    pub audit: bool,
    /// Tell times in UTC, and not in this machine's time zone
    #[arg(long)]
    pub utc: bool,
    /// Go on with what happens, until Ctrl-C; with --json, one object per line
    #[arg(long)]
    pub follow: bool,
    /// How it is printed.
    #[command(flatten)]
    pub form: Form,
    /// The service.
    #[command(flatten)]
    pub service: ServiceOptions,
}

impl EventsOptions {
    /// Whether rows are, or may come to be, of several clusters.
    fn tells_clusters(&self, events: &[EventEntry]) -> bool {
        let mut clusters: Vec<_> =
            events.iter().filter_map(|entry| entry.cluster.as_ref()).collect();
        clusters.sort_unstable();
        clusters.dedup();
        self.cluster.is_none() && (self.follow || clusters.len() > 1)
    }

    fn zone(&self) -> TimeZone {
        if self.utc { TimeZone::UTC } else { TimeZone::system() }
    }
}

/// Shows the last changes, and goes on with what happens if asked to. Returns the exit code.
///
/// # Errors
/// When the outcome cannot be written.
pub fn run(options: &EventsOptions, Out { output, errors }: Out<'_>) -> io::Result<u8> {
    let client = match options.service.client() {
        Ok(client) => client,
        Err(error) => return failed(&error, &options.form, errors),
    };
    let limit = options.limit.map(|limit| limit.to_string());
    let asked: Vec<_> = [
        ("since", options.since.as_deref()),
        ("cluster", options.cluster.as_deref()),
        ("limit", limit.as_deref()),
    ]
    .into_iter()
    .filter_map(|(key, value)| Some((key, value?)))
    .collect();
    if options.audit {
        return audit(options, &client, &query(&asked), output, errors);
    }
    let path = format!("/v1/events?{}", query(&asked));
    let screen = Screen::of_stdout(clock::unix_millis());
    let shown = block_on(async {
        let Events { events } = client.ask(Method::GET, &path, None::<&()>).await?;
        if options.form.json && !options.follow {
            return Ok(output.write_all(as_json(&Events { events }).as_bytes()));
        }
        let mut timeline = Timeline::new(screen, options.zone(), options.tells_clusters(&events));
        let first = match options.form.json {
            true => events.iter().map(as_json).collect(),
            false => timeline.begin(&events),
        };
        if let Err(error) = written(&first, output) {
            return Ok(Err(error));
        }
        if !options.follow {
            return Ok(Ok(()));
        }
        let last = events.last().map(|entry| entry.id);
        select! {
            biased;
            _ = signal::ctrl_c() => Ok(Ok(())),
            followed = follow(options, &client, last, &mut timeline, output) => followed.map(Ok),
        }
    });
    match shown {
        Ok(written) => written.map(|()| 0),
        Err(error) => failed(&error, &options.form, errors),
    }
}

/// Shows what people have changed. Returns the exit code.
fn audit(
    options: &EventsOptions,
    client: &Client,
    query: &str,
    output: &mut dyn Write,
    errors: &mut dyn Write,
) -> io::Result<u8> {
    let log: AuditLog = match client.get(&format!("/v1/audit?{query}")) {
        Ok(log) => log,
        Err(error) => return failed(&error, &options.form, errors),
    };
    if options.form.json {
        output.write_all(as_json(&log).as_bytes())?;
        return Ok(0);
    }
    let screen = Screen::of_stdout(clock::unix_millis());
    let table = picture::audit(&log.entries, &options.zone(), &screen);
    output.write_all(table.as_bytes())?;
    if log.unreadable > 0 {
        let lines = count(usize::try_from(log.unreadable).unwrap_or(usize::MAX), "line");
        writeln!(errors, "warning: {lines} of the audit file could not be read")?;
    }
    Ok(0)
}

/// Goes on for ever; a stream that ends in its time is taken up where it ended.
async fn follow(
    options: &EventsOptions,
    client: &Client,
    mut last: Option<u64>,
    timeline: &mut Timeline,
    output: &mut dyn Write,
) -> Result<(), ClientError> {
    let cluster = options.cluster.as_deref().map(|name| query(&[("cluster", name)]));
    let path = format!("/v1/events/stream?{}", cluster.unwrap_or_default());
    loop {
        let mut newest = last;
        let mut take = |data: &str| {
            let entry: EventEntry = serde_json::from_str(data).map_err(io::Error::other)?;
            newest = Some(entry.id);
            let line = if options.form.json { as_json(&entry) } else { timeline.row(&entry) };
            written(&line, output)
        };
        client.follow(&path, last, &mut take).await?;
        last = newest;
    }
}

fn written(text: &str, output: &mut dyn Write) -> io::Result<()> {
    output.write_all(text.as_bytes())?;
    output.flush()
}
