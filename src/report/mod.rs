//! What is said of clusters beside their answers: the one place where places become names.
//!
//! ```text
//! engine ──▶ ClusterReport (by places, published) ──▶ ClusterView (by names) ──▶ dig, API, page, metrics
//!        ──▶ Event (by places) ─────────────────────▶ Change (by names) ───────▶ dig, chronicle, hooks, page
//! ```
//!
//! Everything stays typed here: states, reasons, times and durations become words where somebody
//! reads them. Reports are put into words when somebody asks: few do, and there are many clusters.
//!
//! Nothing here is secret: there are names, addresses, states, reasons and the words of failures,
//! which the probes have passed through their mask.

mod assessment;
mod change;
mod change_kind;
mod change_severity;
mod cluster;
mod dig;
mod discovery;
mod effect;
mod explain;
mod lines;
mod membership;
mod name;
mod named;
mod override_words;
mod probe;
mod promotion;
mod reports;
#[cfg(test)]
mod sample;
mod server;
mod sessions;
mod severity;
#[cfg(test)]
mod tests;
mod unknown;
mod view;
mod wording;
mod words;

pub use self::{
    change::{Change, Configuration, DropReason, Earlier, PublishTurn, SecondaryTurn, What},
    change_kind::ChangeKind,
    cluster::{ClusterReport, ServerReport, WitnessReport},
    dig::records,
    discovery::{DiscoveredServer, Discovery, DiscoveryReport, DiscoverySource, FindStanding},
    effect::{Danger, Effect, NameEffect},
    explain::{Candidate, Explanation, WhatIf},
    membership::{LeftOut, Membership, Why},
    name::{NameReason, NameView},
    override_words::OverrideWords,
    probe::{BrokenStep, Fact, ProbeStep, ProbeTrace, TracedStep},
    promotion::PromotionCandidate,
    reports::Reports,
    server::{ServerView, is_overdue, is_transient},
    sessions::{KickForecast, SessionGroup, SessionReport},
    severity::Severity,
    unknown::{Sought, Unknown},
    view::ClusterView,
    words::Words,
};
use crate::{engine, wall_time::WallTime};

/// An override by the names of the configuration and the wall clock.
pub type Override = engine::Override<Box<str>, WallTime>;

/// What an operator wishes, by the names of the configuration.
pub type Wish = engine::Wish<Box<str>>;

/// Which of a cluster's overrides, by the names of the configuration.
pub type WishKey = engine::WishKey<Box<str>>;
