//! A command as a witness: what it sees, what it says, and that nothing of it is left.

use std::{fs, os::unix::fs::PermissionsExt, path::Path, time::Duration};

use pointsman::{
    config::{ProbeConfig, WitnessConfig},
    engine::{FailureKind, Testimony, Word},
    probe::WitnessTarget,
};

use crate::{
    fake_postgres::config,
    patience::{PATIENCE, until},
    witness::{Running, target},
};

/// A shell script in `folder` as a check.
fn script(folder: &Path, text: &str, arguments: &[&str]) -> WitnessTarget {
    let program = folder.join("check");
    fs::write(&program, format!("#!/bin/sh\n{text}\n")).expect("a script");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("a program");
    let arguments = arguments.iter().map(|argument| (*argument).into()).collect();
    let address = "127.34.4.1:1".parse().expect("an address");
    target(address, WitnessConfig::Command { program, arguments })
}

async fn once(target: WitnessTarget) -> Result<Testimony, FailureKind> {
    let mut running = Running::start(target);
    let said = running.said().await;
    running.end().await;
    said
}

#[tokio::test]
async fn exit_status_and_first_line_are_the_word() {
    let folder = tempfile::tempdir().expect("a folder");
    for (text, word, percent) in [
        ("exit 0", Word::Up, 100),
        ("exit 7", Word::Down, 100),
        ("echo drain; echo down", Word::Drain, 100),
        ("echo 30%", Word::Up, 30),
        ("echo maint; exit 1", Word::Maint, 100),
        ("echo down >&2", Word::Up, 100),
        ("cat", Word::Up, 100),
    ] {
        let said = once(script(folder.path(), text, &[])).await.expect("a word");
        assert_eq!((said.word, said.percent), (word, percent), "{text}");
    }
    let said = once(script(folder.path(), "echo 'no disk\tleft'; exit 3", &[])).await;
    assert_eq!(&*said.expect("a word").detail, "exit status 3: no disk left");
}

#[tokio::test]
async fn it_is_told_whom_to_check_and_sees_nothing_else_of_ours() {
    let folder = tempfile::tempdir().expect("a folder");
    let arguments = ["{server}@{cluster}", "{address}:{port}", "$HOME;{}"];
    let text = format!(
        "env > {0}/env; echo \"$1 $2 $3\" > {0}/args; pwd > {0}/pwd",
        folder.path().display()
    );
    assert!(once(script(folder.path(), &text, &arguments)).await.is_ok());
    let read = |name: &str| fs::read_to_string(folder.path().join(name)).expect("written");
    assert_eq!(read("args"), "db1@orders 127.34.4.1:5432 $HOME;{}\n");
    assert_eq!(read("pwd"), "/\n");
    let seen = read("env");
    for line in [
        "POINTSMAN_SERVER=db1",
        "POINTSMAN_CLUSTER=orders",
        "POINTSMAN_ADDRESS=127.34.4.1",
        "POINTSMAN_PORT=5432",
    ] {
        assert!(seen.lines().any(|seen| seen == line), "{line} is not in {seen}");
    }
    // The shell sets a few of its own.
    let known = ["POINTSMAN_", "PATH=", "PWD=", "OLDPWD=", "SHLVL=", "_="];
    let odd = seen.lines().find(|line| !known.iter().any(|known| line.starts_with(known)));
    assert_eq!(odd, None);
}

#[tokio::test]
async fn one_that_hangs_is_killed_with_all_its_children() {
    let folder = tempfile::tempdir().expect("a folder");
    let pids = folder.path().join("pids");
    let text = format!(
        "sleep 600 & echo $! > {0}.new; echo $$ >> {0}.new; mv {0}.new {0}; wait",
        pids.display()
    );
    let target = script(folder.path(), &text, &[]);
    assert_eq!(once(target).await, Err(FailureKind::TimedOut));
    all_are_gone(&pids);
}

#[tokio::test]
async fn what_it_leaves_behind_is_killed_and_holds_nobody_up() {
    let folder = tempfile::tempdir().expect("a folder");
    let pids = folder.path().join("pids");
    let text = format!("sleep 600 & echo $! > {}; echo drain", pids.display());
    let said = once(script(folder.path(), &text, &[])).await;
    assert_eq!(said.map(|said| said.word), Ok(Word::Drain));
    all_are_gone(&pids);
}

#[tokio::test]
async fn it_is_killed_when_nobody_listens_any_more() {
    let folder = tempfile::tempdir().expect("a folder");
    let pids = folder.path().join("pids");
    let text = format!("echo $$ > {0}.new; mv {0}.new {0}; sleep 600", pids.display());
    let mut target = script(folder.path(), &text, &[]);
    target.config = ProbeConfig { timeout: Duration::from_secs(60), ..config() }.into();
    let running = Running::start(target);
    let begun = async {
        while !pids.exists() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, begun).await.expect("the command begins");
    running.abort().await;
    all_are_gone(&pids);
}

#[tokio::test]
async fn endless_output_is_thrown_away() {
    let folder = tempfile::tempdir().expect("a folder");
    let said = once(script(folder.path(), "yes", &[])).await;
    assert_eq!(said, Err(FailureKind::TimedOut));
    let said = once(script(folder.path(), "yes drain | head -c 3000000", &[])).await;
    assert_eq!(said.map(|said| said.word), Ok(Word::Drain));
}

#[tokio::test]
async fn one_that_cannot_run_or_is_shot_has_no_word() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut missing = script(folder.path(), "", &[]);
    missing.witness =
        WitnessConfig::Command { program: folder.path().join("absent"), arguments: vec![] }.into();
    assert_eq!(once(missing).await, Err(FailureKind::Misconfigured));
    let said = once(script(folder.path(), "kill -9 $$", &[])).await;
    assert_eq!(said, Err(FailureKind::Troubled));
}

/// Waits until no process of those in the file is there any more. One that is dead and not buried
/// yet does nothing.
fn all_are_gone(pids: &Path) {
    let pids = fs::read_to_string(pids).expect("the command has written its processes");
    for pid in pids.lines() {
        until(&format!("process {pid} is gone"), || {
            let status = fs::read_to_string(format!("/proc/{pid}/stat"));
            status.map_or(true, |status| status.contains(") Z "))
        });
    }
}
