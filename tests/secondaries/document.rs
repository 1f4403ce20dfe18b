//! `docs/SECONDARIES.md` shows what `secondary-config` prints, letter by letter.

use std::{fs, path::Path, process::Output};

use crate::account::Account;

/// What the settings of the document are made of: `ns3` signs, `ns4` cannot.
const CONFIG: &str = r#"
[dns]
listen = ["10.0.0.2:53"]

[state]
directory = "state"

[[key]]
name = "xfr.db.internal."
secret_file = "xfr.tsig"

[[zone]]
origin = "db.internal."
refresh = "2s"
expire = "1h"

[[zone.secondary]]
name = "ns3"
address = "10.0.0.53"
key = "xfr.db.internal."

[[zone.secondary]]
name = "ns4"
address = "10.0.0.54"
unsigned = true

[[cluster]]
name = "orders"
engine = "tcp"
write = { name = "write.db.internal." }
server = [{ name = "db1", address = "10.0.0.11", port = 5432 }]
"#;

#[test]
fn the_document_shows_what_is_printed() {
    let directory = Account::current().directory("pointsman-document-");
    let config = directory.path().join("pointsman.toml");
    fs::write(&config, CONFIG).expect("a file can be written");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/SECONDARIES.md");
    let document = fs::read_to_string(path).expect("docs/SECONDARIES.md");
    for (server, more) in [
        ("nsd", &["--name", "ns3"][..]),
        ("knot", &["--name", "ns3"]),
        ("knot", &["--signed", "--name", "ns3"]),
        ("bind", &["--name", "ns3"]),
        ("bind", &["--signed", "--name", "ns3"]),
        ("powerdns", &["--name", "ns3"]),
        ("unbound", &["--name", "ns4"]),
        ("knot-resolver", &["--name", "ns4"]),
    ] {
        let Output { stdout, stderr, .. } = secondary_config(&config, server, more);
        let printed = String::from_utf8(stdout).expect("settings are text");
        let errors = String::from_utf8_lossy(&stderr);
        assert!(!printed.is_empty(), "{server}: {errors}");
        let block = format!("```text\n{printed}```");
        assert!(document.contains(&block), "{server}: docs/SECONDARIES.md lacks\n{block}");
    }
}

#[test]
fn who_signs_nothing_is_said() {
    let directory = Account::current().directory("pointsman-document-");
    let config = directory.path().join("pointsman.toml");
    fs::write(&config, CONFIG).expect("a file can be written");
    let Output { status, stderr, .. } =
        secondary_config(&config, "nsd", &["--signed", "--name", "ns3"]);
    let errors = String::from_utf8_lossy(&stderr);
    assert_eq!(status.code(), Some(1));
    assert_eq!(errors, "only Knot DNS and BIND sign zones that they copy: say knot or bind\n");
}

fn secondary_config(config: &Path, server: &str, more: &[&str]) -> Output {
    let mut command = Account::current().command(env!("CARGO_BIN_EXE_pointsman"));
    command.args(["secondary-config", server]).args(more).arg("--config").arg(config);
    command.output().expect("the command runs")
}
