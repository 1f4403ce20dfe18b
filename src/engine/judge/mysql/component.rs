//! The parts of a group that has split although each part has a quorum.
//!
//! A bootstrap keeps the identity of a group, so two parts of one group may both take writes. Their
//! members' views tell them apart: no member is in both.

use super::standing::is_shut_out;
use crate::engine::{
    Group, Loss, ServerIndex,
    ids::Servers,
    judge::case::{Case, Hearing},
    record::Record,
};

/// The parts of a group, by who sees whom.
#[derive(Clone, Debug, Default)]
pub struct Components {
    /// Members in good standing that answer, part by part.
    parts: Vec<Vec<ServerIndex>>,
    /// Which part the writer is chosen from.
    main: usize,
}

impl Components {
    /// The parts that members see. The one of the published writer is right, else the larger one,
    /// else that of the first member in config order.
    pub fn of(case: Case<'_>) -> Self {
        let sound = case.indices().filter(|&index| {
            let facts = case.records[index].mysql();
            case.answers(index)
                && !case.is_foreign(index)
                && facts.is_some_and(|facts| facts.group.is_some() && !is_shut_out(facts))
        });
        let mut parts: Vec<Vec<ServerIndex>> = Vec::new();
        for member in sound {
            let sees = |part: &Vec<ServerIndex>| {
                part.iter().any(|&other| see_each_other(other, member, case.records))
            };
            let (with, without): (Vec<_>, Vec<_>) = parts.into_iter().partition(sees);
            let mut joined: Vec<_> = with.into_iter().flatten().chain([member]).collect();
            joined.sort_unstable();
            parts = without;
            parts.push(joined);
        }
        let rank = |part: &Vec<ServerIndex>| {
            let holds = |one: Option<ServerIndex>| one.is_some_and(|one| part.contains(&one));
            let lost = part.iter().all(|member| case.superseded(*member).is_some());
            let incumbent = holds(case.precedents.published) || holds(case.precedents.last_writer);
            (!lost, incumbent, part.len(), std::cmp::Reverse(part.first().copied()))
        };
        let main = (0..parts.len()).max_by_key(|&at| rank(&parts[at])).unwrap_or(0);
        Self { parts, main }
    }

    /// Whether there are two that could be written to.
    pub fn are_split(&self) -> bool {
        self.parts.len() > 1
    }

    /// A member of the part that is right, when `server` is in another.
    pub fn outside_of(&self, server: ServerIndex) -> Option<ServerIndex> {
        let elsewhere = self
            .parts
            .iter()
            .enumerate()
            .any(|(at, part)| at != self.main && part.contains(&server));
        self.main().first().copied().filter(|_| elsewhere)
    }

    /// The members of the part that is right.
    pub fn main(&self) -> &[ServerIndex] {
        self.parts.get(self.main).map_or(&[], Vec::as_slice)
    }

    /// Remembers who is in the wrong part, also when the right one is gone, and forgets it of those
    /// who are in one part with the writer again.
    pub fn note(&self, hearing: &mut Hearing<'_>) {
        let precedents = hearing.precedents;
        let writer = precedents.published.or(precedents.last_writer);
        for part in &self.parts {
            let rejoined =
                |heir: Option<ServerIndex>| heir.is_some_and(|heir| part.contains(&heir));
            for member in part {
                let conclusion = &mut hearing.conclusions[*member];
                let heir = conclusion.superseded.as_ref().and_then(|superseded| superseded.by);
                if rejoined(heir.filter(|heir| heir != member))
                    || rejoined(writer.filter(|writer| writer != member))
                {
                    conclusion.superseded = None;
                }
            }
        }
        let Some(right) = self.main().first().copied() else { return };
        if !precedents.ready {
            return;
        }
        let heir = writer.filter(|writer| self.main().contains(writer)).unwrap_or(right);
        let had = &hearing.records[heir].history.gtid;
        for (at, part) in self.parts.iter().enumerate() {
            if at != self.main {
                for member in part {
                    let (record, conclusion) = hearing.of(*member);
                    conclusion.mark_superseded(record, Some(heir), had, Loss::Precedence);
                }
            }
        }
    }
}

fn view(records: &Servers<Record>, member: ServerIndex) -> &[Box<str>] {
    match records[member].mysql().and_then(|facts| facts.group.as_ref()) {
        Some(Group::Galera(node)) => &node.members,
        Some(Group::Replication(member)) => &member.members,
        None => &[],
    }
}

/// Whether two members may be in one part of their group.
pub fn see_each_other(one: ServerIndex, other: ServerIndex, records: &Servers<Record>) -> bool {
    overlap(view(records, one), view(records, other))
}

/// A member that does not tell whom it sees is no proof of a split.
fn overlap(one: &[Box<str>], other: &[Box<str>]) -> bool {
    one.is_empty() || other.is_empty() || one.iter().any(|member| other.contains(member))
}
