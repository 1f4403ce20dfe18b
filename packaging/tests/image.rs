//! The content of the image: the program runs as its user in a root that has nothing else.
//!
//! No image is built: its first stage needs a registry, for the compiler. What its last stage copies
//! is made here by the same script, and what the image would run is run by chroot(8), as root.

use std::{fs, path::Path, process::Command};

use pointsman_testbed::{account::run, binary, patience, process::ServerProcess};
use rustix::process::Signal;

const CONTAINERFILE: &str = include_str!("../oci/Containerfile");

/// The address of the shipped configuration, and one that no other test has.
const ADDRESSES: [&str; 2] = ["127.0.0.1:5353", "127.56.5.1:0"];

#[test]
fn the_program_runs_as_its_user_in_an_image_that_has_nothing_else() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let image = folder.path().join("image");
    let packaging = Path::new(env!("CARGO_MANIFEST_DIR"));
    run(Command::new(packaging.join("oci/collect")).arg(binary()).arg(&image));
    let settings = image.join("etc/pointsman");
    let shipped = fs::read_to_string(packaging.join("debian/pointsman.toml")).expect("a file");
    let config = shipped.replace(ADDRESSES[0], ADDRESSES[1]);
    assert_ne!(config, shipped, "the shipped configuration has another address now");
    fs::write(settings.join("pointsman.toml"), config).expect("a file can be written");
    let zone = fs::copy(packaging.join("debian/internal.zone"), settings.join("internal.zone"));
    zone.expect("a file can be copied");

    let inside = |words: &[String]| {
        let mut command = Command::new("chroot");
        command.arg(format!("--userspec={}", rest("USER "))).arg(&image);
        command.args(words);
        command
    };
    let program = words("ENTRYPOINT ");
    let with = |more: &[String]| inside(&[&program, more].concat());
    assert!(run(&mut with(&["--version".to_owned()])).starts_with("pointsman "));
    let log = folder.path().join("log");
    let service = ServerProcess::spawn(with(&words("CMD ")), &log);
    patience::until("it answers", || {
        assert!(!service.has_ended(), "{}", service.log_tail());
        service.log_tail().contains("answering DNS by UDP and TCP")
    });
    assert!(service.end(Signal::TERM).success());
}

/// What follows `word` at the start of a line.
fn rest(word: &str) -> &'static str {
    let line = CONTAINERFILE.lines().find_map(|line| line.strip_prefix(word));
    line.unwrap_or_else(|| panic!("no {word}")).trim()
}

/// The words of the list that follows `word`.
fn words(word: &str) -> Vec<String> {
    rest(word).split('"').skip(1).step_by(2).map(str::to_owned).collect()
}
