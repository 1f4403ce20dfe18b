//! All that a judgement of one cluster rests on.

use super::{
    identity::{Identity, carried_identity},
    office::Office,
    verdicts::{FOREIGN, MAY_NOT_WRITE, STRANGER},
};
use crate::engine::{
    ClusterPolicy, Facts, MayWrite, Moment, ServerIndex, conclusion::Conclusion, ids::Servers,
    record::Record, steering::Steering, superseded::Superseded, trouble::Liveness,
    verdict::Verdict,
};

/// What a judgement may know besides what its servers said and what was concluded of them.
#[derive(Clone, Copy, Debug)]
pub struct Precedents<'a> {
    /// The server that the write name says now.
    pub published: Option<ServerIndex>,
    /// The last server that it said, also after a withdrawal.
    pub last_writer: Option<ServerIndex>,
    /// What that one had.
    pub office: &'a Office,
    /// Every server has had its time to say what it is: what speaks for one is not only that it was
    /// heard first.
    pub ready: bool,
    /// The servers that the write name may not return to yet.
    pub blocked: &'a [ServerIndex],
    /// What operators wish of the choice among several.
    pub steering: &'a Steering,
    /// The identity of the cluster, once it is known.
    pub identity: Option<&'a Identity>,
}

/// One cluster as it stands at one moment: questions are asked of it, and nothing in it changes.
#[derive(Clone, Copy, Debug)]
pub struct Case<'a> {
    pub policy: &'a ClusterPolicy,
    /// What was heard.
    pub records: &'a Servers<Record>,
    /// What was concluded so far.
    pub conclusions: &'a Servers<Conclusion>,
    pub precedents: &'a Precedents<'a>,
    pub now: Moment,
}

/// The same while it is judged: what was heard stands, conclusions change.
#[derive(Debug)]
pub struct Hearing<'a> {
    pub policy: &'a ClusterPolicy,
    pub records: &'a Servers<Record>,
    pub conclusions: &'a mut Servers<Conclusion>,
    pub precedents: &'a Precedents<'a>,
    pub now: Moment,
}

impl<'a> Hearing<'a> {
    /// How it stands now.
    pub(super) fn case(&self) -> Case<'_> {
        let Self { policy, records, ref conclusions, precedents, now } = *self;
        Case { policy, records, conclusions, precedents, now }
    }

    /// What was heard of a server, and what is concluded of it.
    pub(super) fn of(&mut self, server: ServerIndex) -> (&'a Record, &mut Conclusion) {
        (&self.records[server], &mut self.conclusions[server])
    }
}

impl<'a> Case<'a> {
    /// All servers in config order.
    pub fn indices(self) -> impl Iterator<Item = ServerIndex> + Clone {
        self.records.indices()
    }

    /// All servers but one.
    pub fn others(self, server: ServerIndex) -> impl Iterator<Item = ServerIndex> + Clone {
        self.indices().filter(move |other| *other != server)
    }

    /// How a server has answered lately.
    pub fn liveness(self, server: ServerIndex) -> Liveness {
        self.records[server].liveness(&self.policy.thresholds, self.now)
    }

    /// Whether the last probe of a server was answered.
    pub fn answers(self, server: ServerIndex) -> bool {
        self.liveness(server) == Liveness::Answering
    }

    /// Whether a server is known to be gone.
    pub fn is_gone(self, server: ServerIndex) -> bool {
        matches!(self.liveness(server), Liveness::Gone(_))
    }

    /// Whether a server does not belong here: its last word carries another identity than the
    /// cluster's, or it was found and its claim to be writable does not count.
    pub fn is_foreign(self, server: ServerIndex) -> bool {
        self.foreign(server).is_some()
    }

    /// The verdict on a server that does not belong here.
    pub fn foreign(self, server: ServerIndex) -> Option<Verdict> {
        match (carried_identity(&self.records[server]), self.precedents.identity) {
            (Some(carried), Some(known)) if carried != *known => return Some(FOREIGN),
            _ => {}
        }
        if !self.records[server].facts.as_ref().is_some_and(Facts::leads_alone) {
            return None;
        }
        match self.policy.server(server).may_write {
            MayWrite::SeenFollowing if !self.has_followed(server) => Some(STRANGER),
            MayWrite::Never => Some(MAY_NOT_WRITE),
            MayWrite::Always | MayWrite::SeenFollowing => None,
        }
    }

    /// Whether a good reply of a server has come since the last judgement.
    pub fn has_news(self, server: ServerIndex) -> bool {
        self.conclusions[server].has_news(&self.records[server])
    }

    /// Whether a server has lost what it had, and was not seen following since.
    pub fn has_lost_history(self, server: ServerIndex) -> bool {
        self.conclusions[server].has_lost_history(&self.records[server])
    }

    /// Whether a server has been a replica of this cluster, or its writer.
    pub fn has_followed(self, server: ServerIndex) -> bool {
        self.conclusions[server].has_followed(&self.records[server])
    }

    /// How a server lost against another one, as long as that counts.
    pub fn superseded(self, server: ServerIndex) -> Option<&'a Superseded> {
        self.conclusions[server].superseded.as_deref()
    }
}
