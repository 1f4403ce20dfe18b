//! A change in words.

/// A change in words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Words {
    /// What was before: a state, or servers with commas between.
    pub from: Option<String>,
    /// What is now.
    pub to: Option<String>,
    /// Why.
    pub reason: String,
    /// The words of the failure behind it; empty when there is none.
    pub detail: String,
}
