//! What kinds of changes there are.

/// What kind of change. Hooks are called by these names, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ChangeKind {
    /// The write name says another server, or the same for another reason.
    WriteChanged,
    /// The write name has no address any more.
    NoWriter,
    /// Two servers are writable and nothing tells which is right.
    SplitBrain,
    /// A server is in another state.
    ServerState,
    /// A read name says other servers, or the same for another reason.
    ReadChanged,
    /// A read name has no address any more.
    ReadEmpty,
    /// A witness says something else of a server.
    Witness,
    /// Every server of every cluster is silent.
    Isolated,
    /// A server answered again after that.
    Reconnected,
    /// An operator laid an override, or it ended.
    Override,
    /// An operator has made the history of one server the cluster's.
    Accepted,
    /// The configuration changed while the service ran.
    Config,
    /// Sessions were ended on a server that has lost the write name, or would have been.
    Kick,
    /// A source of discovery names a server that is none of its cluster's.
    ServerSighted,
    /// A server was found, has proven that it belongs, and joins.
    ServerJoined,
    /// A server that was found has left, or many would leave at once.
    ServerLeft,
    /// A server carries a cluster's identity and was never seen following.
    ServerStranger,
    /// A source of discovery has failed, or a part of what it says cannot be read.
    DiscoverySource,
    /// A secondary has lacked changes of a zone for 5 s.
    SecondaryBehind,
    /// A secondary has them again.
    SecondaryLevel,
    /// A name in somebody else's zone says something else, as we do.
    PublishWritten,
    /// Somebody had changed it, and it was put right.
    PublishRighted,
    /// It is left alone, or cannot be changed.
    PublishStopped,
    /// It says what we say, after that.
    PublishLevel,
}

impl ChangeKind {
    /// Every kind, in the order of this list.
    pub const ALL: [Self; 24] = [
        Self::WriteChanged,
        Self::NoWriter,
        Self::SplitBrain,
        Self::ServerState,
        Self::ReadChanged,
        Self::ReadEmpty,
        Self::Witness,
        Self::Isolated,
        Self::Reconnected,
        Self::Override,
        Self::Accepted,
        Self::Config,
        Self::Kick,
        Self::ServerSighted,
        Self::ServerJoined,
        Self::ServerLeft,
        Self::ServerStranger,
        Self::DiscoverySource,
        Self::SecondaryBehind,
        Self::SecondaryLevel,
        Self::PublishWritten,
        Self::PublishRighted,
        Self::PublishStopped,
        Self::PublishLevel,
    ];

    /// Its name, the same in the configuration, in JSON and in the state file.
    pub fn name(self) -> &'static str {
        match self {
            Self::WriteChanged => "write_changed",
            Self::NoWriter => "no_writer",
            Self::SplitBrain => "split_brain",
            Self::ServerState => "server_state",
            Self::ReadChanged => "read_changed",
            Self::ReadEmpty => "read_empty",
            Self::Witness => "witness",
            Self::Isolated => "isolated",
            Self::Reconnected => "reconnected",
            Self::Override => "override",
            Self::Accepted => "accepted",
            Self::Config => "config",
            Self::Kick => "kick",
            Self::ServerSighted => "server_sighted",
            Self::ServerJoined => "server_joined",
            Self::ServerLeft => "server_left",
            Self::ServerStranger => "server_stranger",
            Self::DiscoverySource => "discovery_source",
            Self::SecondaryBehind => "secondary_behind",
            Self::SecondaryLevel => "secondary_level",
            Self::PublishWritten => "publish_written",
            Self::PublishRighted => "publish_righted",
            Self::PublishStopped => "publish_stopped",
            Self::PublishLevel => "publish_level",
        }
    }

    /// The kind of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}
