//! The demo.

mod cluster;
mod reply;
mod server;
mod stage;

pub use stage::{PASSWORD, Stage, StageError};
