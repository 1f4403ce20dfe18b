//! `server`: lets servers come and go while the service runs.

use std::io;

use clap::{Args, Subcommand};
use hyper::Method;

use super::{
    change::{author, post, send},
    client::{encoded, query},
    options::Asking,
    outcome::Out,
};
use crate::api::{Ready, ServerAdd};

/// The subcommands of `server`.
#[derive(Debug, Subcommand)]
pub enum ServerCommand {
    /// Let a server join a cluster: probed at once, drained until `server ready`
    Add(ServerAddOptions),
    /// End the drain with which a server has joined
    Ready(ServerOptions),
    /// Take away a server that was added
    Remove(ServerOptions),
}

/// Options of `server add`.
#[derive(Debug, Args)]
pub struct ServerAddOptions {
    /// The cluster
    pub cluster: String,
    /// The server's name, unique in the whole configuration
    pub name: String,
    /// Its published address, as in 10.0.0.7, 10.0.0.7:5432 or fd00::7
    pub address: String,
    /// How it is asked.
    #[command(flatten)]
    pub asking: Asking,
}

/// Options of `server ready` and `server remove`.
#[derive(Debug, Args)]
pub struct ServerOptions {
    /// The server
    pub name: String,
    /// How it is asked.
    #[command(flatten)]
    pub asking: Asking,
}

/// Lets a server come or go. Returns the exit code.
///
/// # Errors
/// When the outcome cannot be written.
pub fn run(command: &ServerCommand, out: Out<'_>) -> io::Result<u8> {
    match command {
        ServerCommand::Add(options) => {
            let wish = ServerAdd {
                cluster: options.cluster.clone(),
                name: options.name.clone(),
                address: options.address.clone(),
                author: author(&options.asking),
            };
            post("/v1/servers", &wish, &options.asking, out)
        }
        ServerCommand::Ready(options) => {
            let path = format!("/v1/servers/{}/ready", encoded(&options.name));
            post(&path, &Ready { author: author(&options.asking) }, &options.asking, out)
        }
        ServerCommand::Remove(options) => {
            let asked = query(&[("author", &author(&options.asking))]);
            let path = format!("/v1/servers/{}?{asked}", encoded(&options.name));
            send(Method::DELETE, &path, None::<&()>, &options.asking, out)
        }
    }
}
