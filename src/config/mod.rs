//! The configuration: a TOML file in, checked and immutable settings out, one part per component.

mod dns;
mod probe;
mod secret;

pub use dns::DnsConfig;
pub use probe::{ProbeConfig, ProbeTarget, TargetHost, TlsMode};
pub use secret::Secret;
