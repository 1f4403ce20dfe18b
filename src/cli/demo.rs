//! `demo`: what may be said; what it runs is put together in `main`.

use clap::Args;

/// Options of `demo`.
#[derive(Debug, Args)]
pub struct DemoOptions {
    /// Tell the story once and exit: 0 when every answer was right, 1 otherwise
    #[arg(long)]
    pub once: bool,
    /// Loopback port to answer DNS on [default: a free one]
    #[arg(long, value_name = "PORT")]
    pub port: Option<u16>,
}
