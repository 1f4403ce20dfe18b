//! The status page in a real browser, and the metrics in a real Prometheus: on the binary.
//!
//! Chromium, Prometheus and axe-core are installed by `tests/run`. Screenshots are left in
//! `target/page/` to be looked at.

mod alerts;
mod prometheus;
#[expect(clippy::disallowed_methods, reason = "the programs under test have real time only")]
mod scene;
mod shown;
