//! A server that joined while the service ran, and is not in the configuration file.

/// As whoever added it wrote it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AddedServer {
    /// The cluster that it joined.
    pub cluster: String,
    /// Its name, unique in the whole configuration.
    pub name: String,
    /// Its published address, as in `10.0.0.7`, `10.0.0.7:5432` or `[fd00::7]:5432`.
    pub address: String,
    /// Who added it. One line.
    pub author: String,
    /// What discovery knows of it; `None` for one that a person has added, who vouches for it.
    pub found: Option<FoundServer>,
}

/// What discovery knows of a server that it let in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FoundServer {
    /// How many links lay between it and a server that an operator vouches for. At least 1.
    pub depth: u8,
    /// Its own id, where it has one.
    pub instance: Option<Box<str>>,
    /// Its priority, if a rule gave it one.
    pub priority: Option<u32>,
    /// Its weight, if a rule gave it one.
    pub weight: Option<u32>,
}
