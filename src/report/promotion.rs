//! Who could be promoted while nobody writes.

use super::{ClusterView, NameReason, ServerView};
use crate::engine::{ServerState, WriteReason};

impl ClusterView {
    /// The replicas that answer and follow the right history, the one that is least behind first,
    /// while the write name has no writer; none while it has one, while it is unknown whether it has
    /// one, or while an operator wants none. Pointsman promotes nobody: somebody has to.
    ///
    /// How far they are behind is then measured against the furthest that any member has shown.
    /// Drained ones are last.
    pub fn promotable(&self) -> Vec<&ServerView> {
        if !self.misses_writer() {
            return Vec::new();
        }
        let follows = |server: &&ServerView| {
            use ServerState::{Replica, ReplicaDetached, ReplicaLagging};
            matches!(server.state, Replica | ReplicaLagging | ReplicaDetached)
        };
        let mut replicas: Vec<_> = self.servers.iter().filter(follows).collect();
        replicas.sort_by_key(|server| (server.drained, server.lag.is_none(), server.lag));
        replicas
    }

    /// Whether nobody is known to take writes, though somebody is to.
    pub fn misses_writer(&self) -> bool {
        self.names.iter().any(|name| misses_writer(name.reason))
    }
}

/// Whether a name says by its reason that nobody is known to take writes.
fn misses_writer(reason: NameReason) -> bool {
    match reason {
        NameReason::Write(reason) => matches!(
            reason,
            WriteReason::Held(_)
                | WriteReason::HeldNotWritable
                | WriteReason::NotWritable
                | WriteReason::NoPrimaryKnown
                | WriteReason::HeldPinned(_)
                | WriteReason::PinnedNotWritable
        ),
        NameReason::Read(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{super::sample::shop, *};
    use crate::engine::Lag;

    #[test]
    fn the_least_late_replica_that_answers_is_first_and_none_while_there_is_a_writer() {
        let mut shop = shop();
        assert!(shop.promotable().is_empty());
        let late = |millis| Some(Lag(Duration::from_millis(millis)));
        shop.names[0].reason = NameReason::Write(WriteReason::Held(ServerState::Down));
        shop.servers[0].state = ServerState::Down;
        (shop.servers[1].lag, shop.servers[2].lag) = (late(400), late(20));
        let mut broken = shop.servers[1].clone();
        (broken.name, broken.state) = ("shop4".into(), ServerState::ReplicaBroken);
        let mut unknown = shop.servers[1].clone();
        (unknown.name, unknown.lag) = ("shop5".into(), None);
        let mut drained = shop.servers[1].clone();
        (drained.name, drained.lag, drained.drained) = ("shop6".into(), late(0), true);
        shop.servers.extend([drained, broken, unknown]);
        let names = |shop: &ClusterView| -> Vec<_> {
            shop.promotable().iter().map(|server| server.name.to_string()).collect()
        };
        assert_eq!(names(&shop), ["shop3", "shop2", "shop5", "shop6"]);
        // The primary lives, or two of them do, or nobody is to write: nobody is to be promoted.
        for reason in [
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
