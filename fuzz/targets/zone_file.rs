//! The target `zone_file`: see the check that it runs.

#![no_main]

#[path = "../checks/zone_file.rs"]
mod zone_file;

libfuzzer_sys::fuzz_target!(|input: &[u8]| zone_file::check(input));
