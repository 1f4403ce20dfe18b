//! Who replicates from whom as a tree: where each server stands in it, and what is to be seen.

use crate::{
    engine::{ClusterKind, ServerState, StateReason, Upstream},
    report::{ClusterView, NameReason, ServerView},
};

/// One server in its place.
#[derive(Debug)]
pub struct Leaf<'c> {
    /// The server.
    pub server: &'c ServerView,
    /// How many servers are between it and the beginning.
    pub depth: usize,
    /// The row of the server that it hangs on; `None` for one that begins a tree.
    pub parent: Option<usize>,
    /// What is to be seen of it beside its state.
    pub bond: Bond,
}

/// How a server hangs on its upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bond {
    /// It has none, or none that is known.
    Free,
    /// In the group of all that are so, each with the changes of the others.
    Grouped,
    /// In the end on the writer, or on nobody who could be wrong.
    Sound,
    /// It did by its last reply, and does not answer or does not receive now.
    Broken,
    /// On a server that is not the writer, while there is one: what is written does not reach it.
    Dead,
}

impl Bond {
    /// The word beside the shape.
    pub fn word(self) -> Option<&'static str> {
        match self {
            Self::Dead => Some("dead branch"),
            Self::Free | Self::Grouped | Self::Sound | Self::Broken => None,
        }
    }
}

/// The servers of a cluster from the top: each behind the one that it hangs on, the writer first.
/// Empty for a cluster that does not replicate, and for one of more than [`MOST`] servers.
pub fn tree(cluster: &ClusterView) -> Vec<Leaf<'_>> {
    let servers = &cluster.servers;
    if cluster.kind == ClusterKind::Tcp || servers.len() > MOST {
        return Vec::new();
    }
    let writer = writer(cluster);
    let place = |name: &str| servers.iter().position(|server| *server.name == *name);
    let parents: Vec<Option<usize>> = servers
        .iter()
        .map(|server| server.upstream.as_ref().and_then(Upstream::member))
        .map(|member| member.and_then(|name| place(name)))
        .collect();
    let mut tree = Planting { cluster, parents: &parents, writer, leaves: Vec::new() };
    // Who hangs on nobody begins, the writer before others and the members of its group behind it; of
    // a circle whoever comes first. Members stand one step to the right, beside the line of the group.
    let begins = |at: &usize| parents[*at].is_none();
    let grouped = |at: &usize| servers[*at].upstream == Some(Upstream::Group);
    let heads = writer.into_iter().filter(begins).chain((0..servers.len()).filter(grouped));
    let heads = heads.chain((0..servers.len()).filter(begins));
    for head in heads.chain(writer).chain(0..servers.len()) {
        tree.plant(head, None, usize::from(grouped(&head)));
    }
    tree.leaves
}

/// The server that the write name says, if it is one.
fn writer(cluster: &ClusterView) -> Option<usize> {
    let name = cluster.names.iter().find(|name| matches!(name.reason, NameReason::Write(_)))?;
    let said = name.servers.first()?;
    cluster.servers.iter().position(|server| server.name == *said)
}

/// A tree that grows.
struct Planting<'c, 'p> {
    cluster: &'c ClusterView,
    parents: &'p [Option<usize>],
    writer: Option<usize>,
    leaves: Vec<Leaf<'c>>,
}

impl Planting<'_, '_> {
    /// Plants a server and those that hang on it, unless it stands already.
    fn plant(&mut self, at: usize, parent: Option<usize>, depth: usize) {
        let server = &self.cluster.servers[at];
        if self.leaves.iter().any(|leaf| std::ptr::eq(leaf.server, server)) {
            return;
        }
        let row = self.leaves.len();
        self.leaves.push(Leaf { server, depth, parent, bond: self.bond(at) });
        for child in 0..self.parents.len() {
            if self.parents[child] == Some(at) {
                self.plant(child, Some(row), depth + 1);
            }
        }
    }

    fn bond(&self, at: usize) -> Bond {
        let servers = &self.cluster.servers;
        if servers[at].upstream.is_none() {
            return Bond::Free;
        }
        let end = self.end_of(at);
        let leads_elsewhere = self.writer.is_some_and(|writer| {
            servers[writer].state == ServerState::Primary && writer != at && end != Some(writer)
        });
        if servers[at].upstream == Some(Upstream::Group) {
            return match (servers[at].state, servers[at].reason) {
                (_, StateReason::OtherComponent(_)) => Bond::Dead,
                (ServerState::Down, _) => Bond::Broken,
                _ => Bond::Grouped,
            };
        }
        let source_is_gone = self.parents[at].is_some_and(|parent| is_gone(&servers[parent]));
        match servers[at].state {
            _ if leads_elsewhere => Bond::Dead,
            ServerState::Primary
            | ServerState::ReadOnlyPrimary
            | ServerState::Replica
            | ServerState::ReplicaLagging
            | ServerState::OutOfService
                if !source_is_gone =>
            {
                Bond::Sound
            }
            _ => Bond::Broken,
        }
    }

    /// The server at the end of the way up; `None` when the way leaves the cluster. In a circle the
    /// writer is the end, if it is one of it.
    fn end_of(&self, at: usize) -> Option<usize> {
        let mut end = at;
        for _ in self.parents {
            if Some(end) == self.writer {
                break;
            }
            match (self.parents[end], &self.cluster.servers[end].upstream) {
                (Some(next), _) => end = next,
                (None, Some(Upstream::Group)) => {
                    let of_group =
                        |at: &usize| self.cluster.servers[*at].upstream == Some(Upstream::Group);
                    return Some(self.writer.filter(of_group).unwrap_or(end));
                }
                (None, Some(_)) => return None,
                (None, None) => break,
            }
        }
        Some(end)
    }
}

/// Whether nothing comes from a server any more: not one that only we do not reach.
fn is_gone(server: &ServerView) -> bool {
    let lives =
        matches!(server.reason, StateReason::UnreachableFromHere | StateReason::Unresponsive);
    server.state == ServerState::Down && !lives
}

/// Servers of a cluster that a picture is drawn of: more are easier to read in a table.
pub const MOST: usize = 16;

#[cfg(test)]
mod tests {
    use super::{super::sample, *};

    /// A cluster whose servers hang on each other like this: `db1`, `db2<db1`.
    fn cluster(servers: &[(&str, ServerState)], writer: &str) -> ClusterView {
        let mut cluster = sample::cluster("shop");
        let like = cluster.servers[0].clone();
        cluster.servers = servers
            .iter()
            .map(|(text, state)| {
                let (name, upstream) = match text.split_once('<') {
                    Some((name, "group")) => (name, Some(Upstream::Group)),
                    Some((name, "outside")) => (name, Some(Upstream::Outside)),
                    Some((name, upstream)) => (name, Some(Upstream::Member(upstream.into()))),
                    None => (*text, None),
                };
                ServerView { name: name.into(), state: *state, upstream, ..like.clone() }
            })
            .collect();
        cluster.names[0].servers = vec![writer.into()];
        cluster
    }

    /// As `  db2 Sound`, with two blanks for each step down.
    fn drawn(cluster: &ClusterView) -> Vec<String> {
        let leaves = tree(cluster);
        let line = |leaf: &Leaf<'_>| {
            let above = leaf.parent.map(|row| &leaves[row].server.name);
            let upstream = leaf.server.upstream.as_ref().and_then(Upstream::member);
            assert!(above.is_none() || above == upstream);
            format!("{}{} {:?}", "  ".repeat(leaf.depth), leaf.server.name, leaf.bond)
        };
        leaves.iter().map(line).collect()
    }

    #[test]
    fn each_hangs_on_its_upstream_and_the_writer_is_on_top() {
        use ServerState::{Down, Primary, Replica, StalePrimary};
        let shop = cluster(
            &[
                ("db1", StalePrimary),
                ("db2", Primary),
                ("db3<db1", Replica),
                ("db4<db2", Replica),
                ("db5<db4", Replica),
                ("db6<db2", Down),
                ("db7<outside", Replica),
            ],
            "db2",
        );
        let expected = [
            "db2 Free",
            "  db4 Sound",
            "    db5 Sound",
            "  db6 Broken",
            "db1 Free",
            "  db3 Dead",
            "db7 Dead",
        ];
        assert_eq!(drawn(&shop), expected);
    }

    #[test]
    fn members_of_a_group_stand_beside_each_other_with_their_replicas_below() {
        use ServerState::{Down, Primary, Replica};
        let mut shop = cluster(
            &[
                ("db1<group", Replica),
                ("db2<group", Primary),
                ("db3<group", Down),
                ("db4<db1", Replica),
                ("db5", Replica),
                ("db6<group", Replica),
            ],
            "db2",
        );
        shop.servers[5].reason = StateReason::OtherComponent(crate::engine::ServerIndex::new(1));
        let expected =
            ["db2 Grouped", "db1 Grouped", "  db4 Sound", "db3 Broken", "db6 Dead", "db5 Free"];
        let below = |line: &String| line.strip_prefix("  ").unwrap_or(line).to_owned();
        let lines = drawn(&shop);
        assert_eq!(lines[..5].iter().map(below).collect::<Vec<_>>(), expected[..5]);
        assert_eq!(lines[5], expected[5]);
        assert!(tree(&shop)[..5].iter().all(|leaf| leaf.depth > 0));
    }

    #[test]
    fn a_circle_is_drawn_once_and_a_branch_is_dead_only_beside_a_writer() {
        use ServerState::{Down, Primary, Replica};
        let both = [("db1<db2", Primary), ("db2<db1", Replica), ("db3<db2", Replica)];
        let ring = cluster(&both, "db1");
        assert_eq!(drawn(&ring), ["db1 Sound", "  db2 Sound", "    db3 Sound"]);
        let held = cluster(&[("db1", Down), ("db2", Replica), ("db3<db2", Replica)], "db1");
        assert_eq!(drawn(&held), ["db1 Free", "db2 Free", "  db3 Sound"]);
        let orphans = cluster(&[("db1", Down), ("db2<db1", Replica)], "db1");
        assert_eq!(drawn(&orphans), ["db1 Free", "  db2 Broken"]);
        let mut unreached = orphans;
        unreached.servers[0].reason = StateReason::UnreachableFromHere;
        assert_eq!(drawn(&unreached), ["db1 Free", "  db2 Sound"]);
        let mut plain = held;
        plain.kind = ClusterKind::Tcp;
        assert!(tree(&plain).is_empty());
        plain = cluster(&[("db1", Primary); MOST + 1], "db1");
        assert!(tree(&plain).is_empty());
    }
}
