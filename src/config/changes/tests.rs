//! What is said of a change of the file.

use std::{ffi::OsString, io, path::Path};

use super::Changes;
use crate::config::{Config, Sources};

const FILE: &str = r#"
[dns]
listen = ["127.0.0.1:53"]

[[zone]]
origin = "internal."
file = "internal.zone"

[[cluster]]
name = "orders"
engine = "postgres"
write = { name = "db-write.internal." }

[[cluster.read]]
name = "db-read.internal."
max_lag = "10s"

[cluster.probe]
user = "pointsman"
password_file = "password"

[[cluster.server]]
name = "db1"
address = "10.0.0.1"

[[cluster.server]]
name = "db2"
address = "10.0.0.2"

[[cluster]]
name = "cache"
engine = "tcp"
write = { name = "cache.internal." }
server = [{ name = "c1", address = "10.0.1.1", port = 6379 }]
"#;

/// The files that the configuration names.
#[derive(Clone, Copy)]
struct Files {
    zone: &'static str,
    password: &'static str,
}

const FILES: Files = Files {
    zone: "@ 60 SOA ns host 1 60 30 3600 1\n@ 60 NS ns\nns 60 A 10.0.0.53\n",
    password: "first",
};

impl Sources for Files {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        match path.ends_with("internal.zone") {
            true => Ok(self.zone.into()),
            false => Ok(self.password.into()),
        }
    }

    fn variable(&self, _: &str) -> Option<OsString> {
        None
    }
}

fn config(text: &str, files: Files) -> Config {
    Config::from_text(text, Path::new("pointsman.toml"), &files)
        .unwrap_or_else(|error| panic!("{error}"))
}

/// What is said when `from` becomes `to` in the file.
fn changed(from: &str, to: &str) -> Vec<String> {
    assert!(FILE.contains(from), "{from}");
    let changes = Changes::between(&config(FILE, FILES), &config(&FILE.replace(from, to), FILES));
    assert_eq!(changes.needs_restart, [""; 0]);
    changes.changed
}

#[test]
fn a_file_that_says_the_same_has_no_changes() {
    let spaced = FILE.replace(" = ", "  =  ").replace("[[cluster]]", "# one more\n[[cluster]]");
    let changes = Changes::between(&config(FILE, FILES), &config(&spaced, FILES));
    assert_eq!(changes, Changes::default());
}

#[test]
fn each_thing_that_differs_has_a_line() {
    for (from, to, lines) in [
        (
            "\"10.0.0.2\"",
            "\"10.0.0.9\"",
            &[
                "orders: db2 address is [10.0.0.9], was [10.0.0.2]",
                "orders: db2 is probed at 10.0.0.9:5432, was at 10.0.0.2:5432",
            ][..],
        ),
        ("\"10.0.0.2\"", "\"10.0.0.2\"\npriority = 5", &["orders: db2 priority is 5, was 100"]),
        ("name = \"db2\"", "name = \"db3\"", &["orders: db3 joins", "orders: db2 leaves"]),
        (
            "max_lag = \"10s\"",
            "max_lag = \"3s\"",
            &["orders: db-read.internal. max_lag is 3s, was 10s"],
        ),
        (
            "db-read.internal.",
            "replicas.internal.",
            &[
                "orders: replicas.internal. is served",
                "orders: db-read.internal. is no longer served",
            ],
        ),
        (
            "user = \"pointsman\"",
            "user = \"other\"\ninterval = \"2s\"",
            &[
                "orders: probe user is \"other\", was \"pointsman\"",
                "orders: probe interval is 2s, was 1s",
            ],
        ),
        (
            "name = \"cache\"",
            "name = \"store\"",
            &["store is new, with 1 servers", "cache is gone"],
        ),
    ] {
        assert_eq!(changed(from, to), lines, "{to}");
    }
}

#[test]
fn zones_and_passwords_are_compared_by_what_is_in_them() {
    let before = config(FILE, FILES);
    let said = |files| Changes::between(&before, &config(FILE, files)).changed;
    let password = Files { password: "another", ..FILES };
    assert_eq!(said(password), ["orders: probe password is another one"]);
    let zone = "@ 60 SOA ns host 1 60 30 3600 1\n@ 60 NS ns\nns 61 A 10.0.0.53\n";
    assert_eq!(said(Files { zone, ..FILES }), ["zone internal. has other records"]);
}

#[test]
fn what_only_a_start_can_change_is_told_apart() {
    let other = FILE.replace("127.0.0.1:53", "127.0.0.1:5300");
    let other = format!("state.directory = \"state\"\nlog.format = \"json\"\n{other}");
    let changes = Changes::between(&config(FILE, FILES), &config(&other, FILES));
    assert_eq!(changes.changed, [""; 0]);
    assert_eq!(
        changes.needs_restart,
        [
            "[dns] listen differs and needs a restart",
            "[state] differs and needs a restart",
            "[log] differs and needs a restart",
        ]
    );
}

#[test]
fn what_a_history_is_worth_is_told() {
    let write = "write = { name = \"db-write.internal.\" }";
    let held = "write = { name = \"db-write.internal.\", on_newer_timeline = \"hold\" }";
    assert_eq!(changed(write, held), ["orders: on_newer_timeline is Hold, was Follow"]);
    let shared = "write = { name = \"db-write.internal.\", shared_storage = true }";
    assert_eq!(changed(write, shared), ["orders: shared_storage is true, was false"]);
}
