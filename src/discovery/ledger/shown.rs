//! What is shown of finds and sources.

use std::time::Duration;

use crate::discovery::{FindState, SourceKind};

/// One find.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FindView {
    /// The name of a member, or what it may be called.
    pub name: Option<Box<str>>,
    /// Address and port, or host and port.
    pub at: Box<str>,
    /// Who names it.
    pub sources: Vec<SourceKind>,
    /// How far it has come, and why no further.
    pub state: FindState,
}

/// One source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceView {
    /// Which.
    pub source: SourceKind,
    /// How long ago it last said anything; `None` when it never did.
    pub age: Option<Duration>,
    /// What is wrong with what it said last.
    pub fault: Option<Box<str>>,
}
