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
    for (server, name) in [
        ("nsd", "ns3"),
        ("knot", "ns3"),
        ("bind", "ns3"),
        ("powerdns", "ns3"),
        ("unbound", "ns4"),
        ("knot-resolver", "ns4"),
    ] {
        let mut command = Account::current().command(env!("CARGO_BIN_EXE_pointsman"));
        command.args(["secondary-config", server, "--name", name, "--config"]).arg(&config);
        let Output { stdout, stderr, .. } = command.output().expect("the command runs");
        let printed = String::from_utf8(stdout).expect("settings are text");
        let errors = String::from_utf8_lossy(&stderr);
        assert!(!printed.is_empty(), "{server}: {errors}");
        let block = format!("```text\n{printed}```");
        assert!(document.contains(&block), "{server}: docs/SECONDARIES.md lacks\n{block}");
    }
}
