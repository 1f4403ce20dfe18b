//! Pointsman: an authoritative DNS server for databases.
//!
//! ```text
//! probe tasks ──observations──▶ driver { engine } ──decisions──▶ answers::build ──▶ publish ──▶ dns
//! ```

pub mod answers;
pub mod cli;
pub mod config;
pub mod dns;
pub mod engine;
pub mod probe;
pub mod publish;
