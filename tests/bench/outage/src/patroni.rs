//! Servers under Patroni: who is promoted, and when, is its business.

use std::time::Instant;

use pointsman_testbed::{
    database::{Engine, Lookout, SERVERS},
    patroni_cluster::{self, PatroniCluster},
    postgres_programs::Programs,
};

use crate::{application::POSTGRES_TABLE, fault::Fault, place::Place};

/// The cluster. Dropped, nothing of it is left.
pub(crate) struct Patroni {
    cluster: PatroniCluster,
    place: Place,
}

impl Patroni {
    /// Makes it; the first server leads.
    pub(crate) fn start(place: Place) -> Self {
        patroni_cluster::assert_installed();
        let programs = Programs::installed();
        let grants = programs.grants();
        let cluster = PatroniCluster::start(programs, place.store(), &place.servers());
        cluster.sql(0, &grants.user().join(";\n"));
        cluster.sql(0, "CREATE ROLE application LOGIN");
        cluster.sql(0, POSTGRES_TABLE);
        Self { cluster, place }
    }

    /// The port of every server.
    pub(crate) fn port(&self) -> u16 {
        self.cluster.port()
    }

    /// The port of Patroni's REST API on every server.
    pub(crate) fn rest_port(&self) -> u16 {
        self.cluster.rest_port()
    }

    /// Injects `fault` into the host of `leader`, but for lost packets, which are the caller's.
    /// Returns who was promoted, and when it first said that it is writable.
    pub(crate) fn strike(&mut self, fault: Fault, leader: usize) -> (usize, Instant) {
        let others: Vec<_> = (0..SERVERS).filter(|server| *server != leader).collect();
        let post = |server: &usize| {
            let address = self.place.servers()[*server];
            let lookout = Lookout::post(Engine::Postgres, address, self.port());
            lookout.begin();
            lookout
        };
        let lookouts = others.iter().map(post).collect();
        match fault {
            Fault::Kill => self.cluster.kill_host(leader),
            Fault::Switchover => self.cluster.switch_over((leader + 1) % SERVERS),
            Fault::Freeze => self.cluster.freeze_host(leader),
            // Who is cut off hears nothing of the store either.
            Fault::Hole => self.cluster.freeze_patroni(leader),
        }
        let (winner, visible) = Lookout::first_of(lookouts);
        (others[winner], visible)
    }

    /// Brings the host of `old` back.
    pub(crate) fn mend(&mut self, fault: Fault, old: usize, leader: usize) {
        match fault {
            Fault::Switchover => {}
            Fault::Kill => self.cluster.start_member(old),
            Fault::Freeze | Fault::Hole => {
                self.cluster.kill_host(old);
                self.cluster.start_member(old);
            }
        }
        for server in (0..SERVERS).filter(|server| *server != leader) {
            self.cluster.wait_for_replica(server);
        }
    }
}
