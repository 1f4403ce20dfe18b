//! How much something asks for attention.

/// How much.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Concern {
    /// All is well.
    None,
    /// It is so because somebody wants it.
    Wanted,
    /// Clients are served, and somebody should look.
    Look,
    /// Clients are not served as promised.
    Harm,
}
