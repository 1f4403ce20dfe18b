//! Servers over a file on a disk.

use std::{fs, os::unix::fs::PermissionsExt, path::PathBuf};

use tempfile::TempDir;

use super::*;
use crate::config::FoundServer;

const FILE: &str = r#"# Ours.
[[zone]]
origin = "internal."
file = "internal.zone"

[[cluster]]
name = "orders" # the first
engine = "postgres"
write = { name = "db-write.internal." }
probe = { user = "pointsman" }

# The good one.
[[cluster.server]]
name = "db1"
address = "10.0.0.1"

# And nothing but a cache.
[[cluster]]
name = "cache"
engine = "tcp"
write = { name = "cache.internal." }
server = [
    { name = "c1", address = "10.0.1.1", port = 6379 },
]
"#;

/// A folder with the file and its zone.
struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let zone = "@ 60 SOA ns host 1 60 30 3600 1\n@ 60 NS ns\nns 60 A 10.0.0.53\n";
        fs::write(folder.path().join("internal.zone"), zone).unwrap();
        fs::write(folder.path().join("pointsman.toml"), FILE).unwrap();
        Self(folder)
    }

    fn file(&self) -> PathBuf {
        self.0.path().join("pointsman.toml")
    }

    fn config(&self) -> Config {
        Config::load(&self.file()).unwrap_or_else(|error| panic!("{error}"))
    }
}

fn server(cluster: &str, name: &str, address: &str) -> AddedServer {
    let [cluster, name, address] = [cluster, name, address].map(str::to_owned);
    AddedServer { cluster, name, address, author: "anna".into(), found: None }
}

#[test]
fn an_added_server_is_read_as_if_it_were_in_the_file() {
    let folder = Folder::new();
    let config = folder.config();
    let added = [
        server("Orders", "db2", "10.0.0.2"),
        server("orders", "db3", "[fd00::3]:5433"),
        server("cache", "c2", "10.0.1.2:6379"),
    ];
    let with = config.with_added(&added).unwrap();
    let targets: Vec<_> = with
        .clusters
        .iter()
        .flat_map(|one| &one.servers)
        .map(|one| one.target.to_string())
        .collect();
    assert_eq!(
        targets,
        ["10.0.0.1:5432", "10.0.0.2:5432", "[fd00::3]:5433", "10.0.1.1:6379", "10.0.1.2:6379"]
    );
    assert_eq!((&*with.added, &with.text), (&added[..], &config.text));
    assert_eq!((with.in_the_file("DB2"), with.cluster_of("DB2")), (None, Some("orders")));
    assert_eq!(with.in_the_file("db1"), Some("orders"));
    // Without them it is the file again.
    assert_eq!(with.with_added(&[]).unwrap().clusters[0].servers.len(), 1);
}

#[test]
fn the_file_keeps_its_comments_and_its_order() {
    let folder = Folder::new();
    let added = [server("orders", "db2", "10.0.0.2"), server("cache", "c2", "10.0.1.2:6379")];
    let edited = folder.config().edited(&added).unwrap();
    let expected = FILE
        .replace(
            "\n# And nothing",
            "\n[[cluster.server]]\nname = \"db2\"\naddress = \"10.0.0.2\"\n\n# And nothing",
        )
        .replace(
            "port = 6379 },\n",
            "port = 6379 },\n    { name = \"c2\", address = \"10.0.1.2\", port = 6379 },\n",
        );
    assert_eq!(edited, expected);
}

#[test]
fn what_the_file_could_not_say_is_refused() {
    let folder = Folder::new();
    let config = folder.config();
    for (wish, why) in [
        (server("nobody", "db2", "10.0.0.2"), "there is no cluster `nobody`; known: orders, cache"),
        (server("orders", "DB1", "10.0.0.2"), "there is a server DB1 already, in orders"),
        (server("orders", "db2", "db2.example"), "\"db2.example\" is no published address"),
        (server("orders", "db2", "10.0.0.2:0"), "\"10.0.0.2:0\" is no published address"),
        (server("orders", "_db2", "10.0.0.2"), "begins with _"),
        (server("orders", "db2", "10.0.0.1"), "10.0.0.1"),
        (server("orders", "db2", "255.255.255.255"), "255.255.255.255"),
        (server("cache", "c2", "10.0.1.2"), "has no `port`"),
        (server("orders", "x\"\n[[cluster]]", "10.0.0.2"), "cannot be a label"),
    ] {
        let refused = config.with_added(std::slice::from_ref(&wish)).expect_err("a fault");
        assert!(refused.to_string().contains(why), "{wish:?}: {refused}");
        let Joined { config: with_nobody, refused } =
            config.clone().joined_by(std::slice::from_ref(&wish));
        assert!(refused[0].1.to_string().contains(why), "{wish:?}: {refused:?}");
        assert_eq!(shown(&with_nobody), shown(&config));
    }
}

/// The clusters as they are, secrets left out.
fn shown(config: &Config) -> String {
    format!("{:#?}\n{:#?}\n{}", config.clusters, config.added, config.text)
}

fn found(cluster: &str, name: &str, address: &str) -> AddedServer {
    let found = FoundServer {
        depth: 2,
        instance: Some("7:5432".into()),
        priority: Some(50),
        weight: Some(0),
    };
    AddedServer { found: Some(found), ..server(cluster, name, address) }
}

/// Files that need more than a line for a server, and servers that may join them.
fn files() -> Vec<(String, Vec<AddedServer>)> {
    let usual = vec![
        server("Orders", "db2", "10.0.0.2"),
        found("orders", "db3", "[fd00::3]:5433"),
        server("cache", "c2", "10.0.1.2:6379"),
        found("orders", "DB4", "10.0.0.1:5433"),
    ];
    let witnessed = FILE.replace(
        "probe = { user = \"pointsman\" }",
        "probe = { user = \"pointsman\", checks = [\"database\", \"http\"], http = { port = 80 } }",
    );
    // Nobody is asked itself, before one joins.
    let silent = FILE.replace("port = 6379 },", "port = 6379, checks = [\"http\"] },")
        + "probe = { checks = [\"database\", \"http\"], http = { port = 80 } }\n";
    let named = "# The good one.\n[[cluster.server]]\nname = \"db1\"\naddress = \"10.0.0.1\"\n\n";
    let nobody = "[cluster.discovery]\nsources = [\"file\"]\nnetworks = [\"10.0.0.0/8\"]\n\
                  [cluster.discovery.file]\npath = \"db.json\"\n";
    let empty = FILE.replace(named, nobody) + "\n[state]\ndirectory = \"state\"\n";
    let mut first = usual.clone();
    first.insert(0, server("orders", "db0", "10.0.0.9:5444"));
    [(FILE.to_owned(), usual.clone()), (witnessed, usual.clone()), (silent, usual), (empty, first)]
        .into()
}

#[test]
fn those_who_join_are_read_as_the_file_would_be_with_them() {
    for (text, added) in files() {
        let folder = Folder::new();
        fs::write(folder.file(), &text).unwrap();
        let config = folder.config();
        let read = config.with_added(&added).unwrap();
        let Joined { config: joined, refused } = config.clone().joined_by(&added);
        assert!(refused.is_empty(), "{refused:?}");
        assert_eq!(shown(&joined), shown(&read), "{text}");
        // One after another, and with another one over it.
        let mut alone = folder.config();
        for server in &added {
            alone = alone.joined_by(std::slice::from_ref(server)).config;
        }
        assert_eq!(shown(&alone), shown(&read), "{text}");
    }
}

#[test]
fn one_that_cannot_join_keeps_nobody_else_out() {
    let folder = Folder::new();
    let config = folder.config();
    // A join reads no file again: what is wrong there keeps nobody out, either.
    fs::write(folder.0.path().join("internal.zone"), "garbage").unwrap();
    let newcomers = [
        (server("orders", "db2", "10.0.0.2"), None),
        (server("orders", "DB2", "10.0.0.3"), Some("there is a server DB2 already, in orders")),
        (server("orders", "db3", "10.0.0.2"), Some("already published, by db2")),
        (server("orders", "_db3", "10.0.0.3"), Some("begins with _")),
        (server("orders", "db3", "10.0.0.2:5433"), None),
        (server("nobody", "db4", "10.0.0.4"), Some("there is no cluster `nobody`")),
        (server("cache", "c2", "10.0.1.2"), Some("has no `port`")),
        (server("cache", "c2", "10.0.1.2:6379"), None),
        (server("orders", "c1", "10.0.0.5"), Some("there is a server c1 already, in cache")),
        (server("orders", "db5", "224.0.0.1"), Some("it is a multicast address")),
    ];
    let all: Vec<_> = newcomers.iter().map(|(server, _)| server.clone()).collect();
    let Joined { config, refused } = config.joined_by(&all);
    let expected = newcomers.iter().zip(0..).filter_map(|((_, why), place)| Some((place, (*why)?)));
    let expected: Vec<_> = expected.collect();
    assert_eq!(refused.len(), expected.len(), "{refused:?}");
    for ((place, why), (refused, said)) in expected.iter().zip(&refused) {
        assert!(place == refused && said.to_string().contains(why), "{place} {why}: {said}");
    }
    let names: Vec<_> = config.added.iter().map(|server| server.name.as_str()).collect();
    assert_eq!(names, ["db2", "db3", "c2"]);
    let servers = |place: usize| config.clusters[place].servers.len();
    assert_eq!((servers(0), servers(1)), (3, 2));
}

#[test]
fn the_file_adopts_what_it_says_itself() {
    let folder = Folder::new();
    let added = [
        server("orders", "db1", "10.0.0.1"),
        server("gone", "g1", "10.0.9.1"),
        server("orders", "db2", "10.0.0.2"),
    ];
    let (kept, notes) = folder.config().still_added(&added);
    assert_eq!(kept, added[2..]);
    assert!(notes[0].ends_with("is in the file now"), "{notes:?}");
    assert!(notes[1].ends_with("leaves with its cluster"), "{notes:?}");
}

#[test]
fn the_file_is_replaced_as_a_whole_and_stays_what_it_is() {
    let folder = Folder::new();
    let link = folder.0.path().join("link.toml");
    std::os::unix::fs::symlink(folder.file(), &link).unwrap();
    fs::set_permissions(folder.file(), fs::Permissions::from_mode(0o640)).unwrap();
    let running = folder.config();
    // The file has changed meanwhile; that is kept, and told.
    fs::write(folder.file(), format!("# New.\n{FILE}")).unwrap();
    let added = [server("orders", "db2", "10.0.0.2")];
    let Edited { text, is_in_force, .. } = edited_file(&running, &added).unwrap();
    assert!(!is_in_force);
    assert!(text.starts_with("# New.\n# Ours.\n") && text.contains("\"db2\""), "{text}");
    replace_file(&link, &text).unwrap();
    assert_eq!(fs::read_to_string(folder.file()).unwrap(), text);
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(fs::metadata(folder.file()).unwrap().permissions().mode() & 0o777, 0o640);
    assert_eq!(fs::read_dir(folder.0.path()).unwrap().count(), 3, "nothing is left over");
    assert!(edited_file(&folder.config(), &[]).unwrap().is_in_force);
}

#[test]
fn the_first_server_of_a_cluster_stands_in_its_own_cluster() {
    let folder = Folder::new();
    let discovery = |path: &str| {
        format!(
            "[cluster.discovery]\nsources = [\"file\"]\nnetworks = [\"10.0.0.0/8\"]\n\n\
             [cluster.discovery.file]\npath = \"{path}\"\n\n"
        )
    };
    let named = "# The good one.\n[[cluster.server]]\nname = \"db1\"\naddress = \"10.0.0.1\"\n\n";
    let text =
        FILE.replace(named, &discovery("orders.json")) + "\n[state]\ndirectory = \"state\"\n";
    fs::write(folder.file(), &text).unwrap();
    let config = folder.config();
    assert_eq!(config.clusters[0].servers.len(), 0);
    let added = [server("orders", "db1", "10.0.0.1"), server("orders", "db2", "10.0.0.2:5433")];
    let with = config.with_added(&added).unwrap();
    let names: Vec<_> = with.clusters[0].servers.iter().map(|one| &*one.name).collect();
    assert_eq!(names, ["db1", "db2"]);
    assert_eq!(with.clusters[1].servers.len(), 1);
    // The same on one line.
    let inline = "[[zone]]\norigin = \"internal.\"\nfile = \"internal.zone\"\n\n[state]\n\
                  directory = \"state\"\n";
    let cluster = "cluster = [{ name = \"orders\", engine = \"postgres\", \
                   write = { name = \"w.internal.\" }, probe = { user = \"pointsman\" }, \
                   discovery = { sources = [\"patroni\"], networks = [\"10.0.0.0/8\"], \
                   patroni = { hosts = [\"10.0.0.4\"] } } }]\n";
    fs::write(folder.file(), format!("{cluster}{inline}")).unwrap();
    let with = folder.config().with_added(&added[..1]).unwrap();
    assert_eq!(with.clusters[0].servers.len(), 1);
}
