//! `pointsman hint`.

use std::{fs, os::unix::net::UnixListener};

use crate::{
    admin::{RARE, Scene},
    patience::until,
    process::{Ended, run},
};

#[test]
fn hint_asks_the_servers_of_the_cluster() {
    let scene = Scene::new("127.33.10", RARE);
    let served = scene.serve(&[]);
    let before = scene.settled();
    // Only [admin] counts, so neither a missing password nor an unknown key elsewhere matters.
    let poor = scene.settings.folder().join("poor.toml");
    let text = "[admin]\nsocket = \"admin.sock\"\n[[cluster]]\nx = 1\n\
                [cluster.probe]\npassword_file = \"nobody may read this\"\n";
    fs::write(&poor, text).expect("a file can be written");
    let (file, poor) = (scene.settings.file(), poor.display().to_string());
    let socket = served.socket.display().to_string();
    for arguments in [
        ["hint", "orders", "--config", &file],
        ["hint", "Orders", "--config", &poor],
        ["hint", "orders", "--socket", &socket],
    ] {
        let before = scene.settled();
        let Ended { code, stdout, stderr } = run(&arguments);
        assert_eq!((code, stderr.as_str()), (Some(0), ""), "{arguments:?}");
        assert_eq!(stdout, "orders: every server is asked at once\n");
        until("both are asked", || (0..2).all(|server| scene.asked()[server] > before[server]));
    }
    assert_eq!(scene.settled()[2..], before[2..]);

    let Ended { code, stdout, stderr } = run(&["hint", "orders", "--json", "--socket", &socket]);
    assert_eq!((code, stderr.as_str()), (Some(0), ""));
    assert_eq!(stdout, "{\"cluster\":\"orders\"}\n");
    let Ended { code, stdout, stderr } = run(&["hint", "x", "--socket", &socket]);
    assert_eq!((code, stdout.as_str()), (Some(1), ""));
    assert_eq!(stderr, "there is no cluster `x`; known: orders, billing\n");
}

#[test]
fn hint_says_what_keeps_it_from_the_service() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = |name: &str| folder.path().join(name).display().to_string();
    for (name, text) in [
        ("none.toml", "[dns]\nlisten = [\"127.0.0.1:53\"]\n"),
        ("gone.toml", "[admin]\nsocket = \"gone.sock\"\n"),
        ("wrong.toml", "[admin]\nsocket = 7\n"),
        ("broken.toml", "[admin\n"),
    ] {
        fs::write(path(name), text).expect("a file can be written");
    }
    drop(UnixListener::bind(path("dead.sock")).expect("a socket"));
    for (option, name, code, words) in [
        ("--config", "none.toml", 1, "names no socket; set `socket` in [admin]"),
        ("--config", "gone.toml", 1, "the service does not run, or has another `socket`"),
        ("--config", "wrong.toml", 78, "`socket` must be a string, not a number"),
        ("--config", "broken.toml", 78, "not TOML"),
        ("--config", "missing.toml", 78, "cannot be read"),
        ("--socket", "gone.sock", 1, "nobody listens on"),
        ("--socket", "dead.sock", 1, "nobody listens on"),
        ("--socket", "none.toml", 1, "nobody listens on"),
    ] {
        let ended = run(&["hint", "orders", option, &path(name)]);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(code), ""), "{name}: {ended:?}");
        assert!(ended.stderr.contains(words), "{name}: {ended:?}");
    }
    assert_eq!(run(&["hint"]).code, Some(2));
}
