//! Where a row is played: the servers, who is who among them, and what a fault holds on to.

use std::{any::Any, net::Ipv4Addr};

use pointsman_testbed::pointsman::Cluster;

use crate::{
    group::Group,
    row::{Kind, Place, Row},
};

/// The servers of one engine for all of its rows.
pub(crate) struct Stage {
    pub(crate) group: Group,
    pub(crate) addresses: [Ipv4Addr; 3],
    /// The server at P, at A and at B in this row.
    cast: [usize; 3],
    /// The present primary.
    leader: usize,
    /// What a fault holds until it ends: sessions, proxies.
    held: Vec<Box<dyn Any>>,
    /// Servers with a history of their own, which only a rebuild mends.
    diverged: Vec<usize>,
    /// The server that would not answer us either.
    frozen: Option<usize>,
    /// How Pointsman sees the cluster in this row: `db1` is at P, `db2` at A, `db3` at B.
    pub(crate) cluster: Cluster,
}

impl Stage {
    pub(crate) fn set(kind: Kind, addresses: [Ipv4Addr; 3]) -> Self {
        let group = Group::start(kind, &addresses);
        let cluster = plain(&group, addresses);
        Self {
            group,
            addresses,
            cast: [0, 1, 2],
            leader: 0,
            held: Vec::new(),
            diverged: Vec::new(),
            frozen: None,
            cluster,
        }
    }

    /// Makes ready for a row: the present primary is P, and Pointsman is configured as it says.
    pub(crate) fn cast(&mut self, row: &Row) {
        let p = self.leader;
        self.cast = [p, (p + 1) % 3, (p + 2) % 3];
        self.cluster = plain(&self.group, self.cast.map(|server| self.addresses[server]));
        self.cluster.heartbeats = row.settings.heartbeats;
        (row.prepare)(self);
    }

    /// The number of the server at `place`.
    pub(crate) fn at(&self, place: Place) -> usize {
        self.cast[place as usize]
    }

    pub(crate) fn leader(&self) -> usize {
        self.leader
    }

    /// Drops all that [`Self::hold`] keeps.
    pub(crate) fn release(&mut self) {
        self.held.clear();
    }

    pub(crate) fn kill9(&mut self, place: Place) {
        self.group.kill9(self.at(place));
    }

    pub(crate) fn stop(&mut self, place: Place) {
        self.group.stop(self.at(place));
    }

    pub(crate) fn start(&mut self, place: Place) {
        self.group.start_again(self.at(place));
    }

    pub(crate) fn freeze(&mut self, place: Place) {
        let server = self.at(place);
        self.group.freeze(server);
        self.frozen = Some(server);
    }

    pub(crate) fn thaw(&mut self, place: Place) {
        self.group.thaw(self.at(place));
        self.frozen = None;
    }

    /// Makes a replica the primary; the others are told later.
    pub(crate) fn promote(&mut self, place: Place) {
        let server = self.at(place);
        self.group.promote(server);
        self.leader = server;
    }

    /// Sets the password of the probe's user, on all servers by replication, and ends its sessions.
    pub(crate) fn rotate_password(&self, right: bool) {
        self.group.rotate_password(self.leader, right);
        for server in self.followers() {
            if self.group.is_running(server) {
                self.group.wait_caught_up(server, self.leader);
            }
        }
        for server in (0..3).filter(|&server| self.group.is_running(server)) {
            self.group.end_probe_sessions(server);
        }
    }

    /// Takes every connection slot, the probe's too, until [`Self::release`].
    pub(crate) fn fill(&mut self, place: Place) {
        let sessions = self.group.fill_connections(self.at(place));
        self.held.push(sessions);
    }

    /// Makes a replica writable; the primary stays what it is, and so does everybody's idea of it.
    pub(crate) fn promote_by_mistake(&mut self, place: Place) {
        let server = self.at(place);
        self.group.promote(server);
        self.diverged.push(server);
    }

    /// `place` is the primary from now on, and whoever was and is still there has a history of its own.
    pub(crate) fn declare_primary(&mut self, place: Place) {
        let server = self.at(place);
        self.diverged.retain(|&diverged| diverged != server);
        if self.leader != server && self.group.is_running(self.leader) {
            self.diverged.push(self.leader);
        }
        self.leader = server;
    }

    /// The server at `place` has a history of its own, which only a rebuild mends.
    pub(crate) fn must_be_rebuilt(&mut self, place: Place) {
        self.diverged.push(self.at(place));
    }

    /// Makes the server at `place` crash; it is up again when this returns.
    pub(crate) fn crash_and_restart(&mut self, place: Place) {
        self.group.crash_and_restart(self.at(place));
    }

    /// See [`Group::begin_smart_shutdown`].
    pub(crate) fn begin_smart_shutdown(&mut self, place: Place) {
        let session = self.group.begin_smart_shutdown(self.at(place));
        self.held.push(session);
    }

    /// Lets the last session end, waits for the end of the server, and starts it again.
    pub(crate) fn end_smart_shutdown(&mut self, place: Place) {
        self.release();
        self.group.wait_for_end(self.at(place));
        self.start(place);
    }

    /// Makes applying on a replica wait while the primary writes, until [`Self::release`].
    pub(crate) fn fall_behind(&mut self, place: Place) {
        let block = self.group.block_replay(self.at(place), self.leader);
        self.held.push(block);
        self.write_steadily();
    }

    /// Writes to the primary until [`Self::release`].
    pub(crate) fn write_steadily(&mut self) {
        let workload = self.group.write_steadily(self.leader);
        self.held.push(workload);
    }

    /// Lets a healthy replica follow another server.
    pub(crate) fn repoint(&mut self, place: Place, to: Place) {
        self.group.repoint(self.at(place), self.at(to));
    }

    /// Makes every server but the primary a healthy replica of it again.
    pub(crate) fn restore(&mut self) {
        self.release();
        let diverged = std::mem::take(&mut self.diverged);
        for server in self.followers() {
            if !diverged.contains(&server) {
                self.group.rejoin(server, self.leader);
            }
        }
        for server in diverged {
            self.group.rebuild(server, self.leader);
        }
    }

    /// How many sessions the probe has on a server; `None` when the server does not tell, or has
    /// been made unable to.
    pub(crate) fn sessions(&self, server: usize) -> Option<usize> {
        let frozen = self.frozen == Some(server);
        if frozen { None } else { self.group.probe_sessions(server) }
    }

    /// All servers but the present primary.
    pub(crate) fn followers(&self) -> [usize; 2] {
        [(self.leader + 1) % 3, (self.leader + 2) % 3]
    }
}

fn plain(group: &Group, addresses: [Ipv4Addr; 3]) -> Cluster {
    Cluster::new("db", group.engine(), addresses, group.port())
}
