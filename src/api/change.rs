//! What can be asked for that changes something: the bodies of `POST` requests, and their replies.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::OverrideStatus;

/// `POST /v1/drain`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Drain {
    /// The server.
    pub server: String,
    /// Take it out of the write name too, and even if a read name is left without a server.
    #[serde(default)]
    pub force: bool,
    /// How long, as in `30m`, `2h` or `1h30m`; one hour when it is left out.
    #[serde(default, rename = "for", skip_serializing_if = "Option::is_none")]
    pub lasts: Option<String>,
    /// It lasts until somebody ends it; not together with `for`.
    #[serde(default)]
    pub forever: bool,
    /// Who asks: one line, at most 100 characters.
    pub author: String,
    /// Why: one line, at most 300 characters.
    pub reason: String,
}

/// `POST /v1/undrain`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Undrain {
    /// The server.
    pub server: String,
    /// Who asks: one line, at most 100 characters.
    pub author: String,
    /// Why: one line, at most 300 characters. May be left out.
    #[serde(default)]
    pub reason: String,
}

/// `POST /v1/pin`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Pin {
    /// The cluster.
    pub cluster: String,
    /// The server.
    pub server: String,
    /// Even if it is not writable now, or ceases to be.
    #[serde(default, rename = "unsafe")]
    pub even_if_not_writable: bool,
    /// How long, as in `30m`, `2h` or `1h30m`; one hour when it is left out.
    #[serde(default, rename = "for", skip_serializing_if = "Option::is_none")]
    pub lasts: Option<String>,
    /// It lasts until somebody ends it; not together with `for`.
    #[serde(default)]
    pub forever: bool,
    /// Who asks: one line, at most 100 characters.
    pub author: String,
    /// Why: one line, at most 300 characters.
    pub reason: String,
}

/// `POST /v1/freeze` and `POST /v1/maintenance`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Suspend {
    /// The cluster.
    pub cluster: String,
    /// How long, as in `30m`, `2h` or `1h30m`; one hour when it is left out.
    #[serde(default, rename = "for", skip_serializing_if = "Option::is_none")]
    pub lasts: Option<String>,
    /// It lasts until somebody ends it; not together with `for`.
    #[serde(default)]
    pub forever: bool,
    /// Who asks: one line, at most 100 characters.
    pub author: String,
    /// Why: one line, at most 300 characters.
    pub reason: String,
}

/// `POST /v1/unpin`, `POST /v1/thaw` and `POST /v1/end-maintenance`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct End {
    /// The cluster.
    pub cluster: String,
    /// Who asks: one line, at most 100 characters.
    pub author: String,
    /// Why: one line, at most 300 characters. May be left out.
    #[serde(default)]
    pub reason: String,
}

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
