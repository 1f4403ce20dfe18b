//! What can be asked for that changes something: the bodies of `POST` requests, and their replies.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::OverrideStatus;

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
}

/// The reply to a request that changed something.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Changed {
    /// What has changed, in one sentence.
    pub done: String,
    /// The override that is in force now, if the request was for one.
    #[serde(rename = "override", skip_serializing_if = "Option::is_none", default)]
    pub laid: Option<OverrideStatus>,
    /// What the caller should know beside that, as that it could not be saved.
    #[serde(default)]
    pub warnings: Vec<String>,
}

/// The reply to a reload.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Reloaded {
    /// What has changed, one line each; empty when nothing has.
    pub changed: Vec<String>,
    /// What differs in the file but needs a restart, one line each.
    pub needs_restart: Vec<String>,
}

/// The reply to a request that was not carried out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Refused {
    /// Why, and what to do.
    pub error: String,
}
