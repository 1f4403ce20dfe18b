//! Real databases on loopback addresses, the `pointsman` binary in front of them, and clients that
//! miss no answer: the ground on which tests and benches stand.
//!
//! Everything here is a process, a socket or a file of its own; dropped, nothing of it is left.
//! What fails panics with what was seen, for nobody but a test calls it.

#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "databases run in real time, and a story says where it is"
)]

pub mod account;
pub mod attempt;
pub mod browser;
pub mod certificates;
mod data_template;
pub mod database;
pub mod disk;
pub mod distribution;
pub mod dns_client;
pub mod dns_exchange;
pub mod fault_proxy;
pub mod galera_cluster;
pub mod grants;
pub mod group;
pub mod http;
pub mod listeners;
pub mod log;
pub mod migration;
pub mod mysql_cluster;
pub mod mysql_flavour;
pub mod mysql_group;
pub mod mysql_programs;
pub mod mysql_server;
pub mod mysql_sessions;
pub mod namespace;
pub mod patience;
pub mod patroni_cluster;
pub mod pointsman;
pub mod ports;
pub mod postgres_cluster;
pub mod postgres_programs;
pub mod postgres_sessions;
pub mod process;
pub mod scene;
pub mod watcher;
pub mod wrong_clock;

use std::{env, path::PathBuf};

/// Cargo's folder for what is built, above the running test or bench.
///
/// # Panics
/// When there is none.
pub fn build_folder() -> PathBuf {
    let own = env::current_exe().expect("a running program has a file");
    // `target/debug/deps/` of tests, `target/release/` of benches that are programs.
    let folders = own.ancestors().skip(1).skip_while(|folder| folder.ends_with("deps"));
    let mut folders = folders.skip(1);
    folders.next().expect("cargo builds in a folder of its own").to_owned()
}

/// The `pointsman` binary under test: what `POINTSMAN_BINARY` names, else the one that cargo builds
/// beside the running test or bench.
///
/// # Panics
/// When there is none.
pub fn binary() -> PathBuf {
    if let Some(named) = env::var_os("POINTSMAN_BINARY") {
        return named.into();
    }
    let own = env::current_exe().expect("a running program has a file");
    let found = own.ancestors().skip(1).take(2).map(|folder| folder.join("pointsman"));
    let found = found.into_iter().find(|path| path.is_file());
    found.unwrap_or_else(|| panic!("no pointsman beside {}", own.display()))
}
