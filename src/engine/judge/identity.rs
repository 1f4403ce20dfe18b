//! Which servers belong to the cluster at all.

use crate::engine::{
    Facts, Group, Moment, MySqlFacts, Thresholds, ids::Servers, record::Record, trouble::Liveness,
};

/// What members of one cluster have in common: PostgreSQL's system identifier, Galera's cluster
/// UUID.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identity {
    System(u64),
    /// Galera's cluster UUID, or the name of a replication group.
    Group(Box<str>),
}

/// The identity of one cluster, as far as it is known.
#[derive(Clone, Debug, Default)]
pub struct KnownIdentity {
    identity: Option<Identity>,
    /// More than half of the cluster's servers have carried it.
    established: bool,
    /// It was known before the restart: the dead that carry it count though nobody has heard them.
    remembered: bool,
    /// An operator has said that this is the cluster's, whatever others carried before.
    accepted: bool,
}

impl KnownIdentity {
    /// One that an earlier process has known, or was told by an operator (`accepted`).
    pub fn remembered(identity: Identity, accepted: bool) -> Self {
        Self { identity: Some(identity), established: true, remembered: true, accepted }
    }

    /// Whether it rests on an operator's word.
    pub fn is_accepted(&self) -> bool {
        self.accepted
    }

    /// The identity of a server whose history an operator has made the cluster's.
    pub fn accept(&mut self, record: &Record) {
        if let Some(identity) = carried_identity(record) {
            let identity = Some(identity);
            *self = Self { identity, established: true, remembered: false, accepted: true };
        }
    }

    /// The identity that servers must carry; `None` as long as nobody has shown one.
    pub fn get(&self) -> Option<&Identity> {
        self.identity.as_ref()
    }

    /// Learns from the last words of all servers, the dead ones included.
    ///
    /// The identity that most servers carry counts, among equals that of the first server in config
    /// order: facts that any other instance sees too. Nothing is taken for known before the first
    /// round has ended (`started`), because the first server to answer may be the foreign one.
    /// After it, the known identity gives way only to one that more than half of all servers carry;
    /// once it was carried by so many itself, only when nobody who is there carries it any more, and
    /// two servers carry the other one, as after an upgrade that made every server anew: one alone
    /// has just as well lost its volume. One that was remembered is known from the start.
    pub fn learn(
        &mut self,
        records: &Servers<Record>,
        started: bool,
        thresholds: &Thresholds,
        now: Moment,
    ) {
        let carried: Vec<_> = records.iter().filter_map(carried_identity).collect();
        let votes = |one: &Identity| carried.iter().filter(|other| *other == one).count();
        let most = carried.iter().map(votes).max();
        let Some(leader) = carried.iter().find(|one| Some(votes(one)) == most) else {
            return;
        };
        let majority = |one: &Identity| votes(one) * 2 > records.len();
        // Who refuses us carries what he last showed.
        let is_there =
            |record: &Record| !matches!(record.liveness(thresholds, now), Liveness::Gone(_));
        let lives = |one: &Identity| {
            records.iter().any(|it| is_there(it) && carried_identity(it).as_ref() == Some(one))
        };
        let stays = |known: &&Identity| {
            let loyal = (started || self.remembered) && !majority(leader);
            let unmatched = lives(known) || *known != leader && votes(leader) < 2;
            let awaited =
                self.remembered && records.iter().any(|it| is_there(it) && it.facts.is_none());
            loyal || self.accepted || self.established && (unmatched || awaited)
        };
        let identity = self.identity.as_ref().filter(stays).unwrap_or(leader).clone();
        let same = self.identity.as_ref() == Some(&identity);
        self.established = same && self.established || majority(&identity);
        self.remembered &= same;
        self.accepted &= same && !majority(&identity);
        self.identity = Some(identity);
    }
}

/// The identity that a server's last word carries.
pub fn carried_identity(record: &Record) -> Option<Identity> {
    match record.facts.as_ref()? {
        Facts::Postgres(facts) => Some(Identity::System(facts.system_identifier)),
        Facts::MySql(facts) => group_identity(facts),
        Facts::Tcp => None,
    }
}

/// The identity of the group that a server belongs to.
pub fn group_identity(facts: &MySqlFacts) -> Option<Identity> {
    match &facts.group {
        // A node that has not joined yet carries a UUID of zeros.
        Some(Group::Galera(galera))
            if galera.cluster_uuid.bytes().any(|b| b.is_ascii_hexdigit() && b != b'0') =>
        {
            Some(Identity::Group(galera.cluster_uuid.clone()))
        }
        Some(Group::Replication(member)) if member.online => {
            Some(Identity::Group(member.group_name.clone()?))
        }
        _ => None,
    }
}
