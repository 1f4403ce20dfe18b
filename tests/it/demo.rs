//! `pointsman demo`, as a user starts it.

use std::{
    io::Read,
    net::UdpSocket,
    process::{Child, Command, ExitStatus, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

/// What the command promises: the story ends within a minute.
const MINUTE: Duration = Duration::from_secs(60);

/// A started demo, which does not outlive its test.
struct Demo(Child);

impl Demo {
    fn start(arguments: &[&str]) -> Self {
        let child = Command::new(env!("CARGO_BIN_EXE_pointsman"))
            .arg("demo")
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn();
        Self(child.expect("the command was built"))
    }

    /// Its end and all it wrote. What it writes fits into the pipe.
    #[expect(clippy::disallowed_methods, reason = "a test of another process has real time only")]
    fn ended(mut self) -> (ExitStatus, String) {
        let deadline = Instant::now() + MINUTE;
        let status = loop {
            if let Some(status) = self.0.try_wait().expect("a child") {
                break status;
            }
            assert!(Instant::now() < deadline, "the demo has not ended within {MINUTE:?}");
            sleep(Duration::from_millis(50));
        };
        let mut text = String::new();
        let mut output = self.0.stdout.take().expect("a pipe");
        output.read_to_string(&mut text).expect("UTF-8");
        (status, text)
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        // It has mostly ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn the_story_is_told_once_and_every_answer_is_right() {
    let (status, text) = Demo::start(&["--once"]).ended();
    assert!(status.success(), "{text}");
    assert!(text.contains("dig @127.0.0.1 -p "), "{text}");
    assert!(text.ends_with("Every answer was right.\n"), "{text}");
    assert!(!text.contains('\x1b'), "colours where nobody sees them: {text}");
    for told in [
        "read.db.internal -> db2 127.0.10.2: the eligible replicas",
        "db1 is Misconfigured, was Primary: does not let the probe in (28P01 ",
        "(EDE: demo: too few eligible replicas, so the primary helps out)",
        "write.db.internal -> db2 127.0.10.2: it is the one writable primary",
        "db1 is StalePrimary, was ",
        "write.db.internal -> db1 127.0.10.1: it is the one writable primary",
    ] {
        assert!(text.contains(told), "{told:?} is missing in: {text}");
    }
}

#[test]
fn a_port_that_is_taken_ends_it_at_once() {
    let taken = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    let port = taken.local_addr().expect("bound").port().to_string();
    let (status, text) = Demo::start(&["--once", "--port", &port]).ended();
    assert_eq!(status.code(), Some(1), "{text}");
    assert!(text.contains("WRONG") && text.contains(&port), "{text}");
}
