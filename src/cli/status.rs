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
    api::{ClusterStatus, Status},
    clock,
};

/// Options of `status`.
#[derive(Debug, Args)]
pub struct StatusOptions {
    /// Only this cluster
    pub cluster: Option<String>,
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

/// Shows everything, or one cluster. Returns the exit code.
///
/// # Errors
/// When the outcome cannot be written.
pub fn run(options: &StatusOptions, out: Out<'_>) -> io::Result<u8> {
    let client = match options.service.client() {
        Ok(client) => client,
        Err(error) => return failed(&error, out.errors),
    };
    if options.watch {
        return watch(options.form.json, async || drawn(options, &client).await, out);
    }
    match block_on(drawn(options, &client)) {
        Ok(text) => out.output.write_all(text.as_bytes()).map(|()| 0),
        Err(error) => failed(&error, out.errors),
    }
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
