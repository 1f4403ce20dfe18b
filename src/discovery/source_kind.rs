//! Who names servers.

use std::fmt;

/// What a source is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SourceKind {
    /// What the members say of whom they follow, who follows them, and who is in their group.
    Replication,
    /// Patroni's REST API, `GET /cluster`.
    Patroni,
    /// A file in the form of Prometheus' `file_sd`.
    File,
    /// A URL in the form of Prometheus' `http_sd`.
    Http,
    /// A program that prints the form of `http_sd`.
    Command,
    /// SRV, A and AAAA records.
    Dns,
    /// `EndpointSlices` of Kubernetes.
    Kubernetes,
}

impl SourceKind {
    /// All kinds.
    pub const ALL: [Self; 7] = [
        Self::Replication,
        Self::Patroni,
        Self::File,
        Self::Http,
        Self::Command,
        Self::Dns,
        Self::Kubernetes,
    ];

    /// The word of the configuration, the API and the metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Replication => "replication",
            Self::Patroni => "patroni",
            Self::File => "file",
            Self::Http => "http",
            Self::Command => "command",
            Self::Dns => "dns",
            Self::Kubernetes => "kubernetes",
        }
    }
}

impl fmt::Display for SourceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
