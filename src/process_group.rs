//! A program of the operator's that leaves nothing behind.
//!
//! It runs without a shell, in `/`, in a process group of its own, and sees `PATH` alone of our
//! environment. The group is killed when nobody waits for it any more, so that only what has left
//! the group outlives it.

use std::{path::Path, process::Stdio, time::Duration};

use nix::{
    sys::signal::{Signal, killpg},
    unistd::Pid,
};
use tokio::process::{Child, Command};

/// `program`, ready to be given arguments, an environment and what it may read and write; nothing
/// of the latter unless somebody says so. It leads a group of its own and is killed when its
/// [`Child`] is dropped.
pub fn leader(program: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_else(|| USUAL_PATH.into()))
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .kill_on_drop(true);
    command
}

/// A process group that is killed when it is dropped.
#[derive(Debug)]
pub struct ProcessGroup(Pid);

impl ProcessGroup {
    /// The group of a `leader` that has just been started; `None` when that has been waited for.
    pub fn led_by(leader: &Child) -> Option<Self> {
        leader.id().and_then(|id| i32::try_from(id).ok()).map(Pid::from_raw).map(Self)
    }
}

impl Drop for ProcessGroup {
    fn drop(&mut self) {
        // Mostly there is nobody left.
        _ = killpg(self.0, Signal::SIGKILL);
    }
}

/// How long output is waited for that was written before the end.
pub const LAST_WORDS: Duration = Duration::from_millis(50);

/// Where programs are when nobody says so.
const USUAL_PATH: &str = "/usr/local/bin:/usr/bin:/bin";
