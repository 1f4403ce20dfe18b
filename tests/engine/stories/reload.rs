//! What happens to a monitor itself: restarts, other configurations, operators.

use std::time::Duration;

use pointsman::engine::{Acceptance, Engine, Moment, ServerIndex, Wish};

use super::monitor::{CLUSTER, Monitor};
use crate::{operators::laid, world::server_policy};

impl Monitor {
    /// With all that it remembers; what it would say without the restart is kept beside it.
    pub(super) fn restart_warm(&mut self, now: Moment) {
        let mut anew = Engine::new(self.policies(), now);
        anew.restore(CLUSTER, &self.engine.remember(CLUSTER), now);
        for laid in self.engine.overrides(CLUSTER) {
            anew.resume(CLUSTER, laid.clone());
        }
        let before = std::mem::replace(&mut self.engine, anew);
        self.end_sessions();
        if self.control.is_none() && self.overridden_until < now {
            self.control = Some(before);
        }
    }

    pub(super) fn restart_cold(&mut self, now: Moment) {
        self.engine = Engine::new(self.policies(), now);
        self.end_sessions();
        self.control = None;
        self.knowledge.forget();
    }

    /// With a memory of long ago.
    pub(super) fn restart_old(&mut self, now: Moment) {
        self.restart_cold(now);
        self.engine.restore(CLUSTER, &self.memory, now);
    }

    pub(super) fn rename(&mut self, host: usize, now: Moment) {
        if let Some(at) = self.place(host) {
            let name = format!("{}-new", self.policy.servers[at].name);
            self.policy.servers[at].name = name.into();
            self.reload(now);
        }
    }

    /// It leaves the configuration.
    pub(super) fn remove(&mut self, host: usize, now: Moment) {
        if let Some(at) = self.place(host).filter(|_| self.places.len() > 1) {
            self.policy.servers.remove(at);
            self.places.remove(at);
            self.knowledge.dropped = true;
            self.reload(now);
        }
    }

    /// Whoever has left the configuration is back.
    pub(super) fn complete(&mut self, now: Moment) {
        let servers = self.knowledge.servers.len();
        let missing: Vec<_> = (0..servers).filter(|host| self.place(*host).is_none()).collect();
        if !missing.is_empty() {
            for host in missing {
                self.policy.servers.push(server_policy(&format!("db{host}"), host));
                self.places.push(host);
            }
            self.reload(now);
        }
    }

    /// Two names change addresses, and with them servers.
    pub(super) fn swap(&mut self, one: usize, other: usize, now: Moment) {
        if let (Some(one), Some(other)) = (self.place(one), self.place(other))
            && one != other
        {
            let name = |at: usize| self.policy.servers[at].name.clone();
            let (first, second) = (name(one), name(other));
            self.policy.servers.swap(one, other);
            self.policy.servers[one].name = first;
            self.policy.servers[other].name = second;
            self.places.swap(one, other);
            self.reload(now);
        }
    }

    fn reload(&mut self, now: Moment) {
        self.engine.reconfigure(self.policies(), now);
        self.control = None;
    }

    pub(super) fn lay(&mut self, wish: Wish, lasts: Duration, now: Moment) {
        if self.engine.lay(CLUSTER, laid(wish, now, Some(now + lasts)), now).is_ok() {
            self.overridden_until = now + lasts + Duration::from_secs(5);
            self.control = None;
        }
    }

    /// `false` when that is refused.
    pub(super) fn accept(&mut self, host: usize, now: Moment) -> bool {
        let Some(place) = self.place(host) else { return false };
        let server = ServerIndex::new(place);
        let accepted = Acceptance { server, by: "ann".into(), because: "a story".into() };
        self.control = None;
        self.engine.accept(CLUSTER, accepted, now).is_ok()
    }
}
