//! The `pointsman` binary as its users start it: a command that ends, or a service that runs.

use std::{
    fs::{self, Permissions},
    io::{BufRead, BufReader, Read},
    net::SocketAddr,
    os::{fd::OwnedFd, unix::fs::PermissionsExt},
    path::Path,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::Duration,
};

use rustix::process::{Pid, Resource, Rlimit, Signal, kill_process, prlimit};
use serde_json::Value;
use tempfile::TempDir;

use crate::patience::{PATIENCE, poll, until};

/// How a command ended, and what it said.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs a command that ends by itself.
pub(crate) fn run(arguments: &[&str]) -> Ended {
    let mut service = Service::start(arguments, &[]);
    let code = service.exit_code(PATIENCE);
    service.ended(code)
}

/// A folder with a configuration, the zone it needs and a password.
pub(crate) struct Settings {
    folder: TempDir,
}

impl Settings {
    /// `config` beside the zone file `internal.zone` and the file `probe.password`.
    pub(crate) fn new(config: &str, password: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let zone = "\
$ORIGIN internal.
$TTL 60
@ IN SOA ns hostmaster 1 60 30 3600 1
@ IN NS ns
ns IN A 127.0.0.1
";
        let files =
            [("pointsman.toml", config), ("internal.zone", zone), ("probe.password", password)];
        for (name, text) in files {
            let path = folder.path().join(name);
            fs::write(&path, text).expect("a file can be written");
            fs::set_permissions(&path, Permissions::from_mode(0o600)).expect("it is ours");
        }
        Self { folder }
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The path of the configuration file.
    pub(crate) fn file(&self) -> String {
        self.folder().join("pointsman.toml").to_str().expect("a UTF-8 path").to_owned()
    }
}

/// A running `pointsman`. Dropped, it is killed.
pub(crate) struct Service {
    child: Child,
    stdout: Output,
    stderr: Output,
}

impl Service {
    /// Starts it with these arguments and environment variables.
    pub(crate) fn start(arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pointsman"));
        command.args(arguments);
        Self::spawn(command, variables)
    }

    pub(crate) fn spawn(mut command: Command, variables: &[(&str, &str)]) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        Self::spawn_with_its_own(command, variables)
    }

    /// The same for a command that has its standard input and output already.
    fn spawn_with_its_own(mut command: Command, variables: &[(&str, &str)]) -> Self {
        let mut child = command
            .env_remove("RUST_LOG")
            .env("POINTSMAN_LOG_FORMAT", "json")
            .env_remove("POINTSMAN_CONFIG")
            .env_remove("NOTIFY_SOCKET")
            .envs(variables.iter().copied())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary was built");
        let stdout = child.stdout.take().map_or_else(Output::silent, Output::follow);
        let stderr = Output::follow(child.stderr.take().expect("a pipe"));
        Self { child, stdout, stderr }
    }

    /// Starts `serve` with two sockets as a service manager hands them over: descriptors from 3 on,
    /// and two variables. A shell moves them there from its standard input and output.
    pub(crate) fn activate(settings: &Settings, sockets: [OwnedFd; 2]) -> Self {
        let moved = "exec 3<&0 4>&1 </dev/null >/dev/null; \
                     LISTEN_FDS=2 LISTEN_PID=$$ exec \"$0\" \"$@\"";
        let mut command = Command::new("sh");
        command.args(["-c", moved, env!("CARGO_BIN_EXE_pointsman"), "serve", "--config"]);
        let [first, second] = sockets;
        command.arg(settings.file()).stdin(first).stdout(second);
        Self::spawn_with_its_own(command, &[])
    }

    /// Starts `serve` and waits until it says where it answers.
    pub(crate) fn serve(settings: &Settings, variables: &[(&str, &str)]) -> (Self, SocketAddr) {
        Self::start(&["serve", "--config", &settings.file()], variables).answering()
    }

    /// The same with at most so many open files, which it cannot raise.
    pub(crate) fn serve_with_files(settings: &Settings, files: u32) -> (Self, SocketAddr) {
        Self::serve_limited(settings, &format!("ulimit -n {files}"))
    }

    /// The same under limits that the shell sets by `limits`.
    pub(crate) fn serve_limited(settings: &Settings, limits: &str) -> (Self, SocketAddr) {
        let mut command = Command::new("sh");
        let limited = format!("{limits} && exec \"$0\" \"$@\"");
        command.args(["-c", &limited, env!("CARGO_BIN_EXE_pointsman"), "serve", "--config"]);
        command.arg(settings.file());
        Self::spawn(command, &[]).answering()
    }

    /// The same under another umask.
    pub(crate) fn serve_with_umask(settings: &Settings, umask: &str) -> (Self, SocketAddr) {
        let mut command = Command::new("sh");
        let masked = format!("umask {umask} && exec \"$0\" \"$@\"");
        command.args(["-c", &masked, env!("CARGO_BIN_EXE_pointsman"), "serve", "--config"]);
        command.arg(settings.file());
        Self::spawn(command, &[]).answering()
    }

    /// Waits until it says where it answers.
    pub(crate) fn answering(mut self) -> (Self, SocketAddr) {
        let service = &mut self;
        let address = poll(PATIENCE, || {
            assert!(service.is_running(), "it ended: {}", service.stderr.text());
            service.answering_on()
        });
        let address = address.unwrap_or_else(|| panic!("no address: {}", service.stderr.text()));
        (self, address)
    }

    /// Everything it has logged, one line each.
    ///
    /// # Panics
    /// When a line is no JSON.
    pub(crate) fn log(&self) -> Vec<Value> {
        self.stderr.text().lines().map(parsed).collect()
    }

    /// Waits until a line of the log satisfies `wanted`.
    pub(crate) fn wait_for_line(&self, what: &str, wanted: impl Fn(&Value) -> bool) {
        until(what, || self.log().iter().any(&wanted));
    }

    /// What it has written so far, to both outputs.
    pub(crate) fn output(&self) -> String {
        self.stdout.text() + &self.stderr.text()
    }

    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("a child").is_none()
    }

    /// Its process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// How many files it has open.
    pub(crate) fn open_files(&self) -> usize {
        fs::read_dir(format!("/proc/{}/fd", self.child.id())).expect("it runs").count()
    }

    /// The soft and the hard limit of its open files, as proc_pid_limits(5) has them.
    pub(crate) fn file_limits(&self) -> (String, String) {
        let limits = fs::read_to_string(format!("/proc/{}/limits", self.child.id()));
        let limits = limits.expect("it runs");
        let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"));
        let mut words = line.expect("a limit").split_whitespace().map(str::to_owned);
        (words.next().expect("a soft one"), words.next().expect("a hard one"))
    }

    /// Its memory that is in RAM, in KiB (`VmRSS` of proc_pid_status(5)).
    pub(crate) fn memory(&self) -> usize {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()));
        let status = status.expect("it runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a process");
        line.trim_end_matches("kB").trim().parse().expect("a number")
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("it has not been waited for");
    }

    /// From now on it may have only so many files open.
    pub(crate) fn limit_files(&self, count: u64) {
        let limit = Rlimit { current: Some(count), maximum: Some(count) };
        let process = Some(Pid::from_child(&self.child));
        prlimit(process, Resource::Nofile, limit).expect("it runs, and is ours");
    }

    /// The code with which it ends within `time`; `None` when it does not.
    pub(crate) fn exit_code(&mut self, time: Duration) -> Option<i32> {
        poll(time, || self.child.try_wait().expect("a child"))?.code()
    }

    /// Ends it as a service manager does; what it wrote.
    pub(crate) fn stop(mut self) -> Ended {
        self.signal(Signal::TERM);
        let code = self.exit_code(Duration::from_secs(3));
        self.ended(code)
    }

    /// Waits for the ends of its outputs, which come with its own.
    pub(crate) fn ended(self, code: Option<i32>) -> Ended {
        assert!(code.is_some(), "it has not ended: {}", self.output());
        until("its outputs end", || self.stdout.has_ended() && self.stderr.has_ended());
        Ended { code, stdout: self.stdout.text(), stderr: self.stderr.text() }
    }

    fn answering_on(&self) -> Option<SocketAddr> {
        let lines = self.log();
        let line = lines.iter().find(|line| message(line).starts_with("answering DNS"))?;
        line["fields"]["address"].as_str()?.parse().ok()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // It has mostly ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A line of the log.
pub(crate) fn parsed(line: &str) -> Value {
    serde_json::from_str(line).unwrap_or_else(|error| panic!("no JSON ({error}): {line}"))
}

/// The words of a line of the log.
pub(crate) fn message(line: &Value) -> &str {
    line["fields"]["message"].as_str().unwrap_or_default()
}

/// What comes out of a pipe, line by line.
#[derive(Clone, Default)]
struct Output(Arc<Mutex<Collected>>);

#[derive(Default)]
struct Collected {
    text: String,
    ended: bool,
}

impl Output {
    /// Of nobody.
    fn silent() -> Self {
        let output = Self::default();
        output.with(|collected| collected.ended = true);
        output
    }

    fn follow(pipe: impl Read + Send + 'static) -> Self {
        let output = Self::default();
        let collected = output.clone();
        thread::spawn(move || {
            for line in BufReader::new(pipe).split(b'\n').map_while(Result::ok) {
                let line = String::from_utf8_lossy(&line).into_owned();
                collected.with(|collected| collected.text += &(line + "\n"));
            }
            collected.with(|collected| collected.ended = true);
        });
        output
    }

    fn text(&self) -> String {
        self.with(|collected| collected.text.clone())
    }

    fn has_ended(&self) -> bool {
        self.with(|collected| collected.ended)
    }

    fn with<T>(&self, work: impl FnOnce(&mut Collected) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
