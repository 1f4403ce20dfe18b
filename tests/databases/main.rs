//! Pointsman against real database servers.
//!
//! Each test starts real servers on loopback addresses, runs the `pointsman` binary against them,
//! does to the servers what happens to servers, and watches the answers all the while. `tests/run`
//! installs what is needed; a server that is missing fails its test, because a skipped test proves
//! nothing.
//!
//! The stories are timing-sensitive and the machine may be small, so the tests take turns
//! ([`turn`]), and all stories of one engine run in one test on one cluster: each restores a
//! healthy cluster, not always with the same primary.
//!
//! `POINTSMAN_STORIES=4,8` runs only these stories of an engine's list, for work on one of them.

#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "the tests run in real time, and a story says where it is"
)]

mod accepted;
mod balance;
mod both;
mod console_stories;
mod dig;
mod empty_server;
mod galera_stories;
mod heartbeats;
mod kick;
mod kick_mysql;
mod kick_postgres;
mod mariadb_versions;
mod mysql_group_stories;
mod mysql_logins;
mod mysql_stories;
mod offline_mode;
mod patroni_stories;
mod pgbouncer;
mod postgres_stories;
mod postgres_versions;
mod readme;
mod refused_logins;
mod semi_sync;
mod session_settings;
mod smart_shutdown;
mod tcp_stories;
mod versions;

use std::sync::{Mutex, MutexGuard, PoisonError};

use pointsman_testbed::{
    account, dns_client, galera_cluster, listeners, mysql_cluster, mysql_flavour, mysql_group,
    mysql_programs, mysql_server, mysql_sessions, patience, patroni_cluster, pointsman, ports,
    postgres_cluster, postgres_programs, postgres_sessions, process, scene,
};

/// Whether a story of an engine's list is to run: all of them, unless `POINTSMAN_STORIES` names
/// some.
fn is_chosen(number: u32) -> bool {
    std::env::var("POINTSMAN_STORIES").map_or(true, |list| {
        let mut chosen = list.split(',').map(str::trim);
        chosen.any(|word| word.parse() == Ok(number))
    })
}

/// Waits until no other test of this binary runs. A test that failed does not stop the others.
fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}
