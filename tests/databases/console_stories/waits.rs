//! A drain that waits until the clients of a server have left.

use std::{
    io::{BufRead as _, BufReader, Read as _},
    process::{Child, Command, Stdio},
    thread,
};

use pointsman_testbed::binary;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;
use tokio_postgres::Client;

use super::{SERVERS, Stage};
use crate::{patience, postgres_sessions::SessionMaker};

pub(super) fn a_drain_waits_for_clients(stage: &mut Stage) {
    let maker = SessionMaker::start();
    let read = stage.cluster.read_name();
    let open = |user: &str| -> Client {
        let session = maker.open(SERVERS[1], stage.servers.port(), user);
        session.unwrap_or_else(|| panic!("{user} gets no session"))
    };

    // What leads into contradictions is refused before anything changes.
    let short = stage.run("drain db2 --wait --for 1m --reason kernel");
    assert_eq!(short.status.code(), Some(2));
    assert_eq!(stage.json("status db")["overrides"], json!([]));

    // A client leaves, and so the wait ends.
    let session = open("application");
    let mut waiting = Waiting::begin(stage, "drain db2 --wait --reason kernel");
    waiting.hears("db2: 1 client session, the oldest");
    stage.expect(&read, &[2]);
    drop(session);
    waiting.hears("db2: 0 client sessions left after");
    assert_eq!(waiting.end(), (Some(0), String::new()));

    // One that stays, and the drain stays with it.
    let session = open("application");
    let [code, said] = ended(stage, "drain db2 --wait --timeout 2s --reason kernel");
    assert_eq!(code, "75", "{said}");
    assert!(said.contains("1 client session are left"), "{said}");
    assert!(said.contains("`pointsman undrain db2`"), "{said}");
    assert!(maker.is_open(&session));
    stage.expect_words("why db2", &["drained"]);
    // As many as may stay.
    let [code, said] = ended(stage, "drain db2 --wait --sessions 1 --timeout 30s --reason kernel");
    assert_eq!(code, "0", "{said}");

    // Ctrl-C.
    let mut waiting = Waiting::begin(stage, "drain db2 --wait --reason kernel");
    waiting.hears("db2: 1 client session");
    waiting.interrupt();
    let (code, errors) = waiting.end();
    assert_eq!(code, Some(130), "{errors}");
    assert!(errors.contains("db2 stays drained"), "{errors}");
    stage.expect_words("why db2", &["drained"]);

    // Somebody else ends the drain.
    let mut waiting = Waiting::begin(stage, "drain db2 --wait --reason kernel");
    waiting.hears("db2: 1 client session");
    stage.said("undrain db2");
    let (code, errors) = waiting.end();
    assert_eq!(code, Some(1), "{errors}");
    assert!(errors.contains("is not drained any more"), "{errors}");

    // At the timeout those are ended that the kick means, and no others.
    let other = open("postgres");
    let kick = "drain db2 --wait --sessions 1 --timeout 2s --then-kick --reason kernel";
    let [code, said] = ended(stage, kick);
    assert_eq!(code, "0", "{said}");
    assert!(said.contains("1 session on db2 were ended by hand, 1 others live on"), "{said}");
    patience::until("the session of the application ends", || !maker.is_open(&session));
    assert_eq!(maker.ask(&other, "SELECT 1").as_deref(), Some("1"));
    stage.expect_words("events", &["1 session on db2 were ended by hand", "by "]);
    let [code, said] = ended(stage, &kick.replace("--sessions 1", "--sessions 0"));
    assert_eq!(code, "75", "{said}");
    assert!(said.contains("`pointsman sessions db2` shows whose"), "{said}");
    drop(other);

    // With JSON nothing else is printed: what was laid, and who is left.
    let said = stage.said("drain db2 --wait --timeout 30s --reason kernel --json");
    let lines: Vec<serde_json::Value> =
        said.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(lines.len(), 2, "{said}");
    assert_eq!((&lines[0]["override"]["kind"], &lines[1]["clients"]), (&json!("drain"), &json!(0)));
    stage.effective("undrain db2", &read, &[1, 2]);
}

/// The exit code of a command, and all that it says.
fn ended(stage: &Stage, line: &str) -> [String; 2] {
    let output = stage.run(line);
    let [told, errors] = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text));
    [
        output.status.code().map_or_else(String::new, |code| code.to_string()),
        format!("{told}{errors}"),
    ]
}

/// A command that takes its time.
struct Waiting {
    child: Child,
    lines: std::sync::mpsc::Receiver<String>,
}

impl Waiting {
    fn begin(stage: &Stage, line: &str) -> Self {
        let mut child = Command::new(binary())
            .args(line.split(' '))
            .args(["--socket", &stage.socket()])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary runs");
        let output = child.stdout.take().expect("a pipe");
        let (told, lines) = std::sync::mpsc::channel();
        thread::spawn(move || {
            let lines = BufReader::new(output).lines().map_while(Result::ok);
            lines.map_while(|line| told.send(line).ok()).count()
        });
        Self { child, lines }
    }

    /// Waits for a line that begins so.
    fn hears(&self, words: &str) {
        let mut heard = Vec::new();
        while let Ok(line) = self.lines.recv_timeout(patience::PATIENCE) {
            heard.push(line);
            if heard.last().is_some_and(|line| line.starts_with(words)) {
                return;
            }
        }
        panic!("{words:?} is not in {heard:?}");
    }

    fn interrupt(&self) {
        let id = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).expect("an id");
        kill_process(id, Signal::INT).expect("it is ours");
    }

    /// Its exit code and what went wrong.
    fn end(&mut self) -> (Option<i32>, String) {
        let status = self.child.wait().expect("it ends");
        let mut errors = String::new();
        let mut pipe = self.child.stderr.take().expect("a pipe");
        pipe.read_to_string(&mut errors).expect("UTF-8");
        (status.code(), errors)
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        // Mostly it has ended.
        _ = self.child.kill();
        _ = self.child.wait();
    }
}
