//! The target `config_file`: see the check that it runs.

#![no_main]

#[path = "../checks/config_file.rs"]
mod config_file;

libfuzzer_sys::fuzz_target!(|input: &[u8]| config_file::check(input));
