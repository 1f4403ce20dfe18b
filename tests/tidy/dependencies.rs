//! What the dependencies ask for.

use std::{env, process::Command};

use serde_json::Value;

/// A version of Rust: `1.89` and `1.89.0` are one.
fn version(text: &str) -> Vec<u32> {
    let mut parts: Vec<_> = text.split('.').map(|part| part.parse().expect("a number")).collect();
    parts.resize(3, 0);
    parts
}

/// The platform that this compiler builds for.
fn host() -> String {
    let rustc = env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
    let output = Command::new(rustc).arg("-vV").output().expect("rustc runs");
    let text = String::from_utf8(output.stdout).expect("text");
    let line = text.lines().find_map(|line| line.strip_prefix("host: "));
    line.expect("rustc names its host").to_owned()
}

#[test]
fn the_declared_rust_version_is_enough_for_every_dependency() {
    let cargo = env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    // Other platforms' crates are not on a machine that has only built for itself.
    let output = Command::new(cargo)
        .args(["metadata", "--format-version", "1", "--locked", "--offline"])
        .args(["--filter-platform", &host()])
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let packages = metadata["packages"].as_array().expect("a list");
    let asks = |package: &Value| package["rust_version"].as_str().map(version);
    let ours = packages.iter().find(|package| package["name"] == "pointsman");
    let declared = ours.and_then(asks).expect("Cargo.toml declares a rust-version");
    let newer: Vec<_> = packages
        .iter()
        .filter(|package| asks(package).is_some_and(|asked| asked > declared))
        .map(|package| format!("{} asks for {}", package["name"], package["rust_version"]))
        .collect();
    assert!(newer.is_empty(), "rust-version in Cargo.toml is too low: {newer:?}");
}
