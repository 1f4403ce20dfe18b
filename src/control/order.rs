//! What whoever runs the parts is told to do.

use std::fmt::Display;

use tokio::sync::oneshot;

use crate::{
    config::{AddedServer, Changes},
    report::{ProbeTrace, SessionReport},
};

/// Where the outcome of an order goes.
pub type Reply<T> = oneshot::Sender<Result<T, OrderError>>;

/// One order, with the end for its reply.
#[derive(Debug)]
pub enum Order {
    /// Reads the configuration, its zone files and its passwords again, and applies what differs.
    Reload(Reply<Changes>),
    /// Lets a server join a cluster, probed and drained.
    AddServer(AddedServer, Reply<Done>),
    /// Ends the drain of a server that was added.
    ReadyServer {
        /// The server.
        server: Box<str>,
        /// Who asks.
        author: Box<str>,
        /// Where the outcome goes.
        reply: Reply<Done>,
    },
    /// Takes away a server that was added.
    RemoveServer {
        /// The server.
        server: Box<str>,
        /// Who asks.
        author: Box<str>,
        /// Where the outcome goes.
        reply: Reply<Done>,
    },
    /// Lets discovery take a server in again that was removed.
    ReviveServer {
        /// The server.
        server: Box<str>,
        /// Who asks.
        author: Box<str>,
        /// Where the outcome goes.
        reply: Reply<Done>,
    },
    /// Probes a server once, step by step, over a connection of its own.
    Probe {
        /// The server.
        server: Box<str>,
        /// Where the outcome goes.
        reply: Reply<ProbeTrace>,
    },
    /// The configuration file with the servers that were added, comments kept. `write` also puts it
    /// in the file's place.
    WriteConfig {
        /// Whether the file is changed, not only shown.
        write: bool,
        /// Where the text goes.
        reply: Reply<ConfigFile>,
    },
    /// Counts the sessions of a server.
    Sessions {
        /// The server.
        server: Box<str>,
        /// Where the outcome goes.
        reply: Reply<SessionReport>,
    },
    /// Ends the sessions of a server that `[cluster.kick]` means, once.
    Kick {
        /// The server.
        server: Box<str>,
        /// Who asks.
        author: Box<str>,
        /// Where the outcome goes.
        reply: Reply<Done>,
    },
}

/// What has come of an order that changed something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Done {
    /// What has changed, in one sentence.
    pub done: String,
    /// What the caller should know beside that, as that it could not be saved.
    pub warnings: Vec<String>,
}

/// Why an order was not carried out. It prints with what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OrderError {
    /// What was asked for cannot be done.
    #[error("{0}")]
    Refused(Box<str>),
    /// The service ends.
    #[error("the service is stopping; ask again when it has started")]
    Stopping,
}

impl OrderError {
    /// A refusal in these words.
    pub fn refused(why: impl Display) -> Self {
        Self::Refused(why.to_string().into())
    }
}

/// The configuration file, and what it does not say itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConfigFile {
    /// Its text with the servers that were added.
    pub text: String,
    /// What counts for each cluster that discovers its servers.
    pub discovery: Vec<ConfiguredDiscovery>,
}

/// How a cluster discovers its servers by its own section and the template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfiguredDiscovery {
    /// The cluster.
    pub cluster: Box<str>,
    /// What counts, on one line.
    pub counts: String,
    /// Whether the template has a part in it.
    pub by_template: bool,
}
