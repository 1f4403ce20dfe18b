//! What the process itself uses, as proc(5) and getrusage(2) tell it.

use std::fs;

use nix::sys::{
    resource::{Resource, UsageWho, getrlimit, getrusage},
    time::{TimeVal, TimeValLike},
};

/// What is used now. What cannot be found out is left out.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ProcessUse {
    /// Of all threads, in user and kernel mode, in seconds.
    pub cpu_seconds: Option<f64>,
    /// In memory, in octets.
    pub resident_octets: Option<u64>,
    /// Open descriptors.
    pub open_descriptors: Option<u64>,
    /// The limit of those.
    pub most_descriptors: Option<u64>,
    /// Threads.
    pub threads: Option<u64>,
}

impl ProcessUse {
    /// The process as it is at this moment.
    pub fn now() -> Self {
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let cpu = getrusage(UsageWho::RUSAGE_SELF)
            .map(|used| seconds(used.user_time()) + seconds(used.system_time()));
        let descriptors = fs::read_dir("/proc/self/fd").map(|files| files.count());
        Self {
            cpu_seconds: cpu.ok(),
            resident_octets: field(&status, "VmRSS:").map(|kibi| kibi.saturating_mul(1024)),
            // The folder itself is open while it is read.
            open_descriptors: descriptors
                .ok()
                .and_then(|count| u64::try_from(count.saturating_sub(1)).ok()),
            most_descriptors: getrlimit(Resource::RLIMIT_NOFILE).ok().map(|(soft, _)| soft),
            threads: field(&status, "Threads:"),
        }
    }
}

fn seconds(time: TimeVal) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "centuries of microseconds are exact")]
    let micros = time.num_microseconds() as f64;
    micros / 1e6
}

/// The number behind `key` in the text of `/proc/self/status`.
fn field(status: &str, key: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(key))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_uses_something_of_everything() {
        let used = ProcessUse::now();
        assert!(used.resident_octets.unwrap() > 100_000, "{used:?}");
        assert!(used.cpu_seconds.unwrap() >= 0.0, "{used:?}");
        assert!(used.open_descriptors.unwrap() <= used.most_descriptors.unwrap(), "{used:?}");
        assert!(used.threads.unwrap() >= 1, "{used:?}");
    }

    #[test]
    fn fields_are_numbers_behind_their_names() {
        let status = "Name:\tpointsman\nVmRSS:\t   1234 kB\nThreads:\t7\n";
        assert_eq!((field(status, "VmRSS:"), field(status, "Threads:")), (Some(1234), Some(7)));
        assert_eq!((field(status, "VmHWM:"), field(status, "Name:")), (None, None));
    }
}
