//! A program that is told when a name has moved on this host.

use std::{path::Path, time::Duration};

use tokio::time::timeout;
use tracing::warn;

use super::name_watch::Moved;
use crate::process_group::{ProcessGroup, leader};

/// Runs `program` with what has moved in its environment: `POINTSMAN_NAME`, `POINTSMAN_FROM` and
/// `POINTSMAN_TO`, addresses with ports and commas between.
pub async fn run(program: &Path, name: &str, moved: &Moved) {
    let listed = |servers: &std::collections::BTreeSet<std::net::SocketAddr>| {
        servers.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
    };
    let child = leader(program)
        .env("POINTSMAN_NAME", name)
        .env("POINTSMAN_FROM", listed(&moved.from))
        .env("POINTSMAN_TO", listed(&moved.to))
        .spawn();
    let failed = match child {
        Ok(mut child) => {
            let _group = ProcessGroup::led_by(&child);
            match timeout(PATIENCE, child.wait()).await {
                Ok(Ok(status)) if status.success() => return,
                Ok(Ok(status)) => format!("it ended with {status}"),
                Ok(Err(error)) => error.to_string(),
                Err(_) => format!("it took longer than {PATIENCE:?}, and was killed"),
            }
        }
        Err(error) => error.to_string(),
    };
    let program = program.display();
    warn!(event = "hook", hook = %program, "{program}: {failed}");
}

/// How long it may take.
const PATIENCE: Duration = Duration::from_secs(10);
