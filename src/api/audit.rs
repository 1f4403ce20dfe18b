//! Changes by people: a line each of the audit file, and `GET /v1/audit`.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The last changes by people, oldest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AuditLog {
    /// The changes.
    pub entries: Vec<AuditEntry>,
    /// Lines of the file that are no entries.
    pub unreadable: u64,
}

/// A request for a change: who, how, for what, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AuditEntry {
    /// When it came.
    pub at: String,
    /// How it came.
    pub via: AuditVia,
    /// Over the Unix socket: whose process it was, as the kernel says.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub uid: Option<u32>,
    /// Over TCP: from which address.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub address: Option<String>,
    /// Over TCP: the name of the token; without one, it had none, or that of `token_file`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub token: Option<String>,
    /// The author that the request names. Over the Unix socket, and with the token of `token_file`,
    /// anybody can be named.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub author: Option<String>,
    /// The method of the request.
    pub method: String,
    /// Its path, without the query.
    pub path: String,
    /// The cluster that it names.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub cluster: Option<String>,
    /// The server that it names.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub server: Option<String>,
    /// Its reason.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<String>,
    /// Whether it asked only what would be.
    #[serde(default)]
    pub dry_run: bool,
    /// What came of it.
    pub outcome: AuditOutcome,
    /// The status of the reply (RFC 9110 section 15); none when there was no reply.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub status: Option<u16>,
    /// Why it was refused.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub error: Option<String>,
    /// So many entries before this one are missing: the file could not be written, or strangers
    /// without a token asked more than once a second.
    #[serde(default)]
    pub missing: u64,
}

/// How a request came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AuditVia {
    /// Over the Unix socket.
    Socket,
    /// Over TCP.
    Http,
}

/// What came of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AuditOutcome {
    /// It was carried out.
    Done,
    /// It was not.
    Refused,
    /// Nobody waited for the reply: it may have been carried out.
    Unknown,
}
