//! File descriptors: as many as there may be, and a warning when that is too few.
//!
//! Systems give a process a low soft limit, for the sake of old programs, and a high hard one, up to
//! which it may raise itself (getrlimit(2)). Without enough descriptors probes fail as if the
//! network were down, and TCP clients are not accepted.

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tracing::{debug, warn};

/// Raises the soft limit of open files to the hard one, and warns when `needed` are more.
pub fn provide(needed: u64) {
    let raised = getrlimit(Resource::RLIMIT_NOFILE).and_then(|(soft, hard)| {
        setrlimit(Resource::RLIMIT_NOFILE, hard, hard).map(|()| hard).or(Ok(soft))
    });
    match raised {
        Ok(limit) if limit < needed => warn!(
            limit,
            needed,
            "the limit of open files is too low: with all probes and TCP connections in use, some \
             will fail; raise it (LimitNOFILE= of a systemd unit, `ulimit -Hn` of a shell)"
        ),
        Ok(limit) => debug!(limit, needed, "open files"),
        Err(error) => warn!("the limit of open files is unknown: {error}"),
    }
}
