//! `serve`: what may be said; what it runs is put together in `main`.

use std::path::PathBuf;

use clap::Args;

use super::options::DEFAULT_CONFIG;

/// Options of `serve`.
#[derive(Debug, Args)]
pub struct ServeOptions {
    /// Configuration file
    #[arg(long, value_name = "FILE", env = "POINTSMAN_CONFIG", default_value = DEFAULT_CONFIG)]
    pub config: PathBuf,
}
