//! A word that names nothing of what was asked for: what there is instead, and what the word may have
//! been meant for. Commands, the API and the driver say it in the same words.

use std::{error, fmt};

use crate::answers::Layout;

/// What a word should have named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sought {
    /// A cluster.
    Cluster,
    /// A server.
    Server,
    /// A served name.
    Name,
}

/// No cluster, server or name is called so. It prints as one line with what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unknown {
    sought: Sought,
    /// As it may stand in a log or on a terminal.
    asked: Box<str>,
    /// What is called so.
    instead: Option<Sought>,
    /// Those that there are, or the first of them.
    known: Vec<Box<str>>,
    /// How many more there are.
    more: usize,
}

impl Unknown {
    /// For `asked`, which is no `sought` of `layout`. It may be anything that a client can send.
    pub fn new(sought: Sought, asked: &str, layout: &Layout) -> Self {
        let is_meant = |name: &str| bare(name).eq_ignore_ascii_case(bare(asked));
        let instead = [Sought::Cluster, Sought::Server, Sought::Name]
            .into_iter()
            .filter(|kind| *kind != sought)
            .find(|kind| all(*kind, layout).iter().any(|name| is_meant(name)));
        let mut known = all(sought, layout);
        let more = known.len().saturating_sub(KNOWN);
        known.truncate(KNOWN);
        let asked: String = asked.chars().take(SHOWN_CHARS).collect();
        Self { sought, asked: asked.escape_debug().to_string().into(), instead, known, more }
    }
}

impl fmt::Display for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { sought, asked, instead, known, more } = self;
        write!(f, "there is no {sought} `{asked}`")?;
        if let Some(kind) = instead {
            let command = match kind {
                Sought::Cluster => "status",
                Sought::Server => "why",
                Sought::Name => "explain",
            };
            write!(f, ", it is a {kind}: `pointsman {command} {asked}` tells of it")?;
        }
        match known.is_empty() {
            true => f.write_str("; known: none")?,
            false => write!(f, "; known: {}", known.join(", "))?,
        }
        if *more > 0 {
            write!(f, " and {more} more")?;
        }
        Ok(())
    }
}

impl error::Error for Unknown {}

impl fmt::Display for Sought {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cluster => "cluster",
            Self::Server => "server",
            Self::Name => "served name",
        })
    }
}

/// Everything of a kind, in the order of the file.
fn all(kind: Sought, layout: &Layout) -> Vec<Box<str>> {
    let clusters = layout.clusters().iter();
    match kind {
        Sought::Cluster => clusters.map(|cluster| cluster.name.clone()).collect(),
        Sought::Server => clusters
            .flat_map(|cluster| cluster.servers.iter())
            .map(|server| (&*server.name).into())
            .collect(),
        Sought::Name => {
            layout.served().iter().map(|name| bare(&name.name.to_string()).into()).collect()
        }
    }
}

/// A name without its last dot.
fn bare(name: &str) -> &str {
    name.strip_suffix('.').unwrap_or(name)
}

/// Names that are told at most.
const KNOWN: usize = 50;

/// Characters of a client's word that are repeated: as long as a label may be, or most names are.
const SHOWN_CHARS: usize = 63;
