//! A server process under test: started on core 0, asked until it answers, measured, ended.

use std::{
    fs::{self, File},
    io,
    os::unix::process::CommandExt,
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use nix::{
    sys::signal::{Signal, killpg},
    time::{clock_getcpuclockid, clock_gettime},
    unistd::Pid,
};

use crate::{
    clock,
    contestant::Contestant,
    query::Question,
    udp::{Pressure, UdpLoad},
};

/// A running server and all processes that it made. Dropping it ends them.
#[derive(Debug)]
pub(crate) struct Running {
    child: Child,
}

/// CPU time that the processes of a server have used.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Usage {
    /// By the scheduler's own clock.
    pub(crate) total: Duration,
    /// In user mode and in the kernel, as the kernel divides it, in steps of 10 ms.
    user: Duration,
    system: Duration,
}

impl Running {
    /// Starts `contestant` with its files below `folder` and waits until it answers. `under` is put
    /// before its command.
    pub(crate) fn start(
        contestant: Contestant,
        folder: &Path,
        under: &[String],
    ) -> io::Result<Self> {
        let log = File::create(folder.join(format!("{contestant:?}.log")))?;
        let command = contestant.prepare(&folder.join(format!("{contestant:?}")))?;
        // It ends with us, however we end; and it has a process group, by which its children are
        // found.
        let child = Command::new("setpriv")
            .args(["--pdeathsig", "TERM", "taskset", "--cpu-list", SERVER_CORE])
            .args(under)
            .args(command)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .process_group(0)
            .spawn()?;
        let mut running = Self { child };
        running.wait_until_it_answers(contestant)?;
        Ok(running)
    }

    fn wait_until_it_answers(&mut self, contestant: Contestant) -> io::Result<()> {
        let question = Question::Write;
        let start = clock::now();
        while clock::now().duration_since(start) < START {
            if let Some(status) = self.child.try_wait()? {
                let reason = format!("{contestant:?} ended at its start: {status}; see its log");
                return Err(io::Error::other(reason));
            }
            let query = question.message(false);
            let expected = contestant.expected(question);
            let mut load = UdpLoad::open(contestant.address(), query, expected, Pressure::Full)?;
            if load.answer(1, Duration::from_millis(100))?.answered > 0 {
                return Ok(());
            }
            thread::sleep(Duration::from_millis(20));
        }
        Err(io::Error::other(format!("{contestant:?} does not answer")))
    }

    /// CPU time that `processes`, listed by [`Self::processes`], have used so far.
    pub(crate) fn usage(processes: &[u32]) -> io::Result<Usage> {
        let mut usage = Usage::default();
        for process in processes {
            let stat = fs::read_to_string(format!("/proc/{process}/stat"))?;
            let ticks = |field: usize| Duration::from_millis(10 * stat_field(&stat, field));
            usage.user += ticks(UTIME);
            usage.system += ticks(STIME);
            let process = Pid::from_raw(i32::try_from(*process).map_err(io::Error::other)?);
            usage.total += Duration::from(clock_gettime(clock_getcpuclockid(process)?)?);
        }
        Ok(usage)
    }

    /// The processes of its group.
    pub(crate) fn processes(&self) -> io::Result<Vec<u32>> {
        let mut processes = Vec::new();
        for entry in fs::read_dir("/proc")? {
            let Ok(process) = entry?.file_name().to_string_lossy().parse() else { continue };
            let Ok(stat) = fs::read_to_string(format!("/proc/{process}/stat")) else { continue };
            if stat_field(&stat, PGRP) == u64::from(self.child.id()) {
                processes.push(process);
            }
        }
        Ok(processes)
    }

    /// Ends it and returns when all its processes are gone.
    pub(crate) fn stop(mut self) -> io::Result<()> {
        self.end()
    }

    fn end(&mut self) -> io::Result<()> {
        let group = Pid::from_raw(i32::try_from(self.child.id()).map_err(io::Error::other)?);
        let start = clock::now();
        let mut signal = Signal::SIGTERM;
        // The leader alone first: it ends its children in its own way.
        _ = nix::sys::signal::kill(group, signal);
        while self.child.try_wait()?.is_none() || !self.processes()?.is_empty() {
            if clock::now().duration_since(start) > END && signal != Signal::SIGKILL {
                signal = Signal::SIGKILL;
                _ = killpg(group, signal);
            }
            thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        _ = self.end();
    }
}

impl Usage {
    /// What was used since `earlier`.
    pub(crate) fn since(self, earlier: Self) -> Self {
        Self {
            total: self.total.saturating_sub(earlier.total),
            user: self.user.saturating_sub(earlier.user),
            system: self.system.saturating_sub(earlier.system),
        }
    }

    /// The part of the total that was spent in user mode.
    pub(crate) fn user(self) -> Duration {
        let both = (self.user + self.system).as_secs_f64();
        let share = if both > 0.0 { self.user.as_secs_f64() / both } else { 0.0 };
        self.total.mul_f64(share)
    }
}

/// A field of `/proc/PID/stat` by its number in proc_pid_stat(5); the second, which may hold
/// spaces, is not asked for.
pub(crate) fn stat_field(stat: &str, number: usize) -> u64 {
    let after_name = stat.rsplit_once(") ").map_or("", |(_, rest)| rest);
    after_name.split(' ').nth(number - 3).and_then(|field| field.parse().ok()).unwrap_or_default()
}

const PGRP: usize = 5;
const UTIME: usize = 14;
const STIME: usize = 15;

/// The core of the servers; the load has the next one.
pub(crate) const SERVER_CORE: &str = "0";

/// How long a start may take, under valgrind too.
const START: Duration = Duration::from_secs(30);

/// How long a server may take to end before it is killed.
const END: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::{PGRP, STIME, UTIME, stat_field};

    #[test]
    fn fields_are_counted_after_the_name() {
        let stat = "7 (a (b) c) S 1 70 3 4 5 6 7 8 9 10 11 12 13 14";
        assert_eq!(stat_field(stat, PGRP), 70);
        assert_eq!(stat_field(stat, UTIME), 11);
        assert_eq!(stat_field(stat, STIME), 12);
        assert_eq!(stat_field("", PGRP), 0);
    }
}
