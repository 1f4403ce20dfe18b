//! The answer table: zones and decisions in, frozen answers out. Pure, like the engine.
//!
//! A table is everything needed to answer DNS for one generation. It is built, published and never
//! changed.
//!
//! ```text
//! zones, served names ──▶ Layout ─┐
//!             decisions ──────────┴─▶ build ──▶ AnswerTable ──lookup──▶ Answer ──draw──▶ records
//! ```

mod balance;
mod build;
mod layout;
mod lookup;
mod names;
#[cfg(test)]
mod sample;
mod serial;
mod table;
mod zone;

pub use build::{ClusterAnswers, build};
pub use layout::{Layout, PlacementError};
pub use lookup::{Answer, Outcome};
pub use names::{Balance, NameRole, PublishedServer, ServedName};
pub use serial::Serial;
pub use table::{AnswerTable, Note, ServedSet};
pub use zone::{Zone, ZoneFault};
