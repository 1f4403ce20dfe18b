//! What one server may say in one probe, as a word: few, sharp, and with a code that a person can
//! type.

use std::fmt;

/// A history of MySQL or MariaDB: one letter for each stretch, by the server that wrote it (`A` is
/// the first server's). A small letter is what that server wrote after the others were last heard
/// to have received. `AB` began with `A` and lacks `Aa`. Every history is one line of transactions,
/// so what contains another one begins with it.
pub(crate) type History = &'static str;

/// What a server said, or how its probe failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Word {
    Refused,
    TimedOut,
    /// It lives, and does not let the probe in.
    Locked,
    /// PostgreSQL: writable on this timeline.
    Primary(u32),
    /// PostgreSQL: streams from a member.
    Standby {
        of: usize,
        timeline: u32,
    },
    /// PostgreSQL: in recovery, without a receiver; it has replayed up to this timeline, whoever
    /// made that.
    Adrift(u32),
    /// MySQL: writable, and it replicates from no server.
    Writable(History),
    /// MySQL: read-only, and both threads of its channel run.
    Replica {
        of: usize,
        history: History,
    },
    /// MySQL: the same, and it cannot reach its source.
    CutOff {
        of: usize,
        history: History,
    },
    /// MySQL: read-only, and it replicates from no server.
    Orphan(History),
    /// MySQL: its volume was lost; it is empty and writable, under another `server_uuid`.
    Reinstalled,
    /// Galera: in the primary component, and synced.
    Synced,
    /// Galera: synced as well, and it feeds a joining node.
    Donor,
    /// Group Replication: the primary that the group has elected.
    Elected,
    /// Group Replication: a secondary.
    Follower,
    /// Galera and Group Replication: its group does not count it in.
    LeftOut,
}

impl Word {
    pub(crate) fn is_failure(self) -> bool {
        matches!(self, Self::Refused | Self::TimedOut | Self::Locked)
    }

    /// It says that it may be written to.
    pub(crate) fn claims(self) -> bool {
        matches!(
            self,
            Self::Primary(_) | Self::Writable(_) | Self::Reinstalled | Self::Synced | Self::Elected
        )
    }

    /// It says that it may not be written to. A donor may be, when there is nobody else.
    pub(crate) fn denies(self) -> bool {
        !self.is_failure() && !self.claims() && self != Self::Donor
    }

    /// PostgreSQL: the timeline that it shows.
    pub(crate) fn timeline(self) -> Option<u32> {
        match self {
            Self::Primary(timeline) | Self::Standby { timeline, .. } | Self::Adrift(timeline) => {
                Some(timeline)
            }
            _ => None,
        }
    }

    /// MySQL: the history that it shows.
    pub(crate) fn history(self) -> Option<History> {
        match self {
            Self::Writable(history)
            | Self::Replica { history, .. }
            | Self::CutOff { history, .. }
            | Self::Orphan(history) => Some(history),
            Self::Reinstalled => Some(""),
            _ => None,
        }
    }

    /// Whom it receives from.
    pub(crate) fn source(self) -> Option<usize> {
        match self {
            Self::Standby { of, .. } | Self::Replica { of, .. } => Some(of),
            _ => None,
        }
    }
}

/// Whether the first history has all of the second and more.
pub(crate) fn is_ahead(one: History, other: History) -> bool {
    one.len() > other.len() && one.starts_with(other)
}

/// The code: what is typed in `SMALL_WORLDS_STORY` and stands in the names of classes.
impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused => f.pad("x"),
            Self::TimedOut => f.pad("o"),
            Self::Locked => f.pad("L"),
            Self::Primary(timeline) => f.pad(&format!("P{timeline}")),
            Self::Standby { of, timeline } => f.pad(&format!("S{timeline}<{}", of + 1)),
            Self::Adrift(timeline) => f.pad(&format!("S{timeline}")),
            Self::Writable(history) => f.pad(&format!("W:{history}")),
            Self::Replica { of, history } => f.pad(&format!("R:{history}<{}", of + 1)),
            Self::CutOff { of, history } => f.pad(&format!("C:{history}<{}", of + 1)),
            Self::Orphan(history) => f.pad(&format!("O:{history}")),
            Self::Reinstalled => f.pad("NEW"),
            Self::Synced => f.pad("ok"),
            Self::Donor => f.pad("donor"),
            Self::Elected => f.pad("PRI"),
            Self::Follower => f.pad("SEC"),
            Self::LeftOut => f.pad("out"),
        }
    }
}

impl Word {
    /// The same in words, for stories.
    pub(crate) fn told(self) -> String {
        match self {
            Self::Refused => "refuses the connection".into(),
            Self::TimedOut => "gives no reply in time".into(),
            Self::Locked => "lives, and does not let the probe in".into(),
            Self::Primary(timeline) => format!("primary on timeline {timeline}"),
            Self::Standby { of, timeline } => {
                format!("standby, streams timeline {timeline} from db{}", of + 1)
            }
            Self::Adrift(timeline) => {
                format!("standby without a receiver, has replayed timeline {timeline}")
            }
            Self::Writable(history) => format!("writable, history {history}"),
            Self::Replica { of, history } => {
                format!("read-only, replicates from db{}, history {history}", of + 1)
            }
            Self::CutOff { of, history } => {
                format!("read-only, cannot reach its source db{}, history {history}", of + 1)
            }
            Self::Orphan(history) => {
                format!("read-only, replicates from nobody, history {history}")
            }
            Self::Reinstalled => "empty and writable, under a new server_uuid".into(),
            Self::Synced => "synced, in the primary component".into(),
            Self::Donor => "synced, and a donor".into(),
            Self::Elected => "PRIMARY of its group, writable".into(),
            Self::Follower => "SECONDARY of its group".into(),
            Self::LeftOut => "its group does not count it in".into(),
        }
    }
}

impl Word {
    /// The word of a code, if it is one.
    pub(crate) fn parse(code: &'static str) -> Option<Self> {
        let (kind, rest) = code.split_at_checked(1)?;
        let (shown, of) = match rest.trim_start_matches(':').split_once('<') {
            Some((shown, of)) => (shown, of.parse::<usize>().ok().map(|number| number - 1)),
            None => (rest.trim_start_matches(':'), None),
        };
        let timeline = shown.parse::<u32>().ok();
        let history = Some(shown).filter(|shown| !shown.is_empty());
        Some(match (code, kind, of) {
            ("x", ..) => Self::Refused,
            ("o", ..) => Self::TimedOut,
            ("L", ..) => Self::Locked,
            ("NEW", ..) => Self::Reinstalled,
            ("ok", ..) => Self::Synced,
            ("donor", ..) => Self::Donor,
            ("out", ..) => Self::LeftOut,
            ("PRI", ..) => Self::Elected,
            ("SEC", ..) => Self::Follower,
            (_, "P", None) => Self::Primary(timeline?),
            (_, "S", Some(of)) => Self::Standby { of, timeline: timeline? },
            (_, "S", None) => Self::Adrift(timeline?),
            (_, "W", None) => Self::Writable(history?),
            (_, "O", None) => Self::Orphan(history?),
            (_, "R", Some(of)) => Self::Replica { of, history: history? },
            (_, "C", Some(of)) => Self::CutOff { of, history: history? },
            _ => return None,
        })
    }
}
