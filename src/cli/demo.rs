//! `demo`: what may be said; what it runs is put together in `main`.

use std::path::PathBuf;

use clap::Args;

/// Options of `demo`.
#[derive(Clone, Debug, Args)]
pub struct DemoOptions {
    /// Tell the story once and exit: 0 when every answer was right, 1 otherwise
    #[arg(long)]
    pub once: bool,
    /// Loopback port to answer DNS on [default: a free one]
    #[arg(long, value_name = "PORT")]
    pub port: Option<u16>,
    /// Loopback port of the status page and the API [default: a free one]
    #[arg(long, value_name = "PORT")]
    pub http: Option<u16>,
    /// Unix socket for the other commands [default: one in the folder of temporary files]
    #[arg(long, value_name = "PATH")]
    pub socket: Option<PathBuf>,
}
