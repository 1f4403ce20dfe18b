//! Whose a name is, and who is not to be taken in.
//!
//! A name once given stays bound to its server: by the server's own id, or where it has none by its
//! place. A newcomer with a name that is taken gets a number behind it.

use std::{collections::BTreeSet, net::SocketAddr, sync::Arc, time::Duration};

use super::entry::Entry;
use crate::{
    discovery::{FindHost, ForgottenReason, Member, NameHint},
    engine::Moment,
};

/// How long a server that was removed is not taken in again.
pub const BURIED_FOR: Duration = Duration::from_secs(24 * 3600);

/// Names that are remembered of one cluster; the oldest give way.
const BINDINGS_MAX: usize = 200;

/// Numbers that are tried behind a name.
const NUMBERS: std::ops::RangeInclusive<u32> = 2..=99;

/// A name and whose it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding {
    /// The name.
    pub name: NameHint,
    /// The server's own id, where it has one.
    pub instance: Option<Box<str>>,
    /// Where it was when it got the name.
    pub at: SocketAddr,
}

/// A server that is not taken in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tombstone {
    /// Its name.
    pub name: Box<str>,
    /// The server's own id, where it has one.
    pub instance: Option<Box<str>>,
    /// Where it was.
    pub at: SocketAddr,
    /// Why.
    pub reason: ForgottenReason,
    /// Until when.
    pub until: Moment,
}

/// The names of one cluster.
#[derive(Clone, Debug)]
pub struct Names {
    pub bindings: Vec<Binding>,
    pub tombstones: Vec<Tombstone>,
    /// Names of all servers of all clusters, in lower case.
    pub taken: Arc<BTreeSet<Box<str>>>,
}

/// Whether somebody who was there and had this id is who is here with that one.
fn is_same(
    (instance, at): (Option<&str>, SocketAddr),
    (own, here): (Option<&str>, SocketAddr),
) -> bool {
    match (instance, own) {
        (Some(instance), Some(own)) => instance == own,
        _ => at == here,
    }
}

impl Names {
    /// The binding of the server with this id, or at this place.
    pub fn of(&self, instance: Option<&str>, at: SocketAddr) -> Option<&Binding> {
        let known =
            |binding: &&Binding| is_same((binding.instance.as_deref(), binding.at), (instance, at));
        self.bindings.iter().find(known)
    }

    /// The tombstone of the server with this id, or at this place.
    pub fn tombstone(&self, instance: Option<&str>, at: SocketAddr) -> Option<&Tombstone> {
        let known =
            |tomb: &&Tombstone| is_same((tomb.instance.as_deref(), tomb.at), (instance, at));
        self.tombstones.iter().find(known)
    }

    /// The name of a newcomer: the one that it had before, what it is called by a source or calls
    /// itself, its host's, or its address; with a number when that is somebody else's.
    pub fn given(
        &self,
        said: Option<&str>,
        instance: Option<Box<str>>,
        at: SocketAddr,
        entry: &Entry,
        members: &[Member],
    ) -> NameHint {
        let is_used = |name: &NameHint| {
            let name = name.as_str();
            self.taken.contains(name)
                || members.iter().any(|member| member.name.eq_ignore_ascii_case(name))
        };
        if let Some(known) = self.of(instance.as_deref(), at)
            && !is_used(&known.name)
        {
            return known.name.clone();
        }
        let host = match &entry.host {
            Some(FindHost::Name(name)) => name.split('.').next().and_then(NameHint::reduced),
            Some(FindHost::Address(_)) | None => None,
        };
        let wanted = entry
            .hint
            .clone()
            .or_else(|| said.and_then(NameHint::reduced))
            .or(host)
            .unwrap_or_else(|| NameHint::of_address(at.ip()));
        let is_free = |name: &NameHint| {
            let bound = self.bindings.iter().any(|binding| binding.name == *name);
            !is_used(name) && !bound
        };
        if is_free(&wanted) {
            return wanted;
        }
        let mut numbered = NUMBERS.map(|number| wanted.numbered(number));
        numbered.find(is_free).unwrap_or_else(|| {
            let by_address = NameHint::of_address(at.ip());
            by_address.numbered(u32::from(at.port()))
        })
    }

    /// From now on a name is this server's.
    pub fn bind(&mut self, name: NameHint, instance: Option<Box<str>>, at: SocketAddr) {
        self.bindings.retain(|binding| {
            binding.name != name
                && !is_same((binding.instance.as_deref(), binding.at), (instance.as_deref(), at))
        });
        self.bindings.push(Binding { name, instance, at });
        let over = self.bindings.len().saturating_sub(BINDINGS_MAX);
        self.bindings.drain(..over);
    }

    /// A server is not taken in for a while.
    pub fn remove(&mut self, name: &str, instance: Option<Box<str>>, at: SocketAddr, now: Moment) {
        let (name, reason) = (Box::from(name), ForgottenReason::Removed);
        let tomb = Tombstone { name, instance, at, reason, until: now + BURIED_FOR };
        self.tombstones.retain(|other| other.at != at);
        self.tombstones.push(tomb);
        let over = self.tombstones.len().saturating_sub(BINDINGS_MAX);
        self.tombstones.drain(..over);
    }

    /// Whoever was called so may be taken in again; where they were.
    pub fn revive(&mut self, name: &str) -> Vec<SocketAddr> {
        let is_it = |tomb: &Tombstone| tomb.name.eq_ignore_ascii_case(name);
        let places =
            self.tombstones.iter().filter(|tomb| is_it(tomb)).map(|tomb| tomb.at).collect();
        self.tombstones.retain(|tomb| !is_it(tomb));
        places
    }

    /// Tombstones end.
    pub fn bury(&mut self, now: Moment) {
        self.tombstones.retain(|tomb| tomb.until > now);
    }
}
