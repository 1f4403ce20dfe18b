//! The probes: what each server says of itself, asked over its own protocol.

pub mod mysql;
