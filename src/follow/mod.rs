//! `pointsman follow`: an agent on the hosts of applications that ends their connections to a server
//! that has lost a name.
//!
//! ```text
//! lookup ──what was answered──▶ Follower ──which connections, and why──▶ sockets
//! sockets ──which connections there are──▶ │                           caches, hooks
//! ```
//!
//! `Follower` decides. It is pure: it reads no clock, opens no socket and awaits nothing. All else
//! here asks and carries out. Whatever it is not sure of, it leaves alone: docs/FOLLOW.md.

mod agent;
mod caches;
mod connection;
mod follower;
mod heard;
mod hook;
mod limits;
mod lookup;
mod name_watch;
mod owners;
mod reason;
mod report;
mod sockets;

pub use self::{
    agent::{FollowError, Settings, run},
    heard::Port,
    limits::Limits,
    lookup::Question,
    owners::{cgroups, database_accounts, user},
    reason::{Action, CutReason, Rules},
    report::{AskError, FollowReport, ask},
};
