//! The engine alone, without a socket or a clock: stories as text files, and seeded random stories
//! by the thousand.

mod galera;
mod operators;
mod promises;
mod scenarios;
mod simulation;
mod witnesses;
mod world;
