//! `pointsman demo`, as a user starts it.

use std::{
    io::{BufRead as _, BufReader, Read},
    net::UdpSocket,
    process::{Child, Command, ExitStatus, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use pointsman_testbed::http;
use rustix::process::{Pid, Signal, kill_process};

/// What the command promises: the story ends within a minute.
const MINUTE: Duration = Duration::from_secs(60);

/// Columns of a terminal of old.
const COLUMNS: usize = 80;

/// A started demo, which does not outlive its test.
struct Demo(Child);

/// How it ended, and what it wrote.
struct Ended {
    status: ExitStatus,
    text: String,
    errors: String,
}

impl Demo {
    fn start(arguments: &[&str]) -> Self {
        let child = Command::new(env!("CARGO_BIN_EXE_pointsman"))
            .arg("demo")
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        Self(child.expect("the command was built"))
    }

    /// Its end, when somebody else reads what it writes.
    fn ended_without_output(mut self) -> ExitStatus {
        self.0.wait().expect("a child")
    }

    /// Its end and all it wrote. What it writes fits into the pipe.
    #[expect(clippy::disallowed_methods, reason = "a test of another process has real time only")]
    fn ended(mut self) -> Ended {
        let deadline = Instant::now() + MINUTE;
        let status = loop {
            if let Some(status) = self.0.try_wait().expect("a child") {
                break status;
            }
            assert!(Instant::now() < deadline, "the demo has not ended within {MINUTE:?}");
            sleep(Duration::from_millis(50));
        };
        let (mut text, mut errors) = (String::new(), String::new());
        self.0.stdout.take().expect("a pipe").read_to_string(&mut text).expect("UTF-8");
        self.0.stderr.take().expect("a pipe").read_to_string(&mut errors).expect("UTF-8");
        Ended { status, text, errors }
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        // It has mostly ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// News as they were before they were made to fit.
fn unwrapped(text: &str) -> String {
    text.replace("\n                   ", " ")
}

#[test]
fn the_story_is_told_once_and_every_answer_is_right() {
    let Ended { status, text, errors } = Demo::start(&["--once"]).ended();
    assert!(status.success() && errors.is_empty(), "{text}{errors}");
    assert!(text.contains("dig @127.0.0.1 -p "), "{text}");
    assert!(text.ends_with("Every answer was right.\n"), "{text}");
    assert!(!text.contains('\x1b'), "colours where nobody sees them: {text}");
    // A command with the path of a test's program is longer than what anybody types.
    let program = env!("CARGO_BIN_EXE_pointsman");
    let long = text.lines().find(|line| line.chars().count() > COLUMNS && !line.contains(program));
    assert_eq!(long, None, "{text}");
    let text = unwrapped(&text);
    for told in [
        "read.db.internal -> db2 (127.0.10.2): ",
        "read.db.internal: db2 (127.0.10.2), db3 (127.0.10.3)\n",
        "db1 is Misconfigured, was Primary: does not let the probe in (28P01 ",
        "read.db.internal: db1 (127.0.10.1), EDE \"demo: ",
        "write.db.internal -> db2 (127.0.10.2): it is the one writable primary",
        "db1 is StalePrimary, was ",
        "answered  both names as before",
        "write.db.internal -> db1 (127.0.10.1): it is the one writable primary",
    ] {
        assert!(text.contains(told), "{told:?} is missing in: {text}");
    }
    // The servers are probed one after the other: what comes of that is told, and no more.
    let (_, opening) = text.split_once("The first probes\n").expect("a beginning");
    let (opening, _) = opening.split_once("\n\n").expect("a next scene");
    for about in ["db1 is ", "db2 is ", "db3 is ", "write.db.internal -> ", "read.db.internal -> "]
    {
        assert_eq!(opening.matches(about).count(), 1, "{about}: {opening}");
    }
    // An answer is told when it is another one.
    for name in ["write.db.internal: ", "read.db.internal: "] {
        let answers =
            text.lines().filter_map(|line| line.split_once("answered  ")?.1.strip_prefix(name));
        let answers: Vec<_> = answers.collect();
        assert!(answers.windows(2).all(|pair| pair[0] != pair[1]), "{name}: {answers:#?}");
    }
}

#[test]
fn a_port_that_is_taken_ends_it_at_once() {
    let taken = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    let port = taken.local_addr().expect("bound").port().to_string();
    let Ended { status, text, errors } = Demo::start(&["--once", "--port", &port]).ended();
    assert_eq!((status.code(), &*text), (Some(1), ""), "{errors}");
    assert!(errors.starts_with("cannot start the demo: 127.0.0.1:"), "{errors}");
    assert!(errors.contains(&port) && errors.contains("--port"), "{errors}");
}

#[test]
fn it_can_be_looked_at_and_operated_meanwhile() {
    let mut demo = Demo::start(&[]);
    let mut lines = BufReader::new(demo.0.stdout.take().expect("a pipe")).lines();
    let mut next = |wanted: &str| loop {
        let line = lines.next().expect("more lines").expect("UTF-8");
        assert!(!line.contains("WRONG"), "{line}");
        if line.contains(wanted) {
            return line;
        }
    };
    let page = next("http://127.0.0.1:");
    let address = page.trim().trim_start_matches("http://").trim_end_matches('/');
    let address = address.parse().expect("an address");
    let command = next(" status --watch --socket ");
    let (_, socket) = command.split_once("--socket ").expect("a path");
    next("answered");
    assert!(http::get(address, "/", "").body.contains("write.db.internal"));
    let run = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pointsman"));
        let output = command.args(arguments).args(["--socket", socket]).output();
        let output = output.expect("the command was built");
        let text = String::from_utf8(output.stdout).expect("UTF-8");
        assert!(output.status.success(), "{arguments:?}: {text}");
        text
    };
    assert!(run(&["status"]).contains("127.0.10.3"));
    run(&["freeze", "demo", "--reason", "a try"]);
    assert!(next("operated").contains("freeze: created"));
    // While somebody operates it nothing is wrong; the next scene comes all the same.
    next("Replay is paused");
    let pid = Pid::from_child(&demo.0);
    kill_process(pid, Signal::TERM).expect("it runs");
    lines.for_each(drop);
    assert!(demo.ended_without_output().success());
    assert!(!std::path::Path::new(socket).exists(), "{socket} is left behind");
}
