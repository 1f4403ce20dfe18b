//! The least-privilege SQL for the probe's user, as `pointsman grants` prints it.

mod postgres;

pub use postgres::postgres;
