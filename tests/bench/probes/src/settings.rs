//! Pointsman's settings for a fleet.

use std::{
    fs, io,
    ops::Range,
    path::{Path, PathBuf},
};

use crate::{
    discovery::Scene,
    fleet::{Fleet, address},
};

/// Writes the settings for `fleet` below `folder`; returns the file.
pub(crate) fn write(folder: &Path, fleet: &Fleet) -> io::Result<PathBuf> {
    let mut text = HEAD.to_owned();
    for cluster in 0..fleet.clusters() {
        let first = cluster * fleet.servers_per_cluster();
        text += &cluster_of(cluster, first..first + fleet.servers_per_cluster());
    }
    save(folder, &text)
}

/// Clusters whose servers may have to be found.
#[derive(Debug)]
pub(crate) struct Discovers {
    pub(crate) clusters: usize,
    /// Servers of each cluster that there are numbers for.
    pub(crate) places: usize,
    pub(crate) scene: Scene,
}

/// The same for clusters whose servers may have to be found.
pub(crate) fn write_discovery(folder: &Path, all: &Discovers) -> io::Result<PathBuf> {
    let mut text = format!("{HEAD}\n[admin]\nhttp = \"{ADMIN}\"\n");
    if let Some(seconds) = all.scene.interval {
        text += &format!(
            "\n[discovery]\nclusters = \"all\"\n\n[discovery.template]\nmode = \"join\"\n\
             networks = [\"127.32.0.0/16\"]\ninterval = \"{seconds}s\"\n"
        );
    }
    for cluster in 0..all.clusters {
        let first = cluster * all.places;
        text += &cluster_of(cluster, first..first + all.scene.in_file);
    }
    save(folder, &text)
}

/// A cluster with these servers.
fn cluster_of(cluster: usize, servers: Range<usize>) -> String {
    let mut text = format!(
        "\n[[cluster]]\nname = \"c{cluster}\"\nengine = \"postgres\"\n\
         [cluster.write]\nname = \"w{cluster}.bench.\"\n\
         [[cluster.read]]\nname = \"r{cluster}.bench.\"\n\
         [cluster.probe]\nuser = \"pointsman\"\n"
    );
    for server in servers {
        let at = address(server);
        text += &format!(
            "[[cluster.server]]\nname = \"s{server}\"\naddress = \"{}\"\nport = {}\n",
            at.ip(),
            at.port()
        );
    }
    text
}

fn save(folder: &Path, text: &str) -> io::Result<PathBuf> {
    fs::create_dir_all(folder)?;
    fs::write(folder.join("bench.zone"), ZONE)?;
    let file = folder.join("pointsman.toml");
    fs::write(&file, text)?;
    Ok(file)
}

/// Where Pointsman answers DNS.
pub(crate) const DNS: &str = "127.32.0.2:5391";

/// Where it tells what it has found.
pub(crate) const ADMIN: &str = "127.32.0.2:5392";

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
