//! `status`: clusters, names, servers and overrides.

use std::io;

use clap::Args;
use hyper::Method;

use super::{
    client::{Client, ClientError, block_on, encoded},
    options::{Form, ServiceOptions},
    outcome::{Out, as_json, failed},
    picture,
    screen::Screen,
    watch::watch,
};
use crate::{
    api::{ClusterStatus, Severity, Status},
    clock,
    plain_text::one_line,
};

/// Options of `status`.
#[derive(Debug, Args)]
pub struct StatusOptions {
    /// Only this cluster
    pub cluster: Option<String>,
    /// Draw it again every second, until Ctrl-C
    #[arg(long)]
    pub watch: bool,
    /// Print one line for Nagios, Icinga or cron, and exit with 0 (OK, or as operators want it),
    /// 1 (WARNING: degraded), 2 (CRITICAL: an outage) or 3 (UNKNOWN: no answer)
    #[arg(long, conflicts_with_all = ["watch", "json"])]
    pub check: bool,
    /// How it is printed.
    #[command(flatten)]
    pub form: Form,
    /// The service.
    #[command(flatten)]
    pub service: ServiceOptions,
}

/// Shows everything, or one cluster. Returns the exit code.
///
/// # Errors
/// When the outcome cannot be written.
pub fn run(options: &StatusOptions, out: Out<'_>) -> io::Result<u8> {
    let client = match options.service.client() {
        Ok(client) => client,
        Err(error) if options.check => return unknown(&error, out),
        Err(error) => return failed(&error, &options.form, out.errors),
    };
    if options.check {
        return check(options, &client, out);
    }
    if options.watch {
        return watch(options.form.json, async || drawn(options, &client).await, out);
    }
    match block_on(drawn(options, &client)) {
        Ok(text) => out.output.write_all(text.as_bytes()).map(|()| 0),
        Err(error) => failed(&error, &options.form, out.errors),
    }
}

/// One line and an exit code, as plug-ins of Nagios have them (Monitoring Plugins Development
/// Guidelines, "Plugin Output" and "Plugin Return Codes").
fn check(options: &StatusOptions, client: &Client, out: Out<'_>) -> io::Result<u8> {
    let found = match &options.cluster {
        Some(name) => {
            let path = format!("/v1/clusters/{}", encoded(name));
            client.get(&path).map(|cluster: ClusterStatus| {
                let ClusterStatus { name, severity, .. } = &cluster;
                (*severity, format!("{name}: {}", severity.words()), vec![cluster])
            })
        }
        None => client
            .get("/v1/status")
            .map(|status: Status| (status.severity, status.headline, status.clusters)),
    };
    let (severity, headline, clusters) = match found {
        Ok(found) => found,
        Err(error) => return unknown(&error, out),
    };
    let (word, code) = match severity {
        Severity::Ok | Severity::Wanted => ("OK", 0),
        Severity::Degraded => ("WARNING", 1),
        Severity::Outage => ("CRITICAL", 2),
    };
    let count = |asked| clusters.iter().filter(|cluster| cluster.severity == asked).count();
    writeln!(
        out.output,
        "POINTSMAN {word} - {headline} | outage={} degraded={} wanted={} ok={}",
        count(Severity::Outage),
        count(Severity::Degraded),
        count(Severity::Wanted),
        count(Severity::Ok)
    )?;
    Ok(code)
}

fn unknown(error: &ClientError, out: Out<'_>) -> io::Result<u8> {
    writeln!(out.output, "POINTSMAN UNKNOWN - {}", one_line(&error.to_string()))?;
    Ok(3)
}

async fn drawn(options: &StatusOptions, client: &Client) -> Result<String, ClientError> {
    let screen = Screen::of_stdout(clock::unix_millis());
    let json = options.form.json;
    Ok(match &options.cluster {
        Some(name) => {
            let path = format!("/v1/clusters/{}", encoded(name));
            let cluster: ClusterStatus = client.ask(Method::GET, &path, None::<&()>).await?;
            if json { as_json(&cluster) } else { picture::cluster(&cluster, &screen) }
        }
        None => {
            let status: Status = client.ask(Method::GET, "/v1/status", None::<&()>).await?;
            if json { as_json(&status) } else { picture::status(&status, &screen) }
        }
    })
}
