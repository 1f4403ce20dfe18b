//! `pointsman init` where no database is needed: what it refuses, in which words, with which exit code.

use std::{
    io::Write as _,
    net::{Ipv4Addr, TcpListener},
    thread,
};

use crate::process::{Ended, run};

/// Nobody listens here.
const NOWHERE: Ipv4Addr = Ipv4Addr::new(127, 27, 31, 1);

const STRANGER: Ipv4Addr = Ipv4Addr::new(127, 27, 31, 2);

fn init(from: &str, more: &[&str]) -> Ended {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let out = folder.path().join("pointsman");
    let out_text = out.to_str().expect("a UTF-8 path");
    let words = ["init", "--from", from, "--zone", "db.internal", "--out", out_text];
    let ended = run(&[&words[..], more].concat());
    assert!(!out.exists(), "nothing may be written: {ended:?}");
    ended
}

#[test]
fn what_cannot_be_asked_is_told_with_what_to_do() {
    let free = TcpListener::bind((NOWHERE, 0)).expect("a free port");
    let nobody = free.local_addr().expect("bound").to_string();
    drop(free);
    for (from, code, words) in [
        ("db1.invalid", 1, "`db1.invalid` has no address"),
        (&nobody, 1, "nothing answers at"),
        (&nobody, 1, "does it listen there (listen_addresses, bind-address)"),
        ("10.0.0.256", 2, "write db1.example"),
        ("db1.example:0", 2, "write db1.example"),
    ] {
        let Ended { code: ended, stdout, stderr } = init(from, &["--yes"]);
        assert_eq!((ended, stdout.as_str()), (Some(code), ""), "{from}: {stderr}");
        assert!(stderr.contains(words), "{from}: {stderr}");
    }
}

#[test]
fn a_host_that_is_no_database_is_told_as_one() {
    let listener = TcpListener::bind((STRANGER, 0)).expect("a free port");
    let at = listener.local_addr().expect("bound").to_string();
    let speaks = thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("somebody connects");
        // Whoever has heard enough may have left.
        drop(stream.write_all(b"SSH-2.0-OpenSSH_9.2p1\r\n"));
    });
    let Ended { code, stderr, .. } = init(&at, &["--yes"]);
    assert_eq!(code, Some(1), "{stderr}");
    assert!(
        stderr.contains(&format!("{at} is no PostgreSQL, MySQL or MariaDB server")),
        "{stderr}"
    );
    speaks.join().expect("it has spoken");
}

#[test]
fn without_a_terminal_somebody_must_have_said_yes() {
    let Ended { code, stderr, .. } = init("db1.invalid", &[]);
    assert_eq!(code, Some(2), "{stderr}");
    assert!(stderr.contains("say --yes, or --dry-run"), "{stderr}");
}

#[test]
fn a_zone_is_a_name_and_a_cluster_has_one() {
    for (option, value) in [("--zone", "db..internal"), ("--zone", "."), ("--cluster", "a b")] {
        let mut words = vec!["init", "--from", "db1.invalid", "--yes", option, value];
        if option != "--zone" {
            words.extend(["--zone", "db.internal"]);
        }
        let Ended { code, stderr, .. } = run(&words);
        assert_eq!(code, Some(2), "{stderr}");
        assert!(stderr.contains("; write "), "{stderr}");
    }
}
