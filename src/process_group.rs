//! A program of the operator's that leaves nothing behind.
//!
//! It runs without a shell, in `/`, in a process group of its own, and sees `PATH` alone of our
//! environment. The group is killed when nobody waits for it any more, so that only what has left
//! the group outlives it.

use std::{fmt, path::Path, process::Stdio, time::Duration};

use nix::{
    sys::signal::{Signal, killpg},
    unistd::Pid,
};
use rustix::thread::clear_ambient_capability_set;
use tokio::{
    io::AsyncReadExt as _,
    process::{Child, ChildStderr, Command},
};

use crate::plain_text::one_line;

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

/// Keeps the rights of this process from the programs that it starts: they would inherit the ambient
/// capabilities (capabilities(7)), such as the one for port 53. What this process may do stays.
///
/// Call it before there are threads: each has a set of its own, copied from the one that starts it.
pub fn keep_rights_from_programs() {
    // A system without ambient capabilities has none to inherit.
    _ = clear_ambient_capability_set();
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

/// The end of what a program wrote to its standard error.
#[derive(Debug, Default)]
pub struct LastWords(Vec<u8>);

impl LastWords {
    /// Reads to the end, and forgets what is too much. Cancel-safe.
    pub async fn hear_out(&mut self, stderr: &mut Option<ChildStderr>) {
        let mut some = [0; 1024];
        while let Some(stream) = stderr {
            match stream.read(&mut some).await {
                Ok(0) | Err(_) => *stderr = None,
                Ok(read) => {
                    self.0.extend_from_slice(&some[..read]);
                    let too_much = self.0.len().saturating_sub(WORDS_MAX);
                    self.0.drain(..too_much);
                }
            }
        }
    }
}

/// The last line that is not empty, after a colon; nothing when there is none.
impl fmt::Display for LastWords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = String::from_utf8_lossy(&self.0);
        match text.lines().map(str::trim).rfind(|line| !line.is_empty()) {
            Some(line) => write!(f, ": {}", one_line(line)),
            None => Ok(()),
        }
    }
}

/// Octets of errors that are kept.
const WORDS_MAX: usize = 512;

/// How long output is waited for that was written before the end.
pub const LAST_WORDS: Duration = Duration::from_millis(50);

/// Where programs are when nobody says so.
const USUAL_PATH: &str = "/usr/local/bin:/usr/bin:/bin";

#[cfg(test)]
mod tests {
    use std::{fs, thread};

    use rustix::thread::{
        CapabilitySet, capabilities, configure_capability_in_ambient_set, set_capabilities,
    };

    use super::*;

    /// The capabilities of this thread that the line of proc(5) has.
    fn told(line: &str) -> u64 {
        let status = fs::read_to_string("/proc/thread-self/status").unwrap();
        let told = status.lines().find_map(|told| told.strip_prefix(line)).unwrap();
        u64::from_str_radix(told.trim(), 16).unwrap()
    }

    /// As systemd starts us, where the tests may do that.
    #[test]
    fn programs_inherit_no_capability_and_we_keep_ours() {
        thread::spawn(|| {
            let port = CapabilitySet::NET_BIND_SERVICE;
            let mut sets = capabilities(None).unwrap();
            let may = sets.permitted.contains(port);
            if may {
                sets.inheritable |= port;
                set_capabilities(None, sets).unwrap();
                configure_capability_in_ambient_set(port, true).unwrap();
            }
            assert_eq!(told("CapAmb:") != 0, may);
            let effective = told("CapEff:");
            keep_rights_from_programs();
            assert_eq!((told("CapAmb:"), told("CapEff:")), (0, effective));
        })
        .join()
        .unwrap();
    }
}
