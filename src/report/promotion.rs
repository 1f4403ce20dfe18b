//! Who could be promoted while nobody writes, the one that loses least first.

use std::fmt;

use super::{ClusterView, NameReason, ServerView};
use crate::engine::{Extent, Relation, ServerState};

/// A replica that could be promoted, and how it lies to the others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PromotionCandidate<'a> {
    /// The replica.
    pub server: &'a ServerView,
    /// 1 for those that no other is ahead of, and one more for each other that is ahead; `None` for
    /// those that do not tell their position.
    pub rank: Option<usize>,
    /// The others that have the same.
    pub same: Vec<&'a str>,
    /// The others that have what it lacks, and lack what it has.
    pub diverged: Vec<&'a str>,
    /// The others that it cannot be compared with: of another timeline, or one of the two does not
    /// tell its position.
    pub incomparable: Vec<&'a str>,
}

impl ClusterView {
    /// The replicas that answer and follow the right history, by how far what they have reaches,
    /// while the write name has no writer; none while it has one, while it is unknown whether it has
    /// one, or while an operator wants none. Pointsman promotes nobody: somebody has to.
    ///
    /// Of those with the same rank drained ones are last, and then those that are further behind what
    /// any member has shown. Those that do not tell their position come after all others, and no more
    /// than `COMPARED_MAX` are compared.
    pub fn promotable(&self) -> Vec<PromotionCandidate<'_>> {
        if !self.misses_writer() {
            return Vec::new();
        }
        let follows = |server: &&ServerView| {
            use ServerState::{Replica, ReplicaDetached, ReplicaLagging};
            matches!(server.state, Replica | ReplicaLagging | ReplicaDetached)
        };
        let mut replicas: Vec<_> = self.servers.iter().filter(follows).collect();
        replicas.sort_by_key(|server| (server.drained, server.lag.is_none(), server.lag));
        let compared = &replicas[..replicas.len().min(COMPARED_MAX)];
        let mut candidates: Vec<_> =
            replicas.iter().map(|server| PromotionCandidate::among(server, compared)).collect();
        candidates.sort_by_key(|candidate| candidate.rank.map_or((true, 0), |rank| (false, rank)));
        candidates
    }

    /// Whether nobody is known to take writes, though somebody is to.
    pub fn misses_writer(&self) -> bool {
        self.names.iter().any(|name| match name.reason {
            NameReason::Write(reason) => reason.misses_writer(),
            NameReason::Read(_) => false,
        })
    }
}

impl<'a> PromotionCandidate<'a> {
    fn among(server: &'a ServerView, all: &[&'a ServerView]) -> Self {
        let rank = server.extent.as_ref().map(|_| 1);
        let mut candidate =
            Self { server, rank, same: vec![], diverged: vec![], incomparable: vec![] };
        for other in all.iter().filter(|other| other.name != server.name) {
            let relation = match (&server.extent, &other.extent) {
                (Some(ours), Some(theirs)) => ours.relation(theirs),
                _ => Relation::Unknown,
            };
            match relation {
                Relation::Ahead => {}
                Relation::Behind => candidate.rank = candidate.rank.map(|rank| rank + 1),
                Relation::Equal => candidate.same.push(&other.name),
                Relation::Diverged => candidate.diverged.push(&other.name),
                Relation::Unknown => candidate.incomparable.push(&other.name),
            }
        }
        candidate
    }

    /// Its position as the server prints it, cut off where it is long; `None` when it does not tell.
    pub fn position(&self) -> Option<String> {
        let text = self.server.extent.as_ref().map(Extent::to_string)?;
        Some(match text.char_indices().nth(POSITION_CHARS) {
            Some((end, _)) => format!("{}…", &text[..end]),
            None => text,
        })
    }
}

/// `at 0/3000148 on timeline 2, the same as db3; 0.2s behind what any member has shown`.
impl fmt::Display for PromotionCandidate<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.position() {
            Some(position) => write!(f, "at {position}")?,
            None => f.write_str("its position is not known")?,
        }
        if !self.same.is_empty() {
            write!(f, ", the same as {}", self.same.join(", "))?;
        }
        if !self.diverged.is_empty() {
            let others = self.diverged.join(", ");
            write!(f, "; it has what {others} lacks, and lacks what {others} has")?;
        }
        if !self.incomparable.is_empty() && self.server.extent.is_some() {
            write!(f, "; it cannot be compared with {}", self.incomparable.join(", "))?;
        }
        match self.server.lag {
            Some(lag) if lag.millis() == 0 => {
                f.write_str("; it lacks nothing that any member has shown")?;
            }
            Some(lag) if lag.millis() < 100 => {
                f.write_str("; less than 0.1s behind what any member has shown")?;
            }
            Some(lag) => write!(f, "; {lag} behind what any member has shown")?,
            None => f.write_str("; how far it is behind is not known")?,
        }
        if self.server.drained {
            f.write_str("; drained")?;
        }
        Ok(())
    }
}

/// So many replicas are compared with all others: sets of GTIDs may be long.
const COMPARED_MAX: usize = 16;

/// Of a position so many characters are shown; sets of GTIDs may be long.
const POSITION_CHARS: usize = 200;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{super::sample::shop, *};
    use crate::engine::{GtidSet, Lag, Position, WriteReason};

    fn wal(timeline: u32, offset: u64) -> Option<Extent> {
        Some(Extent::Wal { timeline, position: Position::lsn(offset) })
    }

    /// A cluster without a writer, and these replicas: name, extent, lag.
    fn orphaned(replicas: &[(&str, Option<Extent>, u64)]) -> ClusterView {
        let mut shop = shop();
        shop.names[0].reason = NameReason::Write(WriteReason::Held(ServerState::Down));
        shop.servers[0].state = ServerState::Down;
        let sample = shop.servers.remove(1);
        shop.servers.truncate(1);
        shop.servers.extend(replicas.iter().map(|(name, extent, millis)| ServerView {
            name: (*name).into(),
            extent: extent.clone(),
            lag: Some(Lag(Duration::from_millis(*millis))),
            ..sample.clone()
        }));
        shop
    }

    fn told(shop: &ClusterView) -> Vec<String> {
        let line = |one: &PromotionCandidate<'_>| {
            let rank = one.rank.map_or_else(|| "-".to_owned(), |rank| rank.to_string());
            format!("{rank} {}: {one}", one.server.name)
        };
        shop.promotable().iter().map(line).collect()
    }

    #[test]
    fn who_has_received_most_is_first_and_ties_are_told() {
        let shop = orphaned(&[
            ("a", wal(1, 0x100), 0),
            ("b", wal(1, 0x300), 500),
            ("c", wal(1, 0x300), 20),
            ("d", None, 0),
        ]);
        assert_eq!(
            told(&shop),
            [
                "1 c: at 0/300 on timeline 1, the same as b; it cannot be compared with d; less \
                 than 0.1s behind what any member has shown",
                "1 b: at 0/300 on timeline 1, the same as c; it cannot be compared with d; 0.5s \
                 behind what any member has shown",
                "3 a: at 0/100 on timeline 1; it cannot be compared with d; it lacks nothing that \
                 any member has shown",
                "- d: its position is not known; it lacks nothing that any member has shown",
            ]
        );
    }

    #[test]
    fn timelines_are_not_compared_and_what_each_lacks_is_told() {
        let shop = orphaned(&[("a", wal(1, 0x900), 0), ("b", wal(2, 0x300), 0)]);
        assert!(told(&shop)[0].contains("it cannot be compared with b"), "{:?}", told(&shop));
        let set = |text: &str| {
            let uuid = "3e11fa47-71ca-11e1-9e33-c80aa9429562";
            let set = GtidSet::parse(&text.replace('u', uuid)).expect("GTIDs");
            Some(Extent::Transactions(set.into()))
        };
        let shop = orphaned(&[("a", set("u:1-5:8"), 0), ("b", set("u:1-6"), 0)]);
        let told = told(&shop);
        assert!(told[0].contains("; it has what b lacks, and lacks what b has"), "{told:?}");
    }

    #[test]
    fn a_long_position_is_cut_off() {
        let uuid = "3e11fa47-71ca-11e1-9e33-c80aa9429562";
        let gaps = (0..500).map(|gap| format!(":{}", 2 * gap + 1)).collect::<String>();
        let set = GtidSet::parse(&format!("{uuid}{gaps}")).expect("GTIDs");
        let shop = orphaned(&[("a", Some(Extent::Transactions(set.into())), 0)]);
        let position = shop.promotable()[0].position().expect("it tells");
        assert_eq!((position.chars().count(), position.ends_with('…')), (POSITION_CHARS + 1, true));
    }

    #[test]
    fn replicas_that_are_broken_are_no_candidates_and_drained_ones_are_last_of_their_rank() {
        let mut shop = orphaned(&[
            ("drained", wal(1, 0x300), 0),
            ("broken", wal(1, 0x900), 0),
            ("good", wal(1, 0x300), 9),
        ]);
        shop.servers[1].drained = true;
        shop.servers[2].state = ServerState::ReplicaBroken;
        let names = |shop: &ClusterView| -> Vec<_> {
            shop.promotable().iter().map(|one| one.server.name.to_string()).collect()
        };
        assert_eq!(names(&shop), ["good", "drained"]);
        // The primary lives, or two of them do, or nobody is to write: nobody is to be promoted.
        for reason in [
            WriteReason::Primary,
            WriteReason::HeldUnreachable,
            WriteReason::HeldSplitBrain,
            WriteReason::HeldIsolated,
            WriteReason::Maintenance,
            WriteReason::Frozen,
            WriteReason::NotReady,
        ] {
            shop.names[0].reason = NameReason::Write(reason);
            assert!(names(&shop).is_empty(), "{reason}");
        }
    }
}
