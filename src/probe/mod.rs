//! The probes: one task per server asks it what it is and sends what it said.
//!
//! A probe judges nothing. It turns a reply into [`Facts`](crate::engine::Facts) and everything
//! else into a [`Failure`](crate::engine::Failure); what that means is the engine's business. Rules
//! that hold for each engine:
//!
//! - One deadline covers name resolution, connect, TLS, login and query.
//! - A probe never overlaps itself, and a server sees one connection (two for a moment at each
//!   renewal, and two on a primary with heartbeats).
//! - Between two probes the published writer of MySQL or MariaDB is asked for a glance: one variable
//!   that says whether it still takes writes.
//! - An odd or incomplete reply is a failure, never facts.
//! - No password reaches an error text, and no error text is longer than a line.

pub mod advice;
pub mod grants;
pub mod mysql;

mod crowd;
mod dial;
mod finding;
mod handshake;
mod jitter;
mod kept;
mod listener;
mod postgres;
mod prober;
mod rhythm;
mod run;
mod session;
mod sign;
mod socket;
mod target;
mod tcp;
mod tls;
mod trail;
mod trouble;
mod visit;
mod witness;
mod wording;

pub use crowd::Crowd;
pub use dial::Dial;
pub use finding::Finding;
pub use listener::{Heard, Listener};
pub use postgres::COLUMNS as POSTGRES_COLUMNS;
pub(crate) use postgres::FACTS as POSTGRES_FACTS;
pub use run::{Shown, introduced, once, run, show, stranger};
pub use sign::Sign;
pub use target::{Orders, Target};
pub use trail::{Leg, Step};
pub use trouble::Trouble;
pub use visit::{Row, Visit, VisitError};
pub use witness::{HttpClient, HttpLines, Names, WitnessTarget, watch};

/// How a test asks a server that it plays itself.
#[cfg(test)]
fn test_config(timeout: std::time::Duration) -> crate::config::ProbeConfig {
    use std::time::Duration;
    crate::config::ProbeConfig {
        user: "pointsman".into(),
        password: None,
        database: "postgres".into(),
        tls: crate::config::TlsMode::Disable,
        auth: crate::config::AuthConfig::default(),
        interval: Duration::from_secs(1),
        fast_interval: Duration::from_millis(250),
        candidate_interval: Duration::from_millis(15),
        timeout,
        heartbeat_write: false,
    }
}
