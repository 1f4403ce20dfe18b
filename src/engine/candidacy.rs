//! Why a server is in a name or not, and what would change it: closed words for people.
//!
//! They are read off the verdicts, gates and ladders that have decided; nothing is judged here.

use std::fmt;

use super::{Lag, ReadReason, ServerIndex, ServerState, StateReason, Thresholds, WriteReason};

/// Which name of a cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameOf {
    /// The write name.
    Writes,
    /// A read name, by its place in the configuration.
    Reads(usize),
}

/// One server as a candidate for one name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidacy {
    /// The server.
    pub server: ServerIndex,
    /// Whether the name says it.
    pub included: bool,
    /// Why, or why not.
    pub because: Because,
    /// What would change that.
    pub change: Change,
}

/// Why a server is in a name, or why not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Because {
    /// In: the write name says it for this reason.
    Writes(WriteReason),
    /// In: a fresh replica, behind by so much where known.
    Fresh(Option<Lag>),
    /// In: the primary belongs to the set (`include_primary`).
    PrimaryIncluded,
    /// In: the primary, because eligible replicas are too few.
    PrimaryHelps,
    /// In: late or worse, because eligible servers are too few; behind by so much where known.
    HelpsOut(Option<Lag>),
    /// In: the set stays as it was, for this reason.
    Stays(ReadReason),
    /// Out of the write name, which has no address or stands still for this reason.
    WritesStand(WriteReason),
    /// Out of a read name, which has no address or stands still for this reason.
    ReadsStand(ReadReason),
    /// Out: an operator has drained it.
    Drained,
    /// Out: an operator has pinned the name to another server.
    PinnedElsewhere,
    /// Out: its state forbids it.
    Is(ServerState, StateReason),
    /// Out: it could be written to, and another one is published.
    AnotherPublished,
    /// Out: it could be written to; it was left moments ago and may not return yet.
    LeftMomentsAgo,
    /// Out: it is the published writer, and the replicas suffice.
    PrimarySpared,
    /// Out: behind by so much where known, over the name's limit.
    TooLate {
        /// How far it is behind.
        lag: Option<Lag>,
        /// `max_lag` of the name.
        limit: Lag,
    },
    /// Out: it would only be taken if others were too few.
    NotNeeded(ServerState, StateReason),
}

/// What would change whether a server is in a name. Prints as the end of "this changes …".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// An operator ends the override, or its time is over.
    OverrideEnds,
    /// The first round of probes ends.
    FirstRound,
    /// Any server of any cluster answers again.
    NetworkReturns,
    /// It fails or says that it is not writable, and another one is.
    Replaced,
    /// Another server is confirmed as writable.
    Succeeded,
    /// It may be chosen, and the published one fails.
    PublishedFails,
    /// The time is over for which the name may not return.
    BlockEnds,
    /// It becomes a writable primary.
    Promoted,
    /// It says that it is writable, twice.
    Writable,
    /// It is behind by more than this for some replies.
    FallsBehind(Lag),
    /// It is behind by no more than this for some replies.
    CatchesUp(Lag),
    /// It fails or ceases to be an eligible replica.
    Fails,
    /// Enough replicas are eligible again.
    ReplicasReturn,
    /// Eligible servers become too few.
    OthersFail,
    /// The primary ceases to be one.
    Demoted,
    /// It answers well so many times in a row.
    AnswersWell(u32),
    /// It lets the probe in.
    LetsIn,
    /// Its slots suffice again.
    HasRoom,
    /// It is taken back into service.
    BackInService,
    /// Somebody repairs its replication.
    Repaired,
    /// It follows the primary again.
    Follows,
    /// It follows, or an operator makes its history the cluster's.
    Accepted,
    /// Of two that are writable one is demoted or stopped.
    OneLeft,
    /// It is built anew as a member of this cluster.
    Rebuilt,
    /// An eligible server appears.
    AnyEligible,
}

impl fmt::Display for Because {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let behind = |f: &mut fmt::Formatter<'_>, text: &str, lag: Option<Lag>| match lag {
            Some(lag) => write!(f, "{text}, behind by {lag}"),
            None => f.write_str(text),
        };
        match *self {
            Self::Writes(reason) | Self::WritesStand(reason) => reason.fmt(f),
            Self::Stays(reason) | Self::ReadsStand(reason) => reason.fmt(f),
            Self::Fresh(lag) => behind(f, "an eligible replica", lag),
            Self::PrimaryIncluded => f.write_str("the primary belongs to the set"),
            Self::PrimaryHelps => f.write_str("the primary helps out: too few eligible replicas"),
            Self::HelpsOut(lag) => behind(f, "it helps out: too few eligible servers", lag),
            Self::Drained => f.write_str("drained by an operator"),
            Self::PinnedElsewhere => f.write_str("the name is pinned to another server"),
            Self::Is(state, reason) => write!(f, "it is {state}: {reason}"),
            Self::AnotherPublished => f.write_str("it could be written to, and another one is"),
            Self::LeftMomentsAgo => {
                f.write_str("it could be written to, but it was left moments ago")
            }
            Self::PrimarySpared => f.write_str("it is the writer, and the replicas suffice"),
            Self::TooLate { lag: Some(lag), limit } => {
                write!(f, "behind by {lag}, and max_lag is {limit}")
            }
            Self::TooLate { lag: None, limit } => {
                write!(f, "how far it is behind cannot be told, and max_lag is {limit}")
            }
            Self::NotNeeded(state, reason) => {
                write!(f, "it is {state}: {reason}; others suffice")
            }
        }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::OverrideEnds => "when the override ends",
            Self::FirstRound => "when the first round of probes has ended",
            Self::NetworkReturns => "when any server answers again",
            Self::Replaced => "when it fails or is not writable, and another server is",
            Self::Succeeded => "when another server is confirmed as writable",
            Self::PublishedFails => "when the published one fails or is left",
            Self::BlockEnds => "when the block on returns (flap_block) has run out",
            Self::Promoted => "when it is promoted and has said twice that it is writable",
            Self::Writable => "when it has said twice that it is writable",
            Self::FallsBehind(limit) => {
                let replies = Thresholds::LAG_FALL;
                return write!(
                    f,
                    "when it is behind by more than {limit} {replies} times in a row"
                );
            }
            Self::CatchesUp(limit) => {
                let replies = Thresholds::LAG_RISE;
                return write!(f, "when it is behind by at most {limit} {replies} times in a row");
            }
            Self::Fails => "when it fails, is drained, or follows no server for long",
            Self::ReplicasReturn => "when enough replicas are eligible again",
            Self::OthersFail => "when eligible servers become too few (min_servers)",
            Self::Demoted => "when another server becomes the writer",
            Self::AnswersWell(replies) => {
                return write!(f, "when it has answered well {replies} times in a row");
            }
            Self::LetsIn => "when it lets the probe in",
            Self::HasRoom => "when it has free connection slots",
            Self::BackInService => "when it is taken back into service",
            Self::Repaired => "when its replication is repaired",
            Self::Follows => "when it follows the primary",
            Self::Accepted => {
                "when it follows the primary, or an operator accepts its history (pointsman accept)"
            }
            Self::OneLeft => "when one of the two is demoted or stopped, or the name is pinned",
            Self::Rebuilt => "when it is built anew as a member of this cluster",
            Self::AnyEligible => "when any server is eligible",
        };
        f.write_str(text)
    }
}
