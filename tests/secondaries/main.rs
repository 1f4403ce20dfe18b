//! Pointsman behind stock secondaries: NSD, Knot DNS, BIND, PowerDNS and unbound of Debian 12.
//!
//! Each test prints the settings of its server with `pointsman secondary-config`, runs the server with them on
//! loopback, and follows its answers through changes of the write name, the loss of Pointsman and its return. A
//! story says how long each change took; nothing but a deadline is demanded of that, for the machine may be in
//! use. `tests/bench/secondaries/run` measures.

#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "the tests run in real time, and a story says what it has measured"
)]

mod catalog;
mod clients;
mod document;
mod failures;
mod large;
mod primary;
mod publish_hook;
mod push;
mod secondary;
mod signed;
mod story;

use pointsman_testbed::{account, dns_client, listeners, patience, ports, process};

use crate::{
    secondary::Kind,
    story::{Trial, tell},
};

#[test]
fn nsd() {
    tell(Trial { kind: Kind::Nsd, number: 1, has_key: true, encrypted: false, expires: true });
}

#[test]
fn knot() {
    tell(Trial { kind: Kind::Knot, number: 2, has_key: true, encrypted: false, expires: true });
}

#[test]
fn bind() {
    tell(Trial { kind: Kind::Bind, number: 3, has_key: true, encrypted: false, expires: true });
}

#[test]
fn powerdns() {
    tell(Trial {
        kind: Kind::PowerDns,
        number: 4,
        has_key: true,
        encrypted: false,
        expires: false,
    });
}

#[test]
fn unbound() {
    tell(Trial { kind: Kind::Unbound, number: 5, has_key: false, encrypted: false, expires: true });
}

/// Over TLS, as RFC 9103 has it.
mod over_tls {
    use super::{Kind, Trial, tell};

    fn trial(kind: Kind, number: u8) -> Trial {
        Trial { kind, number, has_key: true, encrypted: true, expires: true }
    }

    #[test]
    fn nsd() {
        tell(trial(Kind::Nsd, 9));
    }

    #[test]
    fn bind() {
        tell(trial(Kind::Bind, 10));
    }
}
