//! The answer table: zones and decisions in, frozen answers out. Pure, like the engine.
//!
//! A table is everything needed to answer DNS for one generation. It is built, published and never changed.

mod names;
mod zone;

pub use names::{Balance, NameRole, PublishedServer, ServedName};
pub use zone::{Zone, ZoneFault};
