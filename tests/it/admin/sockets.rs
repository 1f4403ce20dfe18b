//! The sockets of the admin API: who may connect, who was there before, and what is left behind.

use std::{
    fs,
    os::unix::{fs::PermissionsExt, net::UnixStream},
};

use rustix::process::Signal;

use crate::{
    admin::{RARE, Scene, Served},
    patience::PATIENCE,
    process::{Service, Settings, run},
};

#[test]
fn the_socket_is_for_owner_and_group_and_goes_at_the_end() {
    let scene = Scene::new("127.33.7", RARE);
    let (service, dns) = Service::serve_with_umask(&scene.settings, "000");
    let served = Served::new(service, dns, scene.socket());
    let mode = fs::metadata(&served.socket).expect("a file").permissions().mode();
    assert_eq!(mode & 0o777, 0o660);
    assert_eq!(served.service.stop().code, Some(0));
    assert!(!scene.socket().exists());
}

#[test]
fn the_socket_of_a_killed_process_is_replaced() {
    let scene = Scene::new("127.33.8", RARE);
    let mut first = scene.serve(&[]);
    first.service.signal(Signal::KILL);
    let _ = first.service.exit_code(PATIENCE);
    assert!(scene.socket().exists(), "nobody has tidied up");
    UnixStream::connect(scene.socket()).expect_err("nobody listens");
    let second = scene.serve(&[]);
    UnixStream::connect(&second.socket).expect("the new one listens");
}

/// All or nothing: DNS is not answered by a service whose admin sockets cannot be had.
#[test]
fn a_socket_that_cannot_be_had_ends_the_start_and_says_what_to_do() {
    let scene = Scene::new("127.33.9", RARE);
    let served = scene.serve(&[]);
    let (taken, free) = (served.http.to_string(), "127.33.9.9:0");
    let live = scene.socket().display().to_string();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let missing = folder.path().join("missing/admin.sock").display().to_string();
    let fine = folder.path().join("fine.sock").display().to_string();
    for (socket, http, words) in [
        (&live, free, "another process listens on"),
        (&missing, free, "its folder is missing; create it"),
        (&fine, &*taken, "is in use; `ss -lntp"),
        (&fine, "192.0.2.1:80", "is no address of this machine"),
    ] {
        let text = format!(
            "[dns]\nlisten = [\"127.33.9.8:0\"]\n\
             [[zone]]\norigin = \"internal.\"\nfile = \"internal.zone\"\n\
             [admin]\nsocket = \"{socket}\"\nhttp = \"{http}\"\n\
             [[cluster]]\nname = \"orders\"\nengine = \"tcp\"\n\
             write = {{ name = \"orders.internal.\" }}\n\
             server = [{{ name = \"db1\", address = \"127.33.9.7\", port = 1 }}]\n"
        );
        let settings = Settings::new(&text, "");
        let ended = run(&["serve", "--config", &settings.file()]);
        assert_eq!(ended.code, Some(1), "{ended:?}");
        assert!(ended.stderr.contains(words), "{words}: {ended:?}");
        assert!(!ended.stderr.contains("answering DNS"), "{ended:?}");
    }
    assert!(!std::path::Path::new(&fine).exists(), "nothing is left behind");
    UnixStream::connect(&served.socket).expect("the first one is left alone");
}
