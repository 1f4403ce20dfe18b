//! A zone of 20,000 names: a change of one is small on the wire, and arrives.

use std::{net::IpAddr, process::Output, time::Instant};

use crate::{
    account::Account,
    patience,
    primary::{Primary, SECRET, Setup, WRITE, ZONE},
    secondary::{Kind, Secondary},
    story::{name, spread},
};

const NAMES: usize = 20_000;

/// What one change may take on the wire, in octets.
const CHANGE_OCTETS: usize = 1024;

#[test]
fn a_change_of_one_name_in_20_000_is_small() {
    let mut primary =
        Primary::new(Setup { number: 37, has_key: true, names: NAMES, ..Setup::default() });
    primary.start();
    let mut secondary = Secondary::start(Kind::Knot, &primary);
    let (mut ours, mut theirs) = (primary.client(), secondary.client());
    patience::until("the zone is copied", || {
        assert!(secondary.is_running(), "{}", secondary.log_tail());
        theirs.addresses(&name(WRITE)).is_some_and(|answer| !answer.addresses.is_empty())
    });
    let mut took = Vec::new();
    for server in [2, 3, 2, 3, 2] {
        let before = ours.serial(&name(ZONE));
        let expected = [IpAddr::from(primary.server(server))];
        primary.pin(server);
        patience::until("we say so", || {
            ours.addresses(&name(WRITE)).is_some_and(|answer| answer.addresses == expected)
        });
        let start = Instant::now();
        patience::until("the copy follows", || {
            theirs.addresses(&name(WRITE)).is_some_and(|answer| answer.addresses == expected)
        });
        took.push(start.elapsed());
        let octets = octets_since(&primary, before);
        assert!((1..=CHANGE_OCTETS).contains(&octets), "{octets} octets since {before}");
        println!("Knot: a change in {NAMES} names: {octets} octets of IXFR");
    }
    println!("Knot: a change in {NAMES} names took {}", spread(took));
}

/// How many octets kdig receives for what has changed since a serial.
fn octets_since(primary: &Primary, serial: u32) -> usize {
    let mut command = Account::current().command("kdig");
    command.args([&format!("@{}", primary.address().ip()), "+tcp", ZONE]);
    command.args(["-p", &primary.address().port().to_string(), &format!("IXFR={serial}")]);
    let Output { stdout, .. } = command
        .args(["-y", &format!("hmac-sha256:xfr.db.internal:{SECRET}")])
        .output()
        .expect("kdig runs");
    let text = String::from_utf8_lossy(&stdout);
    let received = text.lines().find_map(|line| line.strip_prefix(";; Received "));
    let octets = received.and_then(|rest| rest.split_whitespace().next());
    octets.and_then(|octets| octets.parse().ok()).unwrap_or_else(|| panic!("{text}"))
}
