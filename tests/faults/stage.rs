//! Where a row is played: the servers, who is who among them, and what a fault holds on to.

use std::{any::Any, collections::BTreeMap, net::Ipv4Addr, thread, time::Duration};

use pointsman_testbed::{
    certificates::{Authority, Validity},
    fault_proxy::{Conduct, FaultProxy},
    group::{Group, Kind},
    namespace::{Effect, Namespace, Traffic},
    pointsman::{Cluster, Pointsman},
    ports,
    wrong_clock::WrongClock,
};
use rustix::process::{Pid, Signal, kill_process};

use crate::row::{Place, Row};

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
    /// Between Pointsman and servers, in this row.
    proxies: BTreeMap<usize, FaultProxy>,
    /// What servers look at, in this row.
    clocks: BTreeMap<usize, WrongClock>,
    /// What Pointsman looks at, in this row.
    monitor_clock: Option<WrongClock>,
    /// Vouches for every server while rows are played in which they speak TLS.
    authority: Option<Authority>,
    /// Pointsman, while it runs.
    monitor: Option<Pid>,
    /// Of the whole stage, so that it is left last.
    network: Option<Namespace>,
}

impl Stage {
    /// New servers; in a network of their own when packets are to be lost.
    pub(crate) fn set(kind: Kind, addresses: [Ipv4Addr; 3], networked: bool) -> Self {
        let network = networked.then(Namespace::enter);
        let group = Group::start(kind, &addresses);
        group.allow_heartbeats(0);
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
            proxies: BTreeMap::new(),
            clocks: BTreeMap::new(),
            monitor_clock: None,
            authority: None,
            monitor: None,
            network,
        }
    }

    /// Makes ready for a row: the present primary is P, nothing of the last row is left, and
    /// Pointsman is configured as the row says.
    ///
    /// # Panics
    /// When the servers do not get ready.
    pub(crate) fn make_ready(&mut self, row: &Row) {
        self.cast(row);
        self.group.wait_until_alone();
    }

    fn cast(&mut self, row: &Row) {
        let p = self.leader;
        self.cast = [p, (p + 1) % 3, (p + 2) % 3];
        self.cluster = plain(&self.group, self.cast.map(|server| self.addresses[server]));
        self.cluster.heartbeats = row.settings.heartbeats;
        self.proxies.clear();
        self.monitor_clock = None;
        self.set_clocks_right();
        self.set_tls(row.settings.certificates);
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
        self.group.write_after_promotion(server);
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

    /// Starts Pointsman.
    pub(crate) fn serve(&mut self) -> Pointsman {
        let clock = self.monitor_clock.as_ref();
        let environment = clock.map(WrongClock::environment).unwrap_or_default();
        let pointsman = Pointsman::serve_in(&environment, ports::free_for_dns(), &[&self.cluster]);
        self.monitor = Some(pointsman.pid());
        pointsman
    }

    /// From now until [`Self::release`] this happens to packets to and from the servers at
    /// `places`.
    pub(crate) fn disturb(&mut self, traffic: Traffic, places: &[Place], effect: Effect) {
        let addresses: Vec<_> =
            places.iter().map(|place| self.addresses[self.at(*place)]).collect();
        let network = self.network.as_ref().expect("this row is played in a network of its own");
        self.held.push(Box::new(network.fault(traffic, &addresses, effect)));
    }

    /// Writes to the server at `place` until [`Self::release`].
    pub(crate) fn write_to(&mut self, place: Place) {
        let writer = self.group.write_steadily(self.at(place));
        self.held.push(writer);
    }

    /// Lets Pointsman reach the servers at `places` through proxies.
    pub(crate) fn put_proxies(&mut self, places: &[Place]) {
        for place in places {
            let server = (self.addresses[self.at(*place)], self.group.port());
            let proxy = FaultProxy::start((PROXIES, 0).into(), server.into());
            self.cluster.probe_addresses.insert(*place as usize, proxy.address());
            self.proxies.insert(*place as usize, proxy);
        }
    }

    /// What all proxies do from now on.
    pub(crate) fn conduct(&self, conduct: Conduct) {
        for proxy in self.proxies.values() {
            proxy.set(conduct);
        }
    }

    /// Replaces the certificate of the server at `place` by one that has expired, or by a good one;
    /// its next session sees it.
    pub(crate) fn certify(&self, place: Place, validity: Validity) {
        let server = self.at(place);
        let authority = self.authority.as_ref().expect("this row has certificates");
        self.group.replace_identity(server, &authority.identity(self.addresses[server], validity));
    }

    /// Ends the probe's sessions everywhere, so that it must connect anew.
    pub(crate) fn end_probe_sessions(&self) {
        for server in 0..3 {
            self.group.end_probe_sessions(server);
        }
    }

    /// Lets the server at `place` look at a clock that can be turned. It is started anew for that.
    pub(crate) fn put_clock(&mut self, place: Place) {
        let clock = WrongClock::right();
        let server = self.at(place);
        self.group.set_environment(server, clock.environment());
        self.restart(server);
        self.clocks.insert(server, clock);
    }

    /// Lets Pointsman look at a clock that can be turned.
    pub(crate) fn put_monitor_clock(&mut self) {
        self.monitor_clock = Some(WrongClock::right());
    }

    /// Turns the clocks that were put.
    pub(crate) fn turn_clocks(&self, seconds: i64) {
        for clock in self.clocks.values().chain(&self.monitor_clock) {
            clock.turn(seconds);
        }
    }

    /// SIGSTOP to Pointsman, and SIGCONT after `pause`.
    pub(crate) fn pause_monitor(&self, pause: Duration) {
        let monitor = self.monitor.expect("Pointsman runs");
        kill_process(monitor, Signal::STOP).expect("it has not been waited for");
        thread::sleep(pause);
        kill_process(monitor, Signal::CONT).expect("it has not been waited for");
    }

    /// Lets every server speak TLS, and Pointsman check their certificates; or none of that.
    fn set_tls(&mut self, on: bool) {
        if on != self.authority.is_some() {
            self.authority = on.then(Authority::new);
            for server in 0..3 {
                let address = self.addresses[server];
                let identity = self.authority.as_ref();
                let identity = identity.map(|own| own.identity(address, Validity::Present));
                self.group.set_tls(server, identity.as_deref());
            }
            for follower in self.followers() {
                self.group.wait_until_follows(follower, self.leader);
            }
        }
        if let Some(authority) = &self.authority {
            let file = authority.file();
            self.cluster.more_probe =
                format!("tls = \"verify-full\"\nca_file = \"{}\"\n", file.display());
        }
    }

    fn set_clocks_right(&mut self) {
        for server in std::mem::take(&mut self.clocks).into_keys() {
            self.group.set_environment(server, Vec::new());
            self.restart(server);
        }
    }

    /// A clean stop and a start.
    fn restart(&mut self, server: usize) {
        self.group.stop_quickly(server);
        self.group.start_again(server);
        for follower in self.followers() {
            self.group.wait_until_follows(follower, self.leader);
        }
    }

    /// Makes a replica writable; the primary stays what it is, and so does everybody's idea of it.
    pub(crate) fn promote_by_mistake(&mut self, place: Place) {
        let server = self.at(place);
        self.group.promote(server);
        self.group.write_after_promotion(server);
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

    /// Until the row ends, B receives from a server outside as well, which has the primary's
    /// `server_id`. What it has received only a rebuild removes.
    pub(crate) fn begin_migration(&mut self) {
        let migration = self.group.begin_migration(self.at(Place::B), self.leader);
        self.held.push(migration);
        self.must_be_rebuilt(Place::B);
    }

    /// Whether the server at `place` has a history of its own.
    pub(crate) fn has_diverged(&self, place: Place) -> bool {
        self.diverged.contains(&self.at(place))
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

/// Where proxies listen.
const PROXIES: Ipv4Addr = Ipv4Addr::new(127, 42, 0, 100);

fn plain(group: &Group, addresses: [Ipv4Addr; 3]) -> Cluster {
    // Many rows share two cores, with a program that is not optimised: sprints at their full pace
    // would make the servers look slow.
    let candidate_interval = Some("100ms");
    Cluster { candidate_interval, ..Cluster::new("db", group.engine(), addresses, group.port()) }
}
