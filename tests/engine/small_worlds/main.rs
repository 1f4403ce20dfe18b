//! Small worlds, played through exhaustively: every sequence of a few words of every server, every
//! order in which they may arrive, a decision after each, and then a stretch of stillness. In each
//! run the promises of `ledger.rs` are checked, and the ends of all orders are compared: two
//! instances that hear the same facts in another order say the same.
//!
//! ```text
//! cargo test --test small_worlds                                    all worlds but the large ones
//! SMALL_WORLDS=postgres-2 cargo test --test small_worlds            one world
//! SMALL_WORLDS=large cargo test --test small_worlds                 the large worlds (an hour)
//! SMALL_WORLDS=postgres-2 SMALL_WORLDS_STORY='x x P3, P2 P2 x' \
//!     cargo test --test small_worlds                                one tuple of stories, each order told
//! ```
//!
//! What fails is listed by classes (`class.rs`), each with its shortest story. All of them are told
//! in `target/tmp/small-worlds/WORLD.txt`. Which stories can happen is ruled in `feasible.rs`, what is
//! allowed to fail in `allowed.rs`.

extern crate pointsman_engine_tests as pointsman;

mod allowed;
mod class;
mod explore;
mod feasible;
mod judge;
mod ledger;
mod outcome;
mod report;
mod run;
mod toys;
mod word;
mod world;

use report::play;
use world::WORLDS;

/// One test for each product, so that the others are played when one fails.
#[test]
fn postgres_keeps_its_promises_in_small_worlds() {
    play("postgres");
}

#[test]
fn mariadb_keeps_its_promises_in_small_worlds() {
    play("mariadb");
}

#[test]
fn mysql_keeps_its_promises_in_small_worlds() {
    play("mysql");
}

#[test]
fn galera_keeps_its_promises_in_small_worlds() {
    play("galera");
}

#[test]
fn group_replication_keeps_its_promises_in_small_worlds() {
    play("group");
}

#[test]
fn every_world_is_played_by_one_of_these_tests() {
    let products = ["postgres", "mariadb", "mysql", "galera", "group"];
    for world in WORLDS {
        let playing = products.iter().filter(|product| world.name.starts_with(**product)).count();
        assert_eq!(playing, 1, "{}", world.name);
    }
}
