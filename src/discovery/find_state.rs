//! How far a find has come, and why no further.

use std::fmt;

use crate::{engine::FailureKind, plain_text::start_of_line};

/// The state of a find. Only what is [`FindState::Kin`] or has been is ever published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FindState {
    /// A source named it. Nobody has talked to it.
    Sighted(SightedReason),
    /// It is asked what it is, and has not proven itself. It is in no name, and counts for nothing.
    Examined(ExaminedReason),
    /// It is proven, probed as every server is, and drained.
    Kin(Proof),
    /// Ready: the rules for every server decide.
    Member(Proof),
    /// No source names it. It stays while it is healthy.
    Leaving(LeavingReason),
    /// It has left and is not taken in again before its time, unless somebody revives it.
    Forgotten(ForgottenReason),
}

/// Why a find has not been examined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SightedReason {
    /// Its turn has not come.
    Waits,
    /// Its address is in none of `networks`.
    OutsideNetworks,
    /// `exclude` names it.
    Excluded,
    /// The cluster has `max_servers` already.
    TooMany,
    /// Its host name has no address.
    Unresolved,
    /// No client could connect to its address: loopback behind a name, link-local, multicast.
    Unpublishable,
}

/// Why a find that was examined is no kin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExaminedReason {
    /// It could not be asked.
    NoAnswer(FailureKind),
    /// It belongs to another cluster: another system identifier, group or Galera cluster.
    OtherIdentity,
    /// The cluster has no server yet, so that nothing can prove that this one belongs: an operator has
    /// to vouch for it. What it is, on one line.
    First(Box<str>),
    /// It has the cluster's identity, or may have, and follows no known member.
    NoLink,
    /// It has the cluster's identity, is writable, and has never been seen following a member: a
    /// restored copy that was promoted, or worse.
    Stranger,
    /// It lets in whoever comes, and no member lists it among those that receive from it.
    Unlisted,
    /// It follows a member on another timeline than the member's.
    OtherTimeline,
    /// It is a server that is known already, at another address.
    SameServer {
        /// That server.
        as_server: Box<str>,
    },
    /// It is to be published as it calls itself, and calls itself nothing.
    ReportsNothing,
    /// It calls itself so, and is published there once it has proven itself there.
    Reports(Box<str>),
    /// It calls itself so, and nobody may be there.
    ReportsOutside(Box<str>),
    /// It speaks another protocol than the cluster's servers.
    OtherEngine,
    /// It is kin, and the configuration with it would have this fault.
    Refused(Box<str>),
}

impl ExaminedReason {
    /// Nobody is known yet, and this is what it is.
    pub fn first(shown: &str) -> Self {
        Self::First(start_of_line(shown, WHY_CHARS).into())
    }

    /// Why the configuration has no place for it, on one line.
    pub fn refused(why: &str) -> Self {
        Self::Refused(start_of_line(why, WHY_CHARS).into())
    }
}

/// Characters of why a find cannot join.
const WHY_CHARS: usize = 300;

/// How a find has proven its kinship.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proof {
    /// It receives from this member.
    Follows(Box<str>),
    /// This member lists it among those that receive from it.
    FollowedBy(Box<str>),
    /// This member, which has quorum, lists it in its group.
    InGroupOf(Box<str>),
    /// An earlier process has seen the proof.
    Earlier,
}

impl Proof {
    /// The member whose word it rests on; empty when that is not known any more.
    pub fn member(&self) -> &str {
        match self {
            Self::Follows(member) | Self::FollowedBy(member) | Self::InGroupOf(member) => member,
            Self::Earlier => "",
        }
    }
}

/// Why a server is leaving.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeavingReason {
    /// Its sources do not name it any more.
    Unnamed,
    /// So many have left at once that none is let go before all have been gone for `forget_after`.
    Held,
}

/// Why a server is not taken in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ForgottenReason {
    /// Gone from every source, and down, for `forget_after`.
    Gone,
    /// An operator removed it.
    Removed,
}

impl FindState {
    /// The word of every voice.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Sighted(_) => "sighted",
            Self::Examined(_) => "examined",
            Self::Kin(_) => "kin",
            Self::Member(_) => "member",
            Self::Leaving(_) => "leaving",
            Self::Forgotten(_) => "forgotten",
        }
    }
}

/// The reason in the words of every voice.
impl fmt::Display for FindState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sighted(reason) => write!(f, "{reason}"),
            Self::Examined(reason) => write!(f, "{reason}"),
            Self::Kin(proof) | Self::Member(proof) => write!(f, "{proof}"),
            Self::Leaving(reason) => write!(f, "{reason}"),
            Self::Forgotten(reason) => write!(f, "{reason}"),
        }
    }
}

impl fmt::Display for SightedReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Waits => "waits to be examined",
            Self::OutsideNetworks => "its address is in none of `networks`",
            Self::Excluded => "excluded",
            Self::TooMany => "the cluster has `max_servers` already",
            Self::Unresolved => "its host name has no address",
            Self::Unpublishable => "no client could connect to its address",
        })
    }
}

impl fmt::Display for ExaminedReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoAnswer(kind) => write!(f, "cannot be asked: {kind}"),
            Self::OtherIdentity => f.write_str("belongs to another cluster"),
            Self::First(shown) => write!(
                f,
                "no server is known that could prove it, and somebody has to vouch for the first: \
                 it is {shown}"
            ),
            Self::NoLink => f.write_str("follows no known member"),
            Self::Unlisted => f.write_str(
                "asks for no password, and no known member sends to its address: set a SCRAM \
                 password for the user that asks",
            ),
            Self::Stranger => f.write_str(
                "a stranger carries our identity: it is writable and was never seen following",
            ),
            Self::OtherTimeline => f.write_str("follows a member on another timeline"),
            Self::SameServer { as_server } => write!(f, "is {as_server} at another address"),
            Self::ReportsNothing => f.write_str(
                "is kin and has no `report_host`, which `publish = \"reported\"` asks for",
            ),
            Self::Reports(host) => {
                write!(f, "is kin and calls itself {host}: it is published once it is kin there")
            }
            Self::ReportsOutside(host) => {
                write!(f, "is kin and calls itself {host}, which has no address in `networks`")
            }
            Self::OtherEngine => f.write_str("speaks another protocol"),
            Self::Refused(why) => write!(f, "cannot be added: {why}"),
        }
    }
}

impl fmt::Display for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Follows(member) => write!(f, "follows {member}"),
            Self::FollowedBy(member) => write!(f, "{member} sends to it"),
            Self::InGroupOf(member) => write!(f, "in the group of {member}"),
            Self::Earlier => f.write_str("was proven before the restart"),
        }
    }
}

impl fmt::Display for LeavingReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unnamed => "no source names it any more",
            Self::Held => "held: more than half of the servers have left at once",
        })
    }
}

impl fmt::Display for ForgottenReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Gone => "gone from every source for `forget_after`",
            Self::Removed => "removed",
        })
    }
}
