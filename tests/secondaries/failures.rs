//! What goes wrong between us and a secondary, and what is told of it.

use std::{
    net::IpAddr,
    time::{Duration, Instant},
};

use hickory_proto::op::ResponseCode;
use pointsman_testbed::wrong_clock::WrongClock;

use crate::{
    dns_client::DnsClient,
    patience,
    primary::{Primary, SECRET, Setup, WRITE},
    secondary::{Kind, Secondary},
    story::name,
};

/// Another secret, as long.
const OTHER: &str = "YW5vdGhlciBzZWNyZXQgb2YgdGhlIHNhbWUgbGVuZ3Q=";

fn started(setup: Setup) -> Primary {
    let mut primary = Primary::new(setup);
    primary.start();
    primary
}

fn says(client: &mut DnsClient, primary: &Primary, server: u8) -> bool {
    let answer = client.addresses(&name(WRITE));
    answer.is_some_and(|answer| answer.addresses == [IpAddr::from(primary.server(server))])
}

/// Waits until `status` says `words`.
fn told(primary: &Primary, words: &str) {
    let mut status = String::new();
    let found = patience::poll(patience::PATIENCE, || {
        status = primary.status();
        status.contains(words).then_some(())
    });
    assert!(found.is_some(), "nothing of “{words}” in\n{status}");
}

/// A secondary that no NOTIFY reaches looks by itself, within REFRESH and what its own clock rounds.
fn finds_changes_without_notify(kind: Kind, number: u8, has_key: bool) {
    let setup = Setup { number, has_key, loses_notify: true, ..Setup::default() };
    let primary = started(setup);
    let secondary = Secondary::start(kind, &primary);
    let mut client = secondary.client();
    patience::until("the zone is copied", || says(&mut client, &primary, 1));
    for server in [2, 3, 1] {
        primary.pin(server);
        let start = Instant::now();
        patience::until("a change is found", || says(&mut client, &primary, server));
        println!("{kind:?}: found a change after {:?}, REFRESH is 1 s", start.elapsed());
    }
    told(&primary, "does not answer");
}

#[test]
fn nsd_finds_changes_without_notify() {
    finds_changes_without_notify(Kind::Nsd, 14, true);
}

#[test]
fn knot_finds_changes_without_notify() {
    finds_changes_without_notify(Kind::Knot, 15, true);
}

#[test]
fn bind_finds_changes_without_notify() {
    finds_changes_without_notify(Kind::Bind, 16, true);
}

#[test]
fn powerdns_finds_changes_without_notify() {
    finds_changes_without_notify(Kind::PowerDns, 17, true);
}

#[test]
fn unbound_finds_changes_without_notify() {
    finds_changes_without_notify(Kind::Unbound, 18, false);
}

/// A secondary whose clock is wrong by more than the fudge is told by name; right again, it follows.
#[test]
fn a_wrong_clock_is_told() {
    let primary = started(Setup { number: 19, has_key: true, ..Setup::default() });
    let clock = WrongClock::right();
    clock.turn(3_600);
    let same = |settings| settings;
    let secondary = Secondary::start_as(Kind::Knot, &primary, same, &clock.environment());
    told(&primary, "the secondary ns3");
    told(&primary, "BADTIME");
    let mut client = secondary.client();
    assert!(!says(&mut client, &primary, 1));
    clock.turn(0);
    patience::until("it follows again", || says(&mut client, &primary, 1));
}

/// A secondary that is not there harms nobody, is told, and has the zone when it comes.
#[test]
fn a_secondary_that_is_away_is_told() {
    let primary = started(Setup { number: 20, has_key: true, ..Setup::default() });
    told(&primary, "does not answer");
    let mut ours = primary.client();
    for server in [2, 3] {
        primary.pin(server);
        patience::until("we say so", || says(&mut ours, &primary, server));
    }
    let secondary = Secondary::start(Kind::Nsd, &primary);
    let mut client = secondary.client();
    patience::until("it has the zone", || says(&mut client, &primary, 3));
}

/// A secondary with another secret gets nothing; it is told what does not fit.
#[test]
fn a_wrong_secret_is_told() {
    let primary = started(Setup { number: 21, has_key: true, ..Setup::default() });
    let wrong = |settings: String| settings.replace(SECRET, OTHER);
    let secondary = Secondary::start_as(Kind::Bind, &primary, wrong, &[]);
    told(&primary, "has another secret for our key (BADSIG)");
    let mut client = secondary.client();
    let answer = client.addresses(&name(WRITE)).expect("it answers");
    assert_eq!(answer.code, ResponseCode::ServFail, "{answer}");
    assert!(answer.addresses.is_empty(), "{answer}");
}

/// A secondary whose requests name another key is told of it.
#[test]
fn a_wrong_key_is_told() {
    let primary = started(Setup { number: 22, has_key: true, ..Setup::default() });
    let wrong = |settings: String| settings.replace("xfr.db.internal", "other.db.internal");
    let secondary = Secondary::start_as(Kind::Nsd, &primary, wrong, &[]);
    told(&primary, "the secondary ns3");
    told(&primary, "(BADKEY)");
    let mut client = secondary.client();
    let deadline = Instant::now() + Duration::from_secs(2);
    while Instant::now() < deadline {
        assert!(!says(&mut client, &primary, 1));
    }
}
