//! A server that joined while the service ran, and is not in the configuration file.

/// As whoever added it wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddedServer {
    /// The cluster that it joined.
    pub cluster: String,
    /// Its name, unique in the whole configuration.
    pub name: String,
    /// Its published address, as in `10.0.0.7`, `10.0.0.7:5432` or `[fd00::7]:5432`.
    pub address: String,
    /// Who added it. One line.
    pub author: String,
}
