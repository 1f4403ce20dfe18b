//! The packages: built of the programs that the tests use, read, installed, operated and removed.
//!
//! Needs root, for a copy of this system is an overlay (mount_namespaces(7)); a kernel that gives a
//! cgroup2 file system to whoever asks, for systemd is PID 1 of that copy; cargo-deb and rpmbuild,
//! which `tests/run` installs. `packaging/check-release` does the same with what a release has.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

use pointsman_testbed::{account::run, binary};

#[test]
fn the_debian_package_is_installed_started_and_removed_without_systemd() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let copy = folder.path().join("copy");
    fs::create_dir(&copy).expect("a folder can be made");
    let mut install = Command::new("unshare");
    install
        .args(["--mount", "--pid", "--fork", "--kill-child", "--net", "sh"])
        .arg(packaging("tests/install.sh"))
        .args([&packages().deb, &copy]);
    let told = run(&mut install);
    assert!(told.ends_with("install.sh: done\n"), "{told}");
}

#[test]
fn the_packages_are_operated_where_systemd_is_pid_1() {
    let shared = tempfile::tempdir().expect("a temporary folder");
    let mut operate = Command::new(packaging("tests/operate"));
    let Packages { deb, rpm, tarball } = packages();
    run(operate.arg(shared.path()).arg("/").args([deb, rpm, tarball]));
    let log = fs::read_to_string(shared.path().join("log")).expect("it says what it does");
    assert!(log.ends_with("operate.sh: done\n"), "{log}");
}

#[test]
fn the_tarball_has_the_program_and_all_that_belongs_to_it() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let tarball = &packages().tarball;
    run(Command::new("tar").arg("-xzf").arg(tarball).arg("-C").arg(folder.path()));
    let name = file_name(tarball);
    let root = folder.path().join(name.trim_end_matches(".tar.gz"));
    for file in [
        "LICENSE-APACHE",
        "LICENSE-MIT",
        "CHANGELOG.md",
        "docs/OPERATING.md",
        "docs/decisions/README.md",
        "config/minimal.toml",
        "zones/db.internal.zone",
        "packaging/systemd/pointsman-follow.service",
        "packaging/systemd/pointsman.service",
        "packaging/systemd/pointsman.socket",
        "packaging/systemd/sysusers.d/pointsman.conf",
        "packaging/hooks/chat",
        "packaging/prometheus/alerts.yml",
        "packaging/grafana/dashboard.json",
        "man/pointsman.1",
        "completions/_pointsman",
    ] {
        assert!(root.join(file).is_file(), "{file} is missing");
    }
    let program = root.join("pointsman");
    assert!(run(Command::new(&program).arg("--version")).starts_with("pointsman "));
    let config = root.join("pointsman.toml");
    run(Command::new(&program).args(["check-config", "--no-secrets"]).arg(config));
    let sections = run(Command::new("readelf").args(["--wide", "--sections"]).arg(&program));
    assert!(sections.contains(" .text "), "{sections}");
    for stripped in [" .symtab ", " .debug_line "] {
        assert!(!sections.contains(stripped), "{stripped} is in the program: {sections}");
    }
    let mut sum = Command::new("sha256sum");
    let folder = tarball.parent().expect("a file is in a folder");
    run(sum.arg("--check").arg(format!("{name}.sha256")).current_dir(folder));
}

#[test]
fn the_package_for_rpm_has_what_the_debian_package_has() {
    let deb = run(Command::new("dpkg-deb").arg("--contents").arg(&packages().deb));
    let files = deb.lines().filter(|line| line.starts_with('-'));
    let deb = in_both(files.filter_map(|line| line.split_whitespace().nth(5)?.strip_prefix('.')));
    let format = "[%{FILEMODES:perms} %{FILENAMES}\n]";
    let rpm = run(Command::new("rpm").args(["-qp", "--qf", format]).arg(&packages().rpm));
    let files = rpm.lines().filter(|line| line.starts_with('-'));
    let rpm = in_both(files.filter_map(|line| line.split_whitespace().nth(1)));
    assert!(deb.len() > 50, "{deb:?}");
    assert_eq!(deb, rpm);
}

/// What both have: licences are where each wants them, and so are completions of zsh, the units and
/// what is compressed.
fn in_both<'a>(files: impl Iterator<Item = &'a str>) -> BTreeSet<String> {
    let licences = ["/copyright", "/LICENSE"];
    let files = files.filter(|path| !licences.iter().any(|part| path.contains(part)));
    let common = files.map(|path| {
        let path = path.replace("zsh/vendor-completions", "zsh/site-functions");
        let path = if path.starts_with("/lib/") { format!("/usr{path}") } else { path };
        path.strip_suffix(".gz").unwrap_or(&path).to_owned()
    });
    common.collect()
}

/// One of each kind.
struct Packages {
    deb: PathBuf,
    rpm: PathBuf,
    tarball: PathBuf,
}

/// The packages, which are built once.
fn packages() -> &'static Packages {
    static PACKAGES: OnceLock<Packages> = OnceLock::new();
    PACKAGES.get_or_init(|| {
        let output = Path::new(env!("CARGO_TARGET_TMPDIR")).join("packages");
        // What an earlier run has left.
        _ = fs::remove_dir_all(&output);
        build(&output);
        let only = |end: &str| {
            let files = fs::read_dir(&output).expect("it is there").flatten();
            let files: Vec<_> = files
                .map(|file| file.path())
                .filter(|path| file_name(path).ends_with(end))
                .collect();
            match files.as_slice() {
                [file] => file.clone(),
                _ => panic!("not one {end} but {files:?}"),
            }
        };
        Packages { deb: only(".deb"), rpm: only(".rpm"), tarball: only(".tar.gz") }
    })
}

/// Packs the programs that were built with this test.
fn build(output: &Path) {
    let program = binary();
    let folder = program.parent().expect("a program is in a folder");
    let target = folder.parent().expect("the folder of a profile is in the target folder");
    let profile = match folder.file_name().and_then(|name| name.to_str()) {
        Some("debug") => "dev",
        Some(profile) => profile,
        None => panic!("{} is in no target folder", program.display()),
    };
    let mut build = Command::new(packaging("build"));
    build
        .args(["deb", "rpm", "tarball", "--profile", profile, "--no-build", "--fast", "--output"])
        .arg(output)
        .env("CARGO_TARGET_DIR", target);
    run(&mut build);
}

fn file_name(path: &Path) -> &str {
    path.file_name().and_then(|name| name.to_str()).expect("names are ours")
}

fn packaging(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}
