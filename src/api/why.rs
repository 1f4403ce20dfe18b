//! Why a server is in a name or not: `GET /v1/servers/{name}`.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{NameRole, OverrideStatus, ServerStatus};
use crate::report;

/// One server and its place in each name of its cluster.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Why {
    /// Its cluster.
    pub cluster: String,
    /// What it is.
    pub server: ServerStatus,
    /// The command that makes its history the cluster's, where it is out for its history.
    #[serde(default)]
    pub accept_command: Option<String>,
    /// The names of its cluster, the write name first.
    pub names: Vec<Membership>,
    /// The overrides of its cluster, as far as they concern this server.
    pub overrides: Vec<OverrideStatus>,
}

/// Whether a name says a server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Membership {
    /// The name, with the dot at its end.
    pub name: String,
    /// What it is for.
    pub role: NameRole,
    /// Whether it says the server now.
    pub included: bool,
    /// Why, or why not.
    pub because: String,
}

impl From<&report::Why> for Why {
    fn from(why: &report::Why) -> Self {
        Self {
            cluster: why.cluster.to_string(),
            server: ServerStatus::from(&why.server),
            accept_command: why.accept_command(),
            names: why.names.iter().map(Membership::from).collect(),
            overrides: OverrideStatus::of(&why.cluster, &why.overrides),
        }
    }
}

impl From<&report::Membership> for Membership {
    fn from(name: &report::Membership) -> Self {
        Self {
            name: name.name.to_string(),
            role: name.reason.into(),
            included: name.is_included(),
            because: name.to_string(),
        }
    }
}
