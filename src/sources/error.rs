//! Why a source could not be asked.

use std::{io, net::SocketAddr, path::PathBuf, process::ExitStatus, time::Duration};

use super::REPLY_MAX;
use crate::{engine::Failure, process_group::LastWords};

/// Why a source has said nothing.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// Its file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// What it says is too long.
    #[error("more than {REPLY_MAX} octets, and no cluster has so many servers")]
    TooLong,
    /// What it says is no JSON, or not all of it.
    #[error("no JSON of the form [{{\"targets\":[\"10.0.0.4:5432\"]}}]: {0}")]
    Json(#[from] serde_json::Error),
    /// Its program cannot be run.
    #[error("cannot run {}: {source}", program.display())]
    Start {
        /// The program.
        program: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Its program said that it failed.
    #[error("the command ended with {status}{last_words}")]
    Status {
        /// How it ended.
        status: ExitStatus,
        /// What it wrote to standard error at last.
        last_words: LastWords,
    },
    /// Its program was killed.
    #[error("the command was killed after {after:?}{last_words}")]
    Killed {
        /// The time that it had.
        after: Duration,
        /// What it wrote to standard error at last.
        last_words: LastWords,
    },
    /// A service did not reply.
    #[error("{0}")]
    Http(Failure),
    /// A service replied otherwise.
    #[error("the reply is {0}, not 200; redirects are not followed")]
    HttpStatus(u16),
    /// Kubernetes does not let us look.
    #[error(
        "the API server replies {0}: let the service account `list` and `watch` `endpointslices` \
         of `discovery.k8s.io` in this namespace"
    )]
    Kubernetes(u16),
    /// What an API server says is no list of slices.
    #[error("no EndpointSliceList of discovery.k8s.io/v1: {0}")]
    Slices(String),
    /// What a Patroni says is no JSON, or not all of it.
    #[error("not Patroni's JSON: {0}")]
    Patroni(serde_json::Error),
    /// It is JSON, and not that of `GET /cluster`.
    #[error("no list of `members`, as Patroni's GET /cluster has it")]
    NoMembers,
    /// There is nobody to ask.
    #[error("no server that could be asked")]
    NoMember,
    /// One member, beside whom others may have failed, too.
    #[error("{0}: {1}")]
    Member(Box<str>, Box<Self>),
    /// A resolver did not reply, or said no.
    #[error("{resolver}: {what}: {why}")]
    Dns {
        /// Which.
        resolver: SocketAddr,
        /// Name and type.
        what: String,
        /// What it said, or how it failed.
        why: String,
    },
    /// The system has no resolver.
    #[error("no `nameserver` in /etc/resolv.conf; name one as `resolver`")]
    NoResolver,
    /// Nothing came in time.
    #[error("no reply within {0:?}")]
    Deadline(Duration),
}
