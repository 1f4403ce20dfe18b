//! One server process with all of its children: started, frozen, killed, and never left behind.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};

use crate::patience::{self, PATIENCE};

/// A running server. Dropped, it is killed with its children, frozen or not.
#[derive(Debug)]
pub struct ServerProcess {
    child: Child,
    log: PathBuf,
}

impl ServerProcess {
    /// Starts `command`; what it prints is appended to the file `log`.
    pub fn spawn(mut command: Command, log: &Path) -> Self {
        let output =
            File::options().create(true).append(true).open(log).expect("a log file can be opened");
        let errors = output.try_clone().expect("a file handle can be copied");
        let child = command
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors)
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?} cannot be started: {error}"));
        Self { child, log: log.to_path_buf() }
    }

    /// Its process id.
    pub fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// Whether it has not ended.
    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Whether it has ended, and waits to be asked for its exit code.
    pub fn has_ended(&self) -> bool {
        !is_alive(self.pid())
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        send(self.pid(), signal);
    }

    /// SIGSTOP to it and to every child: the machine's sockets live, the server does not.
    pub fn freeze(&self) {
        freeze(self.pid());
    }

    /// Ends [`Self::freeze`].
    pub fn thaw(&self) {
        for pid in descendants(self.pid()) {
            send(pid, Signal::CONT);
        }
        self.signal(Signal::CONT);
    }

    /// SIGKILL to the main process alone; returns when all of its children have noticed and ended.
    pub fn crash(mut self) {
        let children = descendants(self.pid());
        self.signal(Signal::KILL);
        self.reap();
        patience::until("the children of a killed server end", || {
            children.iter().all(|child| !is_alive(*child))
        });
    }

    /// Sends `signal` and waits for the end.
    ///
    /// # Panics
    /// When it does not end in time; with the end of its log.
    pub fn end(mut self, signal: Signal) -> ExitStatus {
        self.signal(signal);
        match patience::poll(PATIENCE, || self.child.try_wait().ok().flatten()) {
            Some(status) => status,
            None => panic!("the server does not stop:\n{}", self.log_tail()),
        }
    }

    /// The last lines of its log.
    pub fn log_tail(&self) -> String {
        let text = fs::read(&self.log).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(40)..].join("\n")
    }

    fn reap(&mut self) {
        patience::poll(Duration::from_secs(10), || self.child.try_wait().ok().flatten());
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        if self.is_running() {
            let children = descendants(self.pid());
            self.signal(Signal::KILL);
            for child in children {
                send(child, Signal::KILL);
            }
            self.reap();
        }
    }
}

/// SIGSTOP to a process and to every child.
pub(crate) fn freeze(pid: Pid) {
    send(pid, Signal::STOP); // The parent first: it starts no more children.
    for child in descendants(pid) {
        send(child, Signal::STOP);
    }
}

/// SIGKILL to a process; its children, frozen or not, get to notice.
pub(crate) fn kill_parent(pid: Pid) {
    let children = descendants(pid);
    send(pid, Signal::KILL);
    for child in children {
        send(child, Signal::CONT);
    }
}

/// Every process below `ancestor`, as `/proc` shows them now.
fn descendants(ancestor: Pid) -> Vec<Pid> {
    let mut children: BTreeMap<i32, Vec<i32>> = BTreeMap::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        if let Some((parent, _)) = parent_and_state(pid) {
            children.entry(parent).or_default().push(pid);
        }
    }
    let mut found = Vec::new();
    let mut open = vec![ancestor.as_raw_nonzero().get()];
    while let Some(parent) = open.pop() {
        for child in children.remove(&parent).unwrap_or_default() {
            found.extend(Pid::from_raw(child));
            open.push(child);
        }
    }
    found
}

/// Whether a process exists and is no zombie: an orphan's zombie may wait for a lazy init.
fn is_alive(pid: Pid) -> bool {
    parent_and_state(pid.as_raw_nonzero().get()).is_some_and(|(_, state)| state != 'Z')
}

/// From `/proc/PID/stat`: `pid (command) state parent …`, where the command may hold anything
/// (proc(5)).
fn parent_and_state(pid: i32) -> Option<(i32, char)> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, after) = stat.rsplit_once(')')?;
    let mut fields = after.split_ascii_whitespace();
    let state = fields.next()?.chars().next()?;
    Some((fields.next()?.parse().ok()?, state))
}

/// A process that has just ended needs no signal.
fn send(pid: Pid, signal: Signal) {
    match kill_process(pid, signal) {
        Ok(()) | Err(rustix::io::Errno::SRCH) => {}
        Err(error) => panic!("cannot signal {pid:?}: {error}"),
    }
}
