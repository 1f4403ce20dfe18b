//! The target `dns_query`: see the check that it runs.

#![no_main]

#[path = "../checks/dns_query.rs"]
mod dns_query;

libfuzzer_sys::fuzz_target!(|input: &[u8]| dns_query::check(input));
