//! The Debian package: built of the programs that the tests use, installed on a copy of this system,
//! started as its unit would start it, and removed.
//!
//! Needs root, for the copy is an overlay (mount_namespaces(7)), and cargo-deb, which `tests/run`
//! installs into the target folder.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use pointsman_testbed::{account::run, binary};

#[test]
fn the_package_is_built_installed_started_and_removed() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let package = build(folder.path());
    let copy = folder.path().join("copy");
    fs::create_dir(&copy).expect("a folder can be made");
    let mut install = Command::new("unshare");
    install
        .args(["--mount", "--pid", "--fork", "--kill-child", "--net", "sh"])
        .arg(project("packaging/tests/install.sh"))
        .args([&package, &copy]);
    let told = run(&mut install);
    assert!(told.ends_with("install.sh: done\n"), "{told}");
}

/// Packs the programs that were built with this test.
fn build(output: &Path) -> PathBuf {
    let program = binary();
    let folder = program.parent().expect("a program is in a folder");
    let target = folder.parent().expect("the folder of a profile is in the target folder");
    let profile = match folder.file_name().and_then(|name| name.to_str()) {
        Some("debug") => "dev",
        Some(profile) => profile,
        None => panic!("{} is in no target folder", program.display()),
    };
    let mut build = Command::new(project("packaging/debian/build"));
    build
        .args(["--profile", profile, "--no-build", "--fast", "--strip", "--output"])
        .arg(output)
        .env("CARGO_TARGET_DIR", target);
    run(&mut build);
    let files = fs::read_dir(output).expect("it is there").flatten().map(|entry| entry.path());
    let packages: Vec<_> =
        files.filter(|path| path.extension().is_some_and(|kind| kind == "deb")).collect();
    match packages.as_slice() {
        [package] => package.clone(),
        _ => panic!("not one package but {packages:?}"),
    }
}

fn project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}
