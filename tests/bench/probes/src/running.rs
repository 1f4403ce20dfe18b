//! The measured process.

use std::{
    fs::{self, File},
    io,
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

/// A running Pointsman on core 0. Dropping it ends it.
#[derive(Debug)]
pub(crate) struct Running {
    child: Child,
}

impl Running {
    /// Starts `pointsman serve` with these settings; its log goes to `log`.
    pub(crate) fn start(pointsman: &Path, settings: &Path, log: &Path) -> io::Result<Self> {
        let log = File::create(log)?;
        // It ends with us, however we end.
        let child = Command::new("setpriv")
            .args(["--pdeathsig", "TERM", "taskset", "--cpu-list", "0"])
            .arg(pointsman)
            .args(["serve", "--config"])
            .arg(settings)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()?;
        Ok(Self { child })
    }

    /// CPU time that it has used so far, by the scheduler's own clock.
    pub(crate) fn cpu_time(&self) -> io::Result<Duration> {
        let mut nanoseconds = 0;
        for task in fs::read_dir(format!("/proc/{}/task", self.child.id()))? {
            let statistics = fs::read_to_string(task?.path().join("schedstat"))?;
            let first = statistics.split_ascii_whitespace().next();
            nanoseconds += first.and_then(|text| text.parse::<u64>().ok()).unwrap_or_default();
        }
        Ok(Duration::from_nanos(nanoseconds))
    }

    /// The same with that of threads that have ended, to a hundredth of a second: fields 14 and 15 of
    /// proc_pid_stat(5), after the name of the program.
    pub(crate) fn cpu_time_of_all(&self) -> io::Result<Duration> {
        let statistics = fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        let fields = statistics.rsplit_once(')').map_or("", |(_, fields)| fields);
        let ticks = fields.split_ascii_whitespace().skip(11).take(2);
        let ticks = ticks.filter_map(|text| text.parse::<u64>().ok()).sum::<u64>();
        Ok(Duration::from_millis(10 * ticks))
    }

    /// Memory that it occupies, in KiB.
    pub(crate) fn resident_kib(&self) -> io::Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let number = line.and_then(|rest| rest.split_ascii_whitespace().next());
        Ok(number.and_then(|text| text.parse().ok()).unwrap_or_default())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Ok(pid) = i32::try_from(self.child.id()) {
            // It may have ended by itself.
            let _ = kill(Pid::from_raw(pid), Signal::SIGTERM);
        }
        let _ = self.child.wait();
    }
}
