//! Who is told of changes (`[[hook]]`).

use std::{path::PathBuf, time::Duration};

use super::{ProbeTarget, Secret, TlsMode};
use crate::report::{Change, ChangeKind};

/// One hook: which changes, and what to do about each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HookConfig {
    /// Its name, unique among the hooks.
    pub name: Box<str>,
    /// The kinds of changes; at least one.
    pub events: Vec<ChangeKind>,
    /// The clusters whose changes they are; all if it is empty.
    pub clusters: Vec<Box<str>>,
    /// What is done.
    pub action: HookAction,
    /// How long one attempt may take. 10 s by default.
    pub timeout: Duration,
}

/// What a hook does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HookAction {
    /// Runs a program, without a shell.
    Command {
        /// Its file.
        program: PathBuf,
        /// Its arguments.
        arguments: Vec<Box<str>>,
    },
    /// Sends a request.
    Webhook(WebhookConfig),
}

/// Where a webhook goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookConfig {
    /// Host and port.
    pub target: ProbeTarget,
    /// Path and query, from `/` on. It may hold a secret: no log shows it.
    pub path: Box<str>,
    /// [`TlsMode::VerifyFull`] for `https`, else [`TlsMode::Disable`].
    pub tls: TlsMode,
    /// What requests are signed with.
    pub secret: Option<Secret>,
}

impl HookConfig {
    /// Whether it wants to be told of `change`. What is about all clusters is about its own, too.
    pub fn wants(&self, change: &Change) -> bool {
        let of_its_clusters = change.cluster.as_deref().is_none_or(|cluster| {
            self.clusters.is_empty()
                || self.clusters.iter().any(|own| own.eq_ignore_ascii_case(cluster))
        });
        of_its_clusters && self.events.contains(&change.kind())
    }
}
