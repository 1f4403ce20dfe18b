//! How a replica names the server that it gets its changes from.

/// Where a replica gets its changes from, as the replica names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Host name or address text.
    pub host: Box<str>,
    /// TCP port.
    pub port: u16,
}
