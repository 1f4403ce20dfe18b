//! The words of a witness: who is asked about a server beside the database itself, and what comes of
//! one question.

use std::fmt;

/// A check beside the database protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Check {
    /// Patroni's REST API.
    Patroni,
    /// The status of an HTTP reply.
    Http,
    /// A line of text as HAProxy's agent-check reads it.
    Agent,
    /// The exit status of a command, and a line of text in the agent's words.
    Command,
}

impl Check {
    /// All of them, in the order in which they are told.
    pub const ALL: [Self; 4] = [Self::Patroni, Self::Http, Self::Agent, Self::Command];

    /// The word in the configuration.
    pub fn name(self) -> &'static str {
        match self {
            Self::Patroni => "patroni",
            Self::Http => "http",
            Self::Agent => "agent",
            Self::Command => "command",
        }
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Patroni => "Patroni",
            Self::Http => "its HTTP check",
            Self::Agent => "its agent",
            Self::Command => "its command",
        })
    }
}

/// What a witness says of a server, from the mildest to the strongest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Word {
    /// Nothing against it.
    Up,
    /// It runs as a primary without Patroni's leader key.
    NotLeader,
    /// It should get no new clients.
    Drain,
    /// It does not do its work.
    Down,
    /// It is taken out of service on purpose.
    Maint,
}

impl Word {
    /// All of them, from the mildest to the strongest.
    pub const ALL: [Self; 5] = [Self::Up, Self::NotLeader, Self::Drain, Self::Down, Self::Maint];
}

/// HAProxy's words, where it has one.
impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Up => "up",
            Self::NotLeader => "not the leader",
            Self::Drain => "drain",
            Self::Down => "down",
            Self::Maint => "maint",
        })
    }
}

/// One reply of a witness.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Testimony {
    /// The sum of it.
    pub word: Word,
    /// Patroni only, and not while the cluster is paused: whether the server has the leader key.
    pub leads: Option<bool>,
    /// How much of the configured weight it can bear, in percent; 100 unless the witness says so.
    /// More than 100 counts as 100.
    pub percent: u16,
    /// The witness's own words in one line, for people; may be empty.
    pub detail: Box<str>,
}

impl Testimony {
    /// A reply that says `word` and nothing of leaders or weights.
    pub fn new(word: Word, detail: impl Into<Box<str>>) -> Self {
        Self { word, leads: None, percent: FULL, detail: detail.into() }
    }

    /// The same of a server that can bear so many percent of its weight, at most all of it.
    #[must_use]
    pub fn bearing(self, percent: u16) -> Self {
        Self { percent: percent.min(FULL), ..self }
    }
}

/// The whole configured weight, in percent.
pub const FULL: u16 = 100;
