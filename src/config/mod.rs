//! The configuration: a TOML file in, checked and immutable settings out, one part per component.

mod probe;
mod secret;

pub use probe::{ProbeConfig, ProbeTarget, TargetHost, TlsMode};
pub use secret::Secret;
