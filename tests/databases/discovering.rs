//! What the stories of discovery share: a Pointsman that discovers, what it says of it, and lists.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr},
    path::Path,
};

use tempfile::TempDir;

use crate::{
    patience,
    pointsman::{Cluster, Pointsman, write_files},
    ports,
};

/// The files of a Pointsman and where it answers.
pub(crate) struct Scene {
    pub(crate) folder: TempDir,
    dns: SocketAddr,
    cluster: Cluster,
}

impl Scene {
    /// A configuration of this cluster, with `discovery` behind it.
    pub(crate) fn new(cluster: &Cluster, home: Ipv4Addr, discovery: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary directory can be made");
        let dns = SocketAddr::from((home, ports::free_on(&[home])));
        write_files(folder.path(), dns, &[cluster], "\n[admin]\nsocket = \"admin.sock\"\n");
        let scene = Self { folder, dns, cluster: cluster.clone() };
        let text = fs::read_to_string(scene.file()).expect("the configuration is there");
        fs::write(scene.file(), text + discovery).expect("the configuration can be written");
        scene
    }

    pub(crate) fn file(&self) -> std::path::PathBuf {
        self.folder.path().join("pointsman.toml")
    }

    pub(crate) fn serve(&self) -> Pointsman {
        Pointsman::serve_files(self.folder.path(), self.dns, &self.cluster)
    }
}

/// What `pointsman discover` says.
pub(crate) fn discovered(pointsman: &Pointsman) -> String {
    let (code, told) = pointsman.command(&["discover", "db"]);
    assert_eq!(code, Some(0), "{told}");
    told
}

/// Waits until `pointsman discover` says so.
pub(crate) fn until_discovered(pointsman: &Pointsman, what: &str) {
    // Before its first turn a cluster has nothing to tell.
    let mut last = String::new();
    let says = patience::poll(2 * patience::PATIENCE, || {
        last = pointsman.command(&["discover", "db"]).1;
        last.contains(what).then_some(())
    });
    assert!(says.is_some(), "no {what}:\n{last}\n{}", pointsman.log().tail(30));
}

/// Waits until a name says exactly these.
pub(crate) fn until_named(pointsman: &Pointsman, name: &hickory_proto::rr::Name, set: &[Ipv4Addr]) {
    let mut client = pointsman.client();
    let mut last = None;
    let named = patience::poll(2 * patience::PATIENCE, || {
        last = client.addresses(name);
        (last.as_ref()?.set() == set).then_some(())
    });
    let told = || (discovered(pointsman), pointsman.log().tail(30));
    assert!(named.is_some(), "{name}: {last:?}\n{:?}", told());
}

/// Puts a list into its place at once.
pub(crate) fn list(folder: &Path, text: &str) {
    let (new, list) = (folder.join("db.targets.new"), folder.join("db.targets.json"));
    fs::write(&new, text).expect("the list can be written");
    fs::rename(&new, &list).expect("the list can be put into its place");
}
