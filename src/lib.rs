//! Pointsman: an authoritative DNS server for databases.
//!
//! ```text
//! probe tasks ──observations──▶ driver { engine } ──decisions──▶ answers::build ──▶ publish ──▶ dns
//! ```

pub mod answers;
pub mod config;
pub mod engine;
pub mod probe;
