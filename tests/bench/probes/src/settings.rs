//! Pointsman's settings for a fleet.

use std::{fmt::Write as _, fs, io, path::Path, path::PathBuf};

use crate::fleet::{Fleet, address};

/// Writes the settings for `fleet` below `folder`; returns the file.
pub(crate) fn write(folder: &Path, fleet: &Fleet) -> io::Result<PathBuf> {
    let mut text = HEAD.to_owned();
    let told = "writing to a string succeeds";
    for cluster in 0..fleet.clusters() {
        write!(
            text,
            "\n[[cluster]]\nname = \"c{cluster}\"\nengine = \"postgres\"\n\
             [cluster.write]\nname = \"w{cluster}.bench.\"\n\
             [[cluster.read]]\nname = \"r{cluster}.bench.\"\n\
             [cluster.probe]\nuser = \"pointsman\"\n"
        )
        .expect(told);
        let first = cluster * fleet.servers_per_cluster();
        for server in first..first + fleet.servers_per_cluster() {
            let at = address(server);
            write!(
                text,
                "[[cluster.server]]\nname = \"s{server}\"\naddress = \"{}\"\nport = {}\n",
                at.ip(),
                at.port()
            )
            .expect(told);
        }
    }
    fs::create_dir_all(folder)?;
    fs::write(folder.join("bench.zone"), ZONE)?;
    let file = folder.join("pointsman.toml");
    fs::write(&file, text)?;
    Ok(file)
}

/// Probes have their defaults: every second, with TLS where the server has it.
const HEAD: &str = "\
[dns]
listen = [\"127.32.0.2:5391\"]
workers = 1

[[zone]]
origin = \"bench.\"
file = \"bench.zone\"

[state]
directory = \"state\"
";

const ZONE: &str = "\
$TTL 1h
@ 1s SOA ns1 hostmaster 1 1h 10m 1d 1s
@ NS ns1
ns1 A 127.32.0.2
";
