//! The watchdog: what the service manager hears, and a thread that really stands still.

use std::{
    fs,
    os::unix::net::UnixDatagram,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::{
    admin::{OFTEN, Scene, Served, hostile::answers},
    patience::{PATIENCE, until},
    process::message,
};

/// A service manager's ear.
struct Manager {
    socket: UnixDatagram,
    folder: TempDir,
}

impl Manager {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let socket = UnixDatagram::bind(folder.path().join("notify")).expect("a socket");
        Self { socket, folder }
    }

    fn path(&self) -> String {
        self.folder.path().join("notify").display().to_string()
    }

    /// The next message, if it comes within `time`.
    fn hears_within(&self, time: Duration) -> Option<String> {
        self.socket.set_read_timeout(Some(time)).expect("a socket option");
        let mut buffer = [0; 4096];
        let length = self.socket.recv(&mut buffer).ok()?;
        Some(String::from_utf8_lossy(&buffer[..length]).into_owned())
    }

    fn next(&self) -> String {
        self.hears_within(PATIENCE).expect("a message")
    }

    /// Waits for a message with this line.
    fn until(&self, line: &str) {
        while !self.next().lines().any(|heard| heard == line) {}
    }
}

#[test]
fn the_service_manager_hears_of_start_life_and_end() {
    let scene = Scene::new("127.33.11", OFTEN);
    let manager = Manager::new();
    let path = manager.path();
    let variables = [("NOTIFY_SOCKET", path.as_str()), ("WATCHDOG_USEC", "1000000")];
    let served = scene.serve(&variables);
    let first = manager.next();
    let status = format!("STATUS=answering DNS for 2 clusters on {}", served.dns);
    assert_eq!(first, format!("READY=1\n{status}\n"));
    // Each within the second that it asked for; half of it apart, by the manual page.
    let start = Instant::now();
    for _ in 0..8 {
        let fed = manager.hears_within(Duration::from_secs(1));
        assert_eq!(fed.as_deref(), Some("WATCHDOG=1\n"));
    }
    assert!(start.elapsed() >= Duration::from_secs(2), "no more often than that");
    served.service.signal(Signal::TERM);
    manager.until("STOPPING=1");
    assert_eq!(served.service.stop().code, Some(0));
}

#[test]
fn the_service_manager_hears_of_a_reload_and_of_its_end() {
    let scene = Scene::new("127.33.15", OFTEN);
    let manager = Manager::new();
    let path = manager.path();
    let served = scene.serve(&[("NOTIFY_SOCKET", &path)]);
    let first = manager.next();
    served.service.signal(Signal::HUP);
    let reloading = manager.next();
    let lines: Vec<_> = reloading.lines().collect();
    let [told, since, status] = lines[..] else { panic!("{reloading}") };
    assert_eq!((told, status), ("RELOADING=1", "STATUS=reloading"));
    let since = since.strip_prefix("MONOTONIC_USEC=").and_then(|since| since.parse().ok());
    assert!(since.is_some_and(|since: u64| since > 0), "{reloading}");
    // Nothing has changed, so it says what it said.
    assert_eq!(manager.next(), first);
    assert_eq!(served.service.stop().code, Some(0));
}

#[test]
fn a_service_manager_that_does_not_listen_is_no_reason_to_hang() {
    let scene = Scene::new("127.33.12", OFTEN);
    let manager = Manager::new();
    let path = manager.path();
    // Its socket is full after some messages; then it is gone.
    let variables = [("NOTIFY_SOCKET", path.as_str()), ("WATCHDOG_USEC", "20000")];
    let served = scene.serve(&variables);
    let first = scene.servers[0].address.ip().to_string();
    let before = scene.asked();
    until("a second of probes", || {
        assert_eq!(answers(served.dns, "orders.internal."), [first.as_str()]);
        scene.asked()[0] >= before[0] + 10
    });
    assert_eq!(served.get("/readyz").status, 200);
    assert_eq!(served.service.stop().code, Some(0));
}

#[test]
fn a_suspended_process_calls_nobody_stalled_when_it_wakes() {
    let scene = Scene::new("127.33.13", OFTEN);
    let manager = Manager::new();
    let path = manager.path();
    let served = scene.serve(&[("NOTIFY_SOCKET", &path), ("WATCHDOG_USEC", "1000000")]);
    served.service.signal(Signal::STOP);
    // More than the watchdog's patience with a part. What was sent before is heard first.
    let begin = Instant::now();
    while begin.elapsed() < Duration::from_secs(7) {
        let _ = manager.hears_within(Duration::from_secs(1));
    }
    served.service.signal(Signal::CONT);
    for _ in 0..6 {
        manager.until("WATCHDOG=1");
        assert_eq!(served.get("/readyz").status, 200);
    }
    assert!(!served.service.output().contains("stalled"));
}

/// strace(1) on one thread of the service, whose next `recvmmsg` takes nine seconds.
struct HeldUp(Child);

impl HeldUp {
    fn thread(id: u32) -> Self {
        let child = Command::new("strace")
            .args(["-p", &id.to_string(), "-e", "trace=recvmmsg", "-o", "/dev/null"])
            .args(["-e", "inject=recvmmsg:delay_enter=9000000:when=1"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("strace, which tests/run installs");
        Self(child)
    }
}

impl Drop for HeldUp {
    fn drop(&mut self) {
        // Interrupted, it lets go of the thread; killed, it might not.
        let _ = kill_process(Pid::from_child(&self.0), Signal::INT);
        let _ = self.0.wait();
    }
}

/// The number of the service's thread of this name.
fn thread_called(served: &Served, name: &str) -> u32 {
    let tasks = fs::read_dir(format!("/proc/{}/task", served.service.id())).expect("it runs");
    let is_it = |task: &fs::DirEntry| {
        fs::read_to_string(task.path().join("comm")).is_ok_and(|comm| comm.trim() == name)
    };
    let task = tasks.filter_map(Result::ok).find(is_it).expect("such a thread");
    task.file_name().to_str().and_then(|number| number.parse().ok()).expect("a number")
}

#[test]
fn a_stalled_dns_worker_is_told_and_ends_readiness_until_it_moves() {
    let scene = Scene::new("127.33.14", OFTEN);
    let manager = Manager::new();
    let path = manager.path();
    let served = scene.serve(&[("NOTIFY_SOCKET", &path), ("WATCHDOG_USEC", "1000000")]);
    let part = format!("dns worker {}/1", served.dns);
    let held_up = HeldUp::thread(thread_called(&served, "dns-udp-1"));
    manager.until(&format!("STATUS=stalled: {part}"));
    let words = format!("{part} is stalled: it has not moved for 5 s");
    served.service.wait_for_line("the log tells of the stall", |line| {
        line["level"] == "ERROR"
            && line["fields"]["event"] == "stalled"
            && line["fields"]["part"] == part.as_str()
            && message(line) == words
    });
    let answer = served.get("/readyz");
    assert_eq!((answer.status, answer.body), (503, format!("{words}\n")));
    assert_eq!(served.get("/healthz").status, 200);
    // Fed twice a second while all is well; now the next word is that all is well again.
    assert!(manager.next().starts_with("STATUS=answering DNS"));
    manager.until("WATCHDOG=1");
    served.service.wait_for_line("the log tells of the recovery", |line| {
        line["fields"]["event"] == "recovered" && line["fields"]["part"] == part.as_str()
    });
    until("it is ready again", || served.get("/readyz").status == 200);
    drop(held_up);
    let log = served.service.log();
    let told = log.iter().filter(|line| line["fields"]["event"] == "stalled").count();
    assert_eq!(told, 1, "once is enough");
    assert_eq!(served.service.stop().code, Some(0));
}
