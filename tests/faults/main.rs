//! The fault matrix: everything that may befall a database and its monitor, in a steady state, during a
//! failover, and when Pointsman starts, on a real PostgreSQL primary with two standbys and on real
//! MariaDB and MySQL primaries with two GTID replicas.
//!
//! The rows are in `rows/`, one file per theme; a row says in data what must be answered. Every
//! answer given meanwhile is watched. The engines go through their rows side by side, each on
//! servers that are started once and mended after each row; those about networks and clocks have
//! servers and a network of their own, and the others of MySQL, which takes longest to start and to
//! stop, have two sets of servers. Pointsman is started anew for each row.
//!
//! `POINTSMAN_FAULTS=name,name` plays only these rows, `POINTSMAN_ENGINES=mysql,mariadb` only on these
//! engines. `docs/FAULTS.md` has the table of all of them;
//! `UPDATE_FAULTS=1` writes it anew.

#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "the tests run in real time, and a row says where it is"
)]

mod document;
mod long;
mod play;
mod row;
mod rows;
mod stage;
mod track;
mod watch;

use std::{
    io::{self, Write as _},
    net::Ipv4Addr,
    thread,
};

use pointsman_testbed::{disk, group::Kind};
use row::Row;
use track::Tally;

const POSTGRES: [Ipv4Addr; 3] =
    [Ipv4Addr::new(127, 41, 1, 1), Ipv4Addr::new(127, 41, 1, 2), Ipv4Addr::new(127, 41, 1, 3)];
const MARIADB: [Ipv4Addr; 3] =
    [Ipv4Addr::new(127, 41, 2, 1), Ipv4Addr::new(127, 41, 2, 2), Ipv4Addr::new(127, 41, 2, 3)];
const MYSQL: [Ipv4Addr; 3] =
    [Ipv4Addr::new(127, 41, 3, 1), Ipv4Addr::new(127, 41, 3, 2), Ipv4Addr::new(127, 41, 3, 3)];
const MORE_MYSQL: [Ipv4Addr; 3] =
    [Ipv4Addr::new(127, 41, 4, 1), Ipv4Addr::new(127, 41, 4, 2), Ipv4Addr::new(127, 41, 4, 3)];

const ENGINES: &str = "POINTSMAN_ENGINES";

/// Lines that the sum says of what went wrong in a row; the failure of the test says all of them.
const TOLD_LINES: usize = 12;

/// One row of so many may fail once and be right when it is played again: a busy machine may be why. More
/// of them are no accident.
const ONE_OF: usize = 20;

#[test]
fn no_fault_fools_it() {
    let tracks = [
        (Kind::Postgres, POSTGRES, rows::of_servers(), false),
        (Kind::MariaDb, MARIADB, rows::of_servers(), false),
        (Kind::MySql, MYSQL, every_second_of_mysql(0), false),
        (Kind::MySql, MORE_MYSQL, every_second_of_mysql(1), false),
        (Kind::Postgres, POSTGRES, rows::of_networks(), true),
        (Kind::MariaDb, MARIADB, rows::of_networks(), true),
        (Kind::MySql, MYSQL, rows::of_networks(), true),
    ]
    .into_iter()
    .filter(|(kind, ..)| is_chosen(*kind))
    .map(|(kind, addresses, rows, networked)| {
        let rows = chosen(rows);
        thread::spawn(move || {
            disk::enter_private_mounts();
            track::run(kind, addresses, &rows, networked)
        })
    })
    .collect::<Vec<_>>(); // They begin here, all of them.
    let list = std::env::var("POINTSMAN_FAULTS").ok();
    let long = long::is_chosen(list.as_deref()) && std::env::var_os(ENGINES).is_none();
    let long = long.then(|| thread::spawn(long::run));
    let mut total = Tally::default();
    for track in tracks.into_iter().chain(long) {
        total.add(track.join().expect("a track ends by itself"));
    }
    // Past the capture of the test harness: the sum is worth a line in every run.
    let told = total.unready.iter().chain(&total.unsteady).chain(&total.failed);
    let told = told.flat_map(|words| words.lines().take(TOLD_LINES));
    let told: String = told.map(|line| format!("    {line}\n")).collect();
    write!(io::stdout(), "fault matrix: {total}\n{told}").expect("somebody reads the output");
    assert!(total.failed.is_empty(), "{}", total.failed.join("\n\n"));
    let unsteady = total.unsteady.len();
    let most = total.rows.div_ceil(ONE_OF);
    assert!(unsteady <= most, "{unsteady} rows failed at first: that is no accident");
    assert!(total.rows > 0, "POINTSMAN_FAULTS names no row");
    assert_eq!(total.false_moves, 0, "false moves of the write name");
}

/// What befalls servers, on MySQL: every second row from the one with this number on.
fn every_second_of_mysql(first: usize) -> Vec<Row> {
    let rows = rows::of_servers().into_iter();
    rows.filter(|row| row.kinds.contains(&Kind::MySql)).skip(first).step_by(2).collect()
}

/// Whether rows are to be played on this engine: on all of them, unless the variable names some.
fn is_chosen(kind: Kind) -> bool {
    std::env::var(ENGINES).map_or(true, |list| {
        list.split(',').any(|name| name.trim().eq_ignore_ascii_case(kind.title()))
    })
}

/// Those of `all` that are to be played: all of them, unless `POINTSMAN_FAULTS` names some.
fn chosen(all: Vec<Row>) -> Vec<Row> {
    match std::env::var("POINTSMAN_FAULTS") {
        Err(_) => all,
        Ok(list) => {
            let is_named = |row: &Row| list.split(',').any(|name| name.trim() == row.name);
            all.into_iter().filter(is_named).collect()
        }
    }
}
