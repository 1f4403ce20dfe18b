//! Where a running Pointsman can be asked.

use std::net::SocketAddr;

use super::App;

impl App {
    /// The addresses on which DNS is answered, in the order of the configuration.
    pub fn local_addresses(&self) -> &[SocketAddr] {
        self.dns.local_addresses()
    }

    /// The address of the status page and the API, if they are served over TCP, with the port that was
    /// found for port 0.
    pub fn http_address(&self) -> Option<SocketAddr> {
        self.admin.as_ref()?.http()
    }
}
