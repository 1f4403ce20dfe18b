//! The image: the Containerfile is built as it is, and the program runs as its user in a root that
//! has nothing else.
//!
//! buildah builds it without a network, which is to say without a registry and without crates: in the
//! place of the image with the compiler stands one of this system's tools, in which `cargo` hands over
//! the program that was built with this test (`compiler.sh`). Everything else of both stages is what
//! it always is. What the image would run is run by chroot(8), by the settings that buildah took from
//! the file. Needs root.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use pointsman_testbed::{account::run, binary, patience, process::ServerProcess};
use rustix::process::Signal;
use serde_json::Value;

/// The address of the shipped configuration, and one that no other test has.
const ADDRESSES: [&str; 2] = ["127.0.0.1:5300", "127.56.5.1:0"];

#[test]
fn the_containerfile_makes_an_image_with_the_program_and_nothing_else() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let packaging = Path::new(env!("CARGO_MANIFEST_DIR"));
    let buildah = Buildah { store: folder.path().join("store") };
    let base = folder.path().join("base");
    run(Command::new(packaging.join("tests/compiler.sh")).arg(binary()).arg(&base));
    buildah.build(&base.join("Containerfile"), &base, &["--tag", "localhost/compiler"]);
    // All of the source that the stand-in needs.
    let source = folder.path().join("source");
    let script = source.join("packaging/oci/collect");
    fs::create_dir_all(source.join("packaging/oci")).expect("a folder can be made");
    fs::copy(packaging.join("oci/collect"), script).expect("a file can be copied");
    let more = ["--build-arg", "RUST=localhost/compiler", "--tag", "localhost/pointsman"];
    buildah.build(&packaging.join("oci/Containerfile"), &source, &more);
    let (image, settings) = buildah.unpacked("localhost/pointsman");

    for tool in ["bin", "usr/bin/sh", "usr/bin/bash", "usr/bin/cargo"] {
        assert!(!image.join(tool).exists(), "{tool} is in the image");
    }
    let program = image.join("usr/bin/pointsman");
    let sections = run(Command::new("readelf").args(["--wide", "--sections"]).arg(program));
    assert!(!sections.contains(" .symtab ") && !sections.contains(" .debug_line "), "{sections}");
    assert_eq!(settings["User"], "65532:65532");
    assert_eq!(settings["StopSignal"], "SIGTERM");
    assert!(settings["ExposedPorts"]["5300/udp"].is_object(), "{settings}");
    let etc = image.join("etc/pointsman");
    let shipped = fs::read_to_string(packaging.join("pointsman.toml")).expect("a file");
    let config = shipped.replace(ADDRESSES[0], ADDRESSES[1]);
    assert_ne!(config, shipped, "the shipped configuration has another address now");
    fs::write(etc.join("pointsman.toml"), config).expect("a file can be written");

    let inside = |words: &[String]| {
        let mut command = Command::new("chroot");
        command.arg("--userspec=65532:65532").arg(&image).args(words);
        command
    };
    let program = words(&settings["Entrypoint"]);
    let with = |more: &[String]| inside(&[&program, more].concat());
    assert!(run(&mut with(&["--version".to_owned()])).starts_with("pointsman "));
    let log = folder.path().join("log");
    let service = ServerProcess::spawn(with(&words(&settings["Cmd"])), &log);
    patience::until("it answers", || {
        assert!(!service.has_ended(), "{}", service.log_tail());
        service.log_tail().contains("answering DNS by UDP and TCP")
    });
    let health = words(&settings["Healthcheck"]["Test"]);
    assert_eq!(health[0], "CMD");
    assert!(run(&mut inside(&health[1..])).contains("\"serial\":"), "it asks its own socket");
    assert!(service.end(Signal::TERM).success());
    let asked = inside(&health[1..]).output().expect("chroot can be started");
    assert!(!asked.status.success(), "nobody is there: {asked:?}");
    the_demo_runs_as_the_compose_file_has_it(&image, &folder.path().join("demo"));
}

/// In a network of its own, where `network_mode: host` is the loopback of this test.
fn the_demo_runs_as_the_compose_file_has_it(image: &Path, log: &Path) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("oci");
    let to_json = "import json, sys, yaml; print(json.dumps(yaml.safe_load(open(sys.argv[1]))))";
    let told = run(Command::new("python3").args(["-c", to_json]).arg(folder.join("compose.yml")));
    let file: Value = serde_json::from_str(&told).expect("JSON");
    let demo = &file["services"]["demo"];
    let context = folder.join(demo["build"]["context"].as_str().expect("a folder"));
    let containerfile = context.join(demo["build"]["dockerfile"].as_str().expect("a file"));
    assert!(containerfile.is_file(), "{demo}");
    assert_eq!(demo["network_mode"], "host");
    assert_eq!(demo["stop_signal"], "SIGINT");
    let words = words(&demo["command"]);
    let port = words.last().expect("the port is the last word");

    let mut command = Command::new("unshare");
    let start = "ip link set lo up; image=$1; shift; \
                 exec chroot --userspec=65532:65532 \"$image\" /usr/bin/pointsman \"$@\"";
    command.args(["--net", "sh", "-c", start, "sh"]).arg(image).args(&words);
    let service = ServerProcess::spawn(command, log);
    let pid = service.pid().as_raw_nonzero().to_string();
    patience::until("the demo answers", || {
        assert!(!service.has_ended(), "{}", service.log_tail());
        let mut ask = Command::new("nsenter");
        ask.args(["--net", "--target", &pid, "dig", "+short", "+time=1", "+tries=1", "@127.0.0.1"]);
        let told = ask.args(["-p", port, "write.db.internal", "A"]).output().expect("nsenter");
        String::from_utf8_lossy(&told.stdout).starts_with("127.0.10.")
    });
    assert!(service.end(Signal::INT).success());
}

fn words(list: &Value) -> Vec<String> {
    let words = list.as_array().unwrap_or_else(|| panic!("no list but {list}")).iter();
    words.map(|word| word.as_str().expect("a word").to_owned()).collect()
}

/// buildah with a store of its own.
struct Buildah {
    store: PathBuf,
}

impl Buildah {
    fn command(&self) -> Command {
        let mut command = Command::new("unshare");
        command.args(["--net", "buildah", "--storage-driver", "vfs", "--root"]);
        command.arg(self.store.join("root")).arg("--runroot").arg(self.store.join("run"));
        command
    }

    fn build(&self, file: &Path, context: &Path, more: &[&str]) {
        let mut build = self.command();
        // The format is that of the comment in the file: that of OCI has no place for a health check.
        build.args(["build", "--isolation", "chroot", "--pull-never", "--format", "docker"]);
        run(build.args(more).arg("--file").arg(file).arg(context));
    }

    /// The files of an image, and how it is to be run.
    fn unpacked(&self, image: &str) -> (PathBuf, Value) {
        let container = run(self.command().args(["from", "--pull-never", image]));
        let root = run(self.command().args(["mount", container.trim()]));
        let told = run(self.command().args(["inspect", "--type", "image", image]));
        let told: Value = serde_json::from_str(&told).expect("JSON");
        (root.trim().into(), told["Docker"]["config"].clone())
    }
}
