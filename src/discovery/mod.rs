//! Discovery: servers that come and go by themselves.
//!
//! A **source** names servers that may belong to a cluster. Each is a [`Find`], and a source's
//! whole reply a [`SourceReply`]. Sources only add: what none of them names any more leaves by time
//! alone, and an empty or broken reply removes nothing. A find is not believed. It is examined, and
//! must prove its kinship to known members before anything is published of it; how far it has come
//! is its [`FindState`], always with a reason.
//!
//! This room is pure, as the engine is: it reads no clock, file or socket, and time is an argument.
//! Whoever asks a source over the network lives elsewhere and hands over a [`SourceReply`]. The source
//! `replication` needs nobody else: it reads what members say of themselves.

mod find;
mod find_state;
#[cfg(test)]
pub mod fixtures;
mod introduction;
mod kinship;
mod ledger;
mod member;
mod replication;
mod rules;
mod source_kind;
mod source_reply;

pub use find::{Find, FindHost, Labels, NameHint};
pub use find_state::{
    ExaminedReason, FindState, ForgottenReason, LeavingReason, Proof, SightedReason,
};
pub use introduction::{Follower, Introduction, Login};
pub use kinship::{Candidate, judge as judge_kinship};
pub use ledger::{
    Action, Binding, FindView, Ledger, Newcomer, Notice, Sighting, SourceView, Tombstone,
};
pub use member::{FoundMember, Member, Word};
pub use replication::{DEPTH_MAX, finds as replication_finds};
pub use rules::{AttributeRule, Attributes, Exclusion, Mode, Published, Rules, is_unpublishable};
pub use source_kind::SourceKind;
pub use source_reply::{FINDS_MAX, SourceReply};
