//! How far every name in somebody else's zone is.

use std::{
    fmt,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::{Block, PushFault};

/// How far one name is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PushView {
    /// What its `[[publish]]` is called.
    pub publish: Box<str>,
    /// The served name.
    pub from: Box<str>,
    /// The name in somebody else's zone.
    pub to: Box<str>,
    /// How far it is.
    pub state: PushState,
    /// The epoch of our last change, or of the last that said what we say.
    pub epoch: u64,
    /// Updates that were taken since the start.
    pub written: u64,
    /// Servers that do not say what we say, or cannot be asked, and what they do instead.
    pub astray: Vec<(SocketAddr, Astray)>,
}

/// How far one name is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PushState {
    /// What we say has no first decision of this process yet.
    Waiting,
    /// It says what we say.
    Level,
    /// An update is on its way.
    Writing,
    /// Somebody has changed it, and it will be put right.
    Changed,
    /// It is not ours to change.
    Blocked(Block),
    /// No server can be asked or told; what is wrong with the last one.
    Failing(SocketAddr, PushFault),
}

/// What is wrong with one server of a zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Astray {
    /// It says something else.
    Differs,
    /// It cannot be asked.
    Fault(PushFault),
}

impl PushState {
    /// The word, the same in every voice.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Level => "level",
            Self::Writing => "writing",
            Self::Changed => "changed",
            Self::Blocked(_) => "blocked",
            Self::Failing(..) => "failing",
        }
    }

    /// Why it is not level; `None` where there is nothing to say.
    pub fn reason(&self) -> Option<String> {
        match self {
            Self::Level | Self::Writing => None,
            Self::Waiting => Some("the name has no decision of this process yet".to_owned()),
            Self::Changed => Some("somebody has changed it; it is put right".to_owned()),
            Self::Blocked(block) => Some(block.to_string()),
            Self::Failing(server, fault) => Some(format!("{server} {fault}")),
        }
    }

    /// Whether somebody should look.
    pub fn is_bad(&self) -> bool {
        matches!(self, Self::Changed | Self::Blocked(_) | Self::Failing(..))
    }
}

impl fmt::Display for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotOurs => f.write_str(
                "it has addresses and no owner record: remove them there, or say adopt = true",
            ),
            Self::Foreign(kind) => {
                write!(f, "it has a {kind} record, which is none of ours: remove it there")
            }
            Self::StrangeOwner => f.write_str(
                "its owner record is none that we write: remove it there, or choose another \
                 owner_label",
            ),
            Self::OtherOwner(id) => write!(f, "its owner record says that it is of {id}"),
            Self::Superseded(epoch) => write!(
                f,
                "another instance has written something else with epoch {epoch}: we follow with \
                 our next change"
            ),
        }
    }
}

impl fmt::Display for Astray {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Differs => f.write_str("says something else"),
            Self::Fault(fault) => fault.fmt(f),
        }
    }
}

/// All names.
#[derive(Clone, Debug, Default)]
pub struct Pushes(Arc<Mutex<Vec<Sight>>>);

/// One name. A clone is of the same.
#[derive(Clone, Debug)]
pub struct Sight(Arc<Mutex<PushView>>);

impl Pushes {
    /// All of them, in the order of the configuration.
    pub fn views(&self) -> Vec<PushView> {
        locked(&self.0).iter().map(|sight| locked(&sight.0).clone()).collect()
    }

    /// These and no others.
    pub(super) fn replace(&self, sights: Vec<Sight>) {
        *locked(&self.0) = sights;
    }
}

impl Sight {
    /// Of which nothing is known yet.
    pub(super) fn new(publish: &str, from: &str, to: &str, epoch: u64) -> Self {
        Self(Arc::new(Mutex::new(PushView {
            publish: publish.into(),
            from: from.into(),
            to: to.into(),
            state: PushState::Waiting,
            epoch,
            written: 0,
            astray: Vec::new(),
        })))
    }

    /// Notes something; returns the state before.
    pub(super) fn note(&self, change: impl FnOnce(&mut PushView)) -> PushState {
        let mut view = locked(&self.0);
        let before = view.state.clone();
        change(&mut view);
        before
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
