//! Pointsman against real database servers.
//!
//! Each test starts real servers on loopback addresses, runs the `pointsman` binary against them,
//! does to the servers what happens to servers, and watches the answers all the while. `tests/run`
//! installs what is needed; a server that is missing fails its test, because a skipped test proves
//! nothing.
//!
//! The stories are timing-sensitive and the machine may be small, so at most two are played at a time
//! ([`in_turn`]): they wait more than they work. All stories of one engine run in one test on one
//! cluster: each restores a healthy cluster, not always with the same primary.
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
mod discovering;
mod discovery;
mod discovery_first;
mod discovery_hostile;
mod discovery_killed;
mod discovery_reported;
mod discovery_rogues;
mod discovery_sources;
mod empty_server;
mod follow;
mod galera_replicas;
mod galera_split;
mod galera_stories;
mod heartbeats;
mod init;
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
mod postgres_versions;
mod readme;
mod refused_logins;
mod rehearse;
mod semi_sync;
mod session_settings;
mod smart_shutdown;
mod stories;
mod tasks;
mod tcp_stories;
mod versions;

use std::{
    io::{self, Write as _},
    sync::{
        Condvar, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use pointsman_testbed::{
    account,
    attempt::{at_most_twice, attempt},
    dns_client, fault_proxy, galera_cluster, group, listeners, log, mysql_cluster, mysql_flavour,
    mysql_group, mysql_programs, mysql_server, mysql_sessions, namespace, patience,
    patroni_cluster, pointsman, ports, postgres_cluster, postgres_programs, postgres_sessions,
    process, scene,
};

/// Lines that are said of a story that is played again.
const TOLD_LINES: usize = 12;

/// Whether a story of an engine's list is to run: all of them, unless `POINTSMAN_STORIES` names
/// some.
fn is_chosen(number: u32) -> bool {
    std::env::var("POINTSMAN_STORIES").map_or(true, |list| {
        let mut chosen = list.split(',').map(str::trim);
        chosen.any(|word| word.parse() == Ok(number))
    })
}

/// Stories of this binary that may fail once and be right when they are played again. More of them are
/// no accident.
const UNSTEADY_MAX: usize = 2;

/// Stories at a time.
const AT_A_TIME: usize = 2;

/// Plays a story when its turn comes. Where a busy machine may be why it failed, it is played once more,
/// from the beginning.
///
/// # Panics
/// When it sent writes astray, when it failed twice, and when too many stories failed once.
fn in_turn(story: impl Fn()) {
    static UNSTEADY: AtomicUsize = AtomicUsize::new(0);
    let _turn = Turn::take();
    let (first, result) = at_most_twice(|| attempt(&story));
    if let Some(words) = first {
        tell_all(&format!("failed, and was played again: {words}"));
        let before = UNSTEADY.fetch_add(1, Ordering::Relaxed);
        assert!(before < UNSTEADY_MAX, "one story too many that failed once: {words}");
    }
    if let Err(failure) = result {
        panic!("{failure}");
    }
}

/// A story's turn. Dropped, the next one's comes, also when the story failed.
struct Turn;

static PLAYING: Mutex<usize> = Mutex::new(0);
static NEXT: Condvar = Condvar::new();

impl Turn {
    fn take() -> Self {
        let playing = PLAYING.lock().unwrap_or_else(PoisonError::into_inner);
        let mut playing = NEXT
            .wait_while(playing, |playing| *playing >= AT_A_TIME)
            .unwrap_or_else(PoisonError::into_inner);
        *playing += 1;
        Self
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        *PLAYING.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
        NEXT.notify_one();
    }
}

/// Says who failed at first past the capture of the test harness: it is worth some lines in every run.
fn tell_all(words: &str) {
    let thread = thread::current();
    let story = thread.name().unwrap_or("a story");
    let first: Vec<_> = words.lines().take(TOLD_LINES).collect();
    writeln!(io::stdout(), "{story} {}", first.join("\n    ")).expect("somebody reads the output");
}
