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
mod companion;
mod contents;
mod layout;
mod lookup;
mod names;
mod next;
mod node;
mod question;
#[cfg(test)]
pub(crate) mod sample;
mod serial;
mod set;
mod table;
mod wire;
mod wire_index;
mod zone;

pub use build::{ClusterAnswers, build};
pub use companion::{ClusterListing, CompanionKind, Directory};
pub use contents::Copied;
pub use layout::Layout;
pub use lookup::{Answer, Outcome};
pub use names::{Balance, NameRole, PublishedServer, ServedName};
pub use node::PlacementError;
pub use question::{TextQuestion, TextSubject};
pub use serial::Serial;
pub use set::ServedSet;
pub use table::{AnswerTable, Note, WireSoa};
pub use wire::WireAnswer;
pub use zone::{Zone, ZoneFault};
