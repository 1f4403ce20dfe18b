//! Where a replica gets its changes from.

/// The direct source of a replica's changes, by its last good reply: nothing is concluded from it.
/// Servers are places of the configuration here, and names in what is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Upstream<Server> {
    /// A member of the same cluster.
    Member(Server),
    /// A group that it is a member of (Group Replication, Galera): each member has the changes of all
    /// others from the group, and from none of them alone.
    Group,
    /// A server outside of the cluster.
    Outside,
}

impl<Server> Upstream<Server> {
    /// The same by other words for servers; `None` when there is none for its member.
    pub fn filter_map<Other>(
        self,
        word: impl FnOnce(Server) -> Option<Other>,
    ) -> Option<Upstream<Other>> {
        match self {
            Self::Member(server) => word(server).map(Upstream::Member),
            Self::Group => Some(Upstream::Group),
            Self::Outside => Some(Upstream::Outside),
        }
    }

    /// The member, if it is one.
    pub fn member(&self) -> Option<&Server> {
        match self {
            Self::Member(server) => Some(server),
            Self::Group | Self::Outside => None,
        }
    }
}
