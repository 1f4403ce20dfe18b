//! Pointsman behind real resolvers: unbound, BIND, dnsmasq, PowerDNS Recursor and Knot Resolver.
//!
//! Each test takes the snippets of its resolver out of `docs/RESOLVERS.md`, so what the document
//! says is what is tested. It runs the resolver with two `pointsman serve` behind it, all as child
//! processes on loopback addresses, with every file in a temporary directory, and follows the
//! answers that a client of the resolver gets ([`story`]).
//!
//! The root servers of these resolvers are an address that keeps silent, so nothing is asked of
//! the Internet; each resolver that can validate has the real trust anchor and is told to do so.
//! `tests/run` installs the resolvers; one that is missing fails its test.

#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "the tests run in real time, and a story says what it has measured"
)]

mod bind;
mod client;
mod dnsmasq;
mod document;
mod flush_hook;
mod flushed;
mod knot;
mod powerdns;
mod resolver;
mod site;
mod story;
mod unbound;

use pointsman_testbed::{account, dns_exchange, listeners, patience, ports, process};
