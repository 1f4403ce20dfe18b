//! Which cluster, which server: small numbers in the order of the configuration. And which task
//! asks: a number that outlives a change of the configuration.

use std::ops::{Index, IndexMut};

/// A cluster, by its place in the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClusterId(pub usize);

/// A server within its cluster, by its place in the configuration.
///
/// Config order is the last resort of every rule that has to choose, so this order is meaningful.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServerIndex(usize);

impl ServerIndex {
    /// The server at this place of the configuration, from 0.
    pub const fn new(place: usize) -> Self {
        Self(place)
    }

    /// Its place in the configuration, from 0.
    pub const fn place(self) -> usize {
        self.0
    }
}

/// A server among all clusters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServerId {
    /// The cluster it belongs to.
    pub cluster: ClusterId,
    /// Its place in that cluster.
    pub server: ServerIndex,
}

/// A task that asks about one server. Unlike a [`ServerId`] it means the same after a change of the
/// configuration, and is never given twice: what a task of an earlier one still reports is not
/// taken for somebody else's words. The engine itself knows servers only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProbeKey(pub u64);

/// One `T` for each server of a cluster, in config order. Only a [`ServerIndex`] leads into it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Servers<T>(Vec<T>);

impl<T> Servers<T> {
    /// How many servers the cluster has.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// What the list has of a server.
    pub fn get(&self, server: ServerIndex) -> Option<&T> {
        self.0.get(server.0)
    }

    /// The same, to be changed.
    pub fn get_mut(&mut self, server: ServerIndex) -> Option<&mut T> {
        self.0.get_mut(server.0)
    }

    /// Every server. Borrows nothing, so that the list may change meanwhile.
    pub fn indices(&self) -> impl Iterator<Item = ServerIndex> + Clone + use<T> {
        (0..self.0.len()).map(ServerIndex)
    }

    /// All, in config order.
    pub fn as_slice(&self) -> &[T] {
        &self.0
    }

    /// What the list has of each server, in config order.
    pub fn iter(&self) -> std::slice::Iter<'_, T> {
        self.0.iter()
    }

    /// The same, to be changed.
    pub fn iter_mut(&mut self) -> std::slice::IterMut<'_, T> {
        self.0.iter_mut()
    }

    /// What the list has, in config order.
    pub fn into_values(self) -> std::vec::IntoIter<T> {
        self.0.into_iter()
    }

    /// Every server with what the list has of it.
    pub fn enumerate(&self) -> impl Iterator<Item = (ServerIndex, &T)> {
        self.indices().zip(self.iter())
    }

    /// Every server with what the list has of it, to be changed.
    pub fn enumerate_mut(&mut self) -> impl Iterator<Item = (ServerIndex, &mut T)> {
        self.indices().zip(self.iter_mut())
    }

    /// The first server in config order of which this holds.
    pub fn position(&self, holds: impl FnMut(&T) -> bool) -> Option<ServerIndex> {
        self.iter().position(holds).map(ServerIndex)
    }
}

impl<T> Index<ServerIndex> for Servers<T> {
    type Output = T;

    fn index(&self, server: ServerIndex) -> &T {
        &self.0[server.0]
    }
}

impl<T> IndexMut<ServerIndex> for Servers<T> {
    fn index_mut(&mut self, server: ServerIndex) -> &mut T {
        &mut self.0[server.0]
    }
}

impl<T> FromIterator<T> for Servers<T> {
    /// As many as there are servers, in config order.
    fn from_iter<I: IntoIterator<Item = T>>(each: I) -> Self {
        Self(each.into_iter().collect())
    }
}

impl<'a, T> IntoIterator for &'a Servers<T> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<'a, T> IntoIterator for &'a mut Servers<T> {
    type Item = &'a mut T;
    type IntoIter = std::slice::IterMut<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter_mut()
    }
}
