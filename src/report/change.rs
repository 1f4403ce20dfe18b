//! What happened, by the names of the configuration: a reload moves nothing.

use super::{ChangeKind, Discovery, Override, Severity, WishKey, Words};
use crate::{
    answers::Layout,
    engine::{
        Check, ClusterId, OverrideTurn, ReadReason, ServerState, StateReason, Word, WriteReason,
    },
    wall_time::WallTime,
};

/// One change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// When.
    pub at: WallTime,
    /// Of which cluster; `None` when it is about all of them.
    pub cluster: Option<Box<str>>,
    /// What.
    pub what: What,
}

/// What has changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// A server came into another state.
    State {
        /// Which.
        server: Box<str>,
        /// Its state before.
        from: ServerState,
        /// Its state now.
        to: ServerState,
        /// Why.
        reason: StateReason,
        /// The words of the failure behind it, empty when there is none.
        detail: Box<str>,
    },
    /// A witness of a server says something else, or nothing any more.
    Witness {
        /// Of which server.
        server: Box<str>,
        /// Which witness.
        check: Check,
        /// Its word before; `None` when it said nothing.
        from: Option<Word>,
        /// Its word now; `None` when it says nothing.
        to: Option<Word>,
        /// Its own words, or how it could not be reached.
        detail: Box<str>,
    },
    /// The write name says another server, or none, or the same for another reason.
    Write {
        /// The name, with the dot at its end.
        name: Box<str>,
        /// Published before.
        from: Option<Box<str>>,
        /// Published now.
        to: Option<Box<str>>,
        /// Why.
        reason: WriteReason,
    },
    /// A read name says other servers, or the same for another reason.
    Read {
        /// The name, with the dot at its end.
        name: Box<str>,
        /// Published before, in config order.
        from: Vec<Box<str>>,
        /// Published now, in config order.
        to: Vec<Box<str>>,
        /// Why.
        reason: ReadReason,
    },
    /// An operator laid an override, or it ended.
    Override {
        /// The override.
        laid: Box<Override>,
        /// What became of it.
        turn: OverrideTurn,
    },
    /// An override of an earlier process does not go on.
    OverrideDropped {
        /// Which.
        wish: WishKey,
        /// The server that it was about, if it was about one.
        server: Option<Box<str>>,
        /// Why it does not.
        why: DropReason,
        /// Why it was laid.
        reason: Box<str>,
    },
    /// An operator has made the history of one server the cluster's.
    Accepted {
        /// Which server's.
        server: Box<str>,
        /// Who. One line.
        by: Box<str>,
        /// Why. One line.
        because: Box<str>,
    },
    /// Every server of every cluster is silent: answers stand still.
    Isolated,
    /// A server answered again after that.
    Reconnected,
    /// The configuration changed while the service ran, or was to change.
    Configuration(Configuration),
    /// Sessions were ended on a server that has lost the write name, or would have been.
    Kick {
        /// The server.
        server: Box<str>,
        /// What was done, in one sentence.
        done: Box<str>,
        /// To whom, or why not.
        detail: Box<str>,
    },
    /// Discovery has done or noticed something.
    Discovery(Discovery),
    /// A secondary has fallen behind, or is level again.
    Secondary {
        /// Of which zone.
        zone: Box<str>,
        /// Which secondary.
        name: Box<str>,
        /// What it does.
        turn: SecondaryTurn,
    },
    /// A name in somebody else's zone was changed, or is not kept.
    Publish {
        /// That name, with the dot at its end.
        name: Box<str>,
        /// What was done.
        turn: PublishTurn,
    },
    /// Something that happened before the service was started: it is known by its words alone.
    Earlier(Box<Earlier>),
}

/// What a secondary does that is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecondaryTurn {
    /// It lacks changes for so long that they are not on their way.
    Behind {
        /// What is wrong with it.
        why: Box<str>,
    },
    /// It says what we say again.
    Level {
        /// For how many seconds it has not.
        after: u64,
    },
}

/// What was done about a name in somebody else's zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PublishTurn {
    /// It says something else, as we do.
    Written {
        /// The addresses, with commas between.
        says: Box<str>,
        /// The number of the change.
        epoch: u64,
    },
    /// Somebody had changed it, and it says what we say again.
    Righted {
        /// The addresses, with commas between.
        says: Box<str>,
    },
    /// It is left alone, or cannot be changed.
    Stopped {
        /// Why.
        why: Box<str>,
    },
    /// It says what we say, after that.
    Level,
}

/// Why an override of an earlier process does not go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DropReason {
    /// Its server has left the configuration.
    ServerGone,
    /// Its time was over.
    TimeOver,
}

/// A change of the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Configuration {
    /// It is in force.
    Changed {
        /// What, in one sentence.
        done: Box<str>,
        /// Line by line, with semicolons between.
        detail: Box<str>,
    },
    /// A reload that was refused leaves what was in force.
    Refused {
        /// The faults, with semicolons between.
        faults: Box<str>,
    },
}

/// A change that an earlier process has told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Earlier {
    /// What kind of change.
    pub kind: ChangeKind,
    /// How bad it was.
    pub severity: Severity,
    /// Of which server, if it is about one.
    pub server: Option<Box<str>>,
    /// Of which served name, if it is about one.
    pub name: Option<Box<str>>,
    /// The rest.
    pub words: Words,
}

impl Change {
    /// What kind of change it is.
    pub fn kind(&self) -> ChangeKind {
        match &self.what {
            What::State { .. } => ChangeKind::ServerState,
            What::Witness { .. } => ChangeKind::Witness,
            What::Write {
                reason: WriteReason::HeldSplitBrain | WriteReason::SplitBrain, ..
            } => ChangeKind::SplitBrain,
            What::Write { to: None, .. } => ChangeKind::NoWriter,
            What::Write { to: Some(_), .. } => ChangeKind::WriteChanged,
            What::Read { to, .. } if to.is_empty() => ChangeKind::ReadEmpty,
            What::Read { .. } => ChangeKind::ReadChanged,
            What::Override { .. } | What::OverrideDropped { .. } => ChangeKind::Override,
            What::Accepted { .. } => ChangeKind::Accepted,
            What::Isolated => ChangeKind::Isolated,
            What::Reconnected => ChangeKind::Reconnected,
            What::Configuration(_) => ChangeKind::Config,
            What::Kick { .. } => ChangeKind::Kick,
            What::Discovery(Discovery::Sighted { .. }) => ChangeKind::ServerSighted,
            What::Discovery(Discovery::Joined { .. }) => ChangeKind::ServerJoined,
            What::Discovery(Discovery::Left { .. } | Discovery::Held { .. }) => {
                ChangeKind::ServerLeft
            }
            What::Discovery(Discovery::Stranger { .. }) => ChangeKind::ServerStranger,
            What::Discovery(Discovery::Source { .. }) => ChangeKind::DiscoverySource,
            What::Secondary { turn: SecondaryTurn::Behind { .. }, .. } => {
                ChangeKind::SecondaryBehind
            }
            What::Secondary { turn: SecondaryTurn::Level { .. }, .. } => ChangeKind::SecondaryLevel,
            What::Publish { turn, .. } => match turn {
                PublishTurn::Written { .. } => ChangeKind::PublishWritten,
                PublishTurn::Righted { .. } => ChangeKind::PublishRighted,
                PublishTurn::Stopped { .. } => ChangeKind::PublishStopped,
                PublishTurn::Level => ChangeKind::PublishLevel,
            },
            What::Earlier(earlier) => earlier.kind,
        }
    }

    /// The server that it is about, if it is about one.
    pub fn server(&self) -> Option<&str> {
        match &self.what {
            What::State { server, .. }
            | What::Witness { server, .. }
            | What::Accepted { server, .. }
            | What::Kick { server, .. } => Some(server),
            What::Override { laid, .. } => laid.wish.as_ref().server().map(|server| &**server),
            What::OverrideDropped { server, .. } => server.as_deref(),
            What::Earlier(earlier) => earlier.server.as_deref(),
            What::Discovery(Discovery::Joined { server, .. } | Discovery::Left { server }) => {
                Some(server)
            }
            What::Write { .. }
            | What::Read { .. }
            | What::Discovery(_)
            | What::Secondary { .. }
            | What::Publish { .. }
            | What::Isolated
            | What::Reconnected
            | What::Configuration(_) => None,
        }
    }

    /// The served name that it is about, if it is about one.
    pub fn name(&self) -> Option<&str> {
        match &self.what {
            What::Write { name, .. } | What::Read { name, .. } | What::Publish { name, .. } => {
                Some(name)
            }
            What::Earlier(earlier) => earlier.name.as_deref(),
            _ => None,
        }
    }

    /// The servers that a name said before and says after, in config order; `None` where it is no name
    /// that has changed.
    pub fn answers(&self) -> Option<[Vec<&str>; 2]> {
        match &self.what {
            What::Write { from, to, .. } => {
                Some([from, to].map(|side| side.iter().map(|server| &**server).collect()))
            }
            What::Read { from, to, .. } => {
                Some([from, to].map(|side| side.iter().map(|server| &**server).collect()))
            }
            What::Earlier(earlier) if earlier.name.is_some() => {
                let Words { from, to, .. } = &earlier.words;
                Some([from, to].map(|side| {
                    let servers = side.iter().flat_map(|servers| servers.split(','));
                    servers.filter(|server| !server.is_empty()).collect()
                }))
            }
            _ => None,
        }
    }

    /// Whether everything that it names is still in a cluster of `layout`.
    pub fn is_in(&self, layout: &Layout, cluster: ClusterId) -> bool {
        let listing = layout.clusters().get(cluster.0);
        let servers: Vec<&Box<str>> = match &self.what {
            What::Write { from, to, .. } => from.iter().chain(to).collect(),
            What::Read { from, to, .. } => from.iter().chain(to).collect(),
            _ => Vec::new(),
        };
        let is_name =
            |name: &str| layout.served_of(cluster).any(|served| served.name.to_string() == *name);
        self.server().into_iter().chain(servers.into_iter().map(|server| &**server)).all(|server| {
            let mut listed = listing.into_iter().flat_map(|listing| &*listing.servers);
            listed.any(|known| known.name.eq_ignore_ascii_case(server))
        }) && self.name().is_none_or(is_name)
    }
}
