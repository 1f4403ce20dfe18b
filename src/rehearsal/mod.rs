//! `pointsman rehearse`: watches a switchover that somebody else does, and tells what applications
//! would have felt.
//!
//! ```text
//! service, resolvers, sessions ──what was seen──▶ Record ──▶ Findings ──▶ Markdown, JSON, exit code
//! ```
//!
//! `Record`, `Findings` and `Verdict` are pure: they read no clock, open no socket and await nothing. All
//! else here asks. It promotes nobody and changes nothing but a table of its own, where it was given
//! one.

mod attempts;
mod beat;
mod findings;
mod login;
mod markdown;
mod record;
mod run;
mod table;
mod verdict;
mod watch;
mod wording;

pub use self::{
    beat::TableError,
    findings::{End, Findings},
    login::{Credentials, LoginError},
    run::{RehearsalError, Settings, run},
};
