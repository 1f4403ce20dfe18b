//! Overrides: what is asked for, and what is in force.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::rfc3339;
use crate::{
    engine::WishKey,
    report::{self, OverrideWords, Wish},
};

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
    /// Nothing is changed: the reply says what would be.
    #[serde(default)]
    pub dry_run: bool,
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
    /// Nothing is changed: the reply says what would be.
    #[serde(default)]
    pub dry_run: bool,
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
    /// Nothing is changed: the reply says what would be.
    #[serde(default)]
    pub dry_run: bool,
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
    /// Nothing is changed: the reply says what would be.
    #[serde(default)]
    pub dry_run: bool,
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
    /// Nothing is changed: the reply says what would be.
    #[serde(default)]
    pub dry_run: bool,
}

/// What kind of override.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OverrideKind {
    /// A server is out of the read names.
    Drain,
    /// The write name is fixed.
    Pin,
    /// Answers stand still.
    Freeze,
    /// No name has an address.
    Maintenance,
}

/// One override.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct OverrideStatus {
    /// What kind.
    pub kind: OverrideKind,
    /// Of which cluster.
    pub cluster: String,
    /// Of which server, if it is about one.
    pub server: Option<String>,
    /// Whether a drain is of the write name too, or a pin holds even while the server is not
    /// writable.
    pub force: bool,
    /// Who asked for it.
    pub author: String,
    /// Why.
    pub reason: String,
    /// Since when.
    pub since: String,
    /// When it ends by itself; `None` for never.
    pub until: Option<String>,
}

impl From<report::WishKey> for OverrideKind {
    fn from(key: report::WishKey) -> Self {
        match key {
            report::WishKey::Drain(_) => Self::Drain,
            report::WishKey::Pin => Self::Pin,
            report::WishKey::Freeze => Self::Freeze,
            report::WishKey::Maintenance => Self::Maintenance,
        }
    }
}

impl From<OverrideKind> for WishKey<()> {
    fn from(kind: OverrideKind) -> Self {
        match kind {
            OverrideKind::Drain => Self::Drain(()),
            OverrideKind::Pin => Self::Pin,
            OverrideKind::Freeze => Self::Freeze,
            OverrideKind::Maintenance => Self::Maintenance,
        }
    }
}

impl OverrideStatus {
    /// What is said of it, as in `db1 is drained`; `None` when the server is missing that the kind
    /// wants.
    pub fn words(&self) -> Option<String> {
        let server = self.server.as_deref().map(Into::into);
        let wish = Wish::new(self.kind.into(), server, self.force)?;
        Some(OverrideWords { cluster: &self.cluster, wish: &wish }.to_string())
    }

    /// An override of `cluster`.
    pub fn new(cluster: &str, laid: &report::Override) -> Self {
        Self {
            kind: OverrideKind::from(laid.wish.clone().key()),
            cluster: cluster.to_owned(),
            server: laid.wish.as_ref().server().map(ToString::to_string),
            force: laid.wish.is_forced(),
            author: laid.author.to_string(),
            reason: laid.reason.to_string(),
            since: rfc3339(laid.since),
            until: laid.until.map(rfc3339),
        }
    }

    pub(super) fn of(cluster: &str, laid: &[report::Override]) -> Vec<Self> {
        laid.iter().map(|laid| Self::new(cluster, laid)).collect()
    }
}
