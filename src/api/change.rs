//! What can be asked for that changes something: the bodies of `POST` requests, and their replies.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::OverrideStatus;
use crate::report::{Effect, NameEffect};

/// `POST /v1/accept`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Accept {
    /// The cluster.
    pub cluster: String,
    /// The server whose history is the cluster's from now on.
    pub server: String,
    /// Who asks: one line, at most 100 characters.
    pub author: String,
    /// Why: one line, at most 300 characters.
    pub reason: String,
}

/// `POST /v1/servers`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ServerAdd {
    /// The cluster that it joins.
    pub cluster: String,
    /// Its name, unique in the whole configuration.
    pub name: String,
    /// Its published address, as in `10.0.0.7`, `10.0.0.7:5432` or `[fd00::7]:5432`.
    pub address: String,
    /// Who asks: one line, at most 100 characters.
    pub author: String,
}

/// `POST /v1/servers/{name}/ready`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Ready {
    /// Who asks: one line, at most 100 characters.
    pub author: String,
}

/// `POST /v1/config`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConfigWish {
    /// Whether the file is changed, not only shown.
    #[serde(default)]
    pub write: bool,
}

/// The reply to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ConfigText {
    /// The configuration file with the servers that were added, comments kept.
    pub text: String,
    /// Whether the file has been changed.
    pub written: bool,
    /// What counts for each cluster that discovers its servers, by its section and the template.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub discovery: Vec<DiscoveryText>,
    /// What the caller should know beside that, as that it is not in the audit file.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub warnings: Vec<String>,
}

/// How a cluster discovers its servers, as the file has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DiscoveryText {
    /// The cluster.
    pub cluster: String,
    /// What counts, on one line, as `check-config --discovery` prints it.
    pub counts: String,
    /// Whether `[discovery.template]` has a part in it.
    pub by_template: bool,
}

/// The reply to a request that changed something.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Changed {
    /// What has changed, in one sentence.
    pub done: String,
    /// The override that is in force now, if the request was for one.
    #[serde(rename = "override", skip_serializing_if = "Option::is_none", default)]
    pub laid: Option<OverrideStatus>,
    /// The names of the cluster: what they said before, and what they say then.
    #[serde(default)]
    pub names: Vec<NameChange>,
    /// The override that it took the place of.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub replaced: Option<OverrideStatus>,
    /// What the caller might not have meant, one line each: a name without an address, all reads on
    /// the primary, a drained server that still is the writer, somebody else's override replaced.
    #[serde(default)]
    pub dangers: Vec<String>,
    /// What the caller should know beside that, as that it could not be saved.
    #[serde(default)]
    pub warnings: Vec<String>,
}

/// What a change does to a name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NameChange {
    /// The name, with the dot at its end.
    pub name: String,
    /// The servers that it said before, in config order.
    pub before: Vec<String>,
    /// Those that it says then.
    pub after: Vec<String>,
    /// All of it in one line.
    pub summary: String,
}

/// The reply to a reload.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Reloaded {
    /// What has changed, one line each; empty when nothing has.
    pub changed: Vec<String>,
    /// The names that say other servers than before.
    #[serde(default)]
    pub names: Vec<NameChange>,
    /// What the caller might not have meant, one line each, as a name without an address.
    #[serde(default)]
    pub dangers: Vec<String>,
    /// What differs in the file but needs a restart, one line each.
    pub needs_restart: Vec<String>,
    /// What the caller should know beside that, as that it is not in the audit file.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub warnings: Vec<String>,
}

/// The reply to a request that was not carried out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Refused {
    /// Why, and what to do.
    pub error: String,
}

impl Reloaded {
    /// What has changed, and how it affects names.
    pub fn new(changed: Vec<String>, needs_restart: Vec<String>, effect: &Effect) -> Self {
        Self {
            changed,
            names: effect.names.iter().map(NameChange::from).collect(),
            dangers: effect.dangers.iter().map(ToString::to_string).collect(),
            needs_restart,
            warnings: Vec::new(),
        }
    }
}

impl Changed {
    /// What has changed, and how it affects the names of its cluster.
    pub fn new(
        done: String,
        laid: Option<OverrideStatus>,
        cluster: &str,
        effect: &Effect,
        warnings: Vec<String>,
    ) -> Self {
        Self {
            done,
            laid,
            names: effect.names.iter().map(NameChange::from).collect(),
            replaced: effect.replaced.as_ref().map(|one| OverrideStatus::new(cluster, one)),
            dangers: effect.dangers.iter().map(ToString::to_string).collect(),
            warnings,
        }
    }
}

impl From<&NameEffect> for NameChange {
    fn from(effect: &NameEffect) -> Self {
        let listed = |servers: &[Box<str>]| servers.iter().map(ToString::to_string).collect();
        Self {
            name: effect.name.to_string(),
            before: listed(&effect.before),
            after: listed(&effect.after),
            summary: effect.to_string(),
        }
    }
}
