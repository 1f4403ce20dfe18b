//! The target `state_file`: see the check that it runs.

#![no_main]

#[path = "../checks/state_file.rs"]
mod state_file;

libfuzzer_sys::fuzz_target!(|input: &[u8]| state_file::check(input));
