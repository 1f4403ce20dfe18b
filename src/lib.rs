//! Pointsman: an authoritative DNS server for databases.
//!
//! ```text
//! probe tasks ──observations──▶ driver { engine } ──decisions──▶ answers::build ──▶ publish ──▶ dns
//! ```

pub mod admin;
pub mod answers;
pub mod api;
pub mod app;
pub mod chronicle;
pub mod cli;
pub mod client_files;
pub mod clock;
pub mod config;
pub mod control;
pub mod demo;
pub mod descriptors;
pub mod discovery;
pub mod dns;
pub mod driver;
pub mod duration;
pub mod engine;
pub mod follow;
pub mod hooks;
pub mod inherited;
pub mod init;
pub mod metrics;
pub mod plain_text;
pub mod probe;
pub mod process_group;
pub mod publish;
pub mod push;
pub mod rehearsal;
pub mod report;
pub mod resolv_conf;
pub mod sessions;
pub mod sources;
pub mod state;
pub mod status;
pub mod telemetry;
pub mod threads;
pub mod transfer;
pub mod wall_time;
pub mod watchdog;
