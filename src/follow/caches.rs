//! The caches of names on this host, each emptied by its own control channel, where it is present.

use std::{fs, path::Path, process::Stdio, time::Duration};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tokio::time::timeout;

use crate::process_group::{ProcessGroup, leader};

/// A cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cache {
    Resolved,
    Nscd,
    Dnsmasq,
    Unbound,
}

/// Empties those that are present of what they know of `name`, and tells what came of each.
pub async fn flush(name: &str) -> Vec<String> {
    let mut told = Vec::new();
    for cache in [Cache::Resolved, Cache::Nscd, Cache::Dnsmasq, Cache::Unbound] {
        if cache.is_present() {
            let done = cache.flush(name).await;
            told.push(match done {
                Ok(()) => format!("{} is emptied", cache.word()),
                Err(why) => format!("{} is not emptied: {why}", cache.word()),
            });
        }
    }
    told
}

impl Cache {
    fn word(self) -> &'static str {
        match self {
            Self::Resolved => "systemd-resolved",
            Self::Nscd => "nscd",
            Self::Dnsmasq => "dnsmasq",
            Self::Unbound => "unbound",
        }
    }

    /// What only a running one has.
    fn is_present(self) -> bool {
        let path = match self {
            Self::Resolved => "/run/systemd/resolve/io.systemd.Resolve",
            Self::Nscd => "/run/nscd/socket",
            Self::Dnsmasq => DNSMASQ_PID,
            Self::Unbound => "/run/unbound.ctl",
        };
        Path::new(path).exists()
    }

    async fn flush(self, name: &str) -> Result<(), String> {
        match self {
            Self::Resolved => run("resolvectl", &["flush-caches"]).await,
            Self::Nscd => run("nscd", &["--invalidate=hosts"]).await,
            Self::Unbound => run("unbound-control", &["flush", name]).await,
            Self::Dnsmasq => {
                let pid = fs::read_to_string(DNSMASQ_PID).map_err(|error| error.to_string())?;
                let pid: i32 = pid.trim().parse().map_err(|_| "its pid file has no number")?;
                // A file may outlive its process, and its number be another's.
                let comm = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
                if comm.trim_end() != "dnsmasq" {
                    return Err("its pid file is of another process".to_owned());
                }
                kill(Pid::from_raw(pid), Signal::SIGHUP).map_err(|error| error.to_string())
            }
        }
    }
}

/// Runs a program, and takes its time for a failure.
async fn run(program: &str, arguments: &[&str]) -> Result<(), String> {
    let mut command = leader(Path::new(program));
    let child = command.args(arguments).stderr(Stdio::piped()).spawn();
    let child = child.map_err(|error| format!("{program}: {error}"))?;
    let _group = ProcessGroup::led_by(&child);
    let ended = timeout(PATIENCE, child.wait_with_output()).await;
    let output = ended.map_err(|_| format!("{program} took longer than {PATIENCE:?}"))?;
    let output = output.map_err(|error| format!("{program}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let said = said.lines().next().unwrap_or_default();
    Err(format!("{program} ended with {}: {said}", output.status))
}

/// Where dnsmasq writes its number.
const DNSMASQ_PID: &str = "/run/dnsmasq/dnsmasq.pid";

/// How long emptying one may take.
const PATIENCE: Duration = Duration::from_secs(2);
