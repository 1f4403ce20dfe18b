//! The engine alone, without a socket or a clock: stories as text files, and seeded random stories
//! by the thousand.

extern crate pointsman_engine_tests as pointsman;

mod excused;
mod galera;
mod operators;
mod overridden;
mod promises;
mod questions;
mod reconfigured;
mod restarts;
mod scenarios;
mod simulation;
mod stories;
mod witnesses;
mod world;
