//! Who listens to which server.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::Notify;

use crate::probe::{Heard, Listener};

/// The listeners of all servers in clusters that discover theirs. A clone has the same.
#[derive(Clone, Debug, Default)]
pub struct Ears(Arc<Mutex<HashMap<Box<str>, ClusterEars>>>);

/// Those of one cluster.
#[derive(Debug, Default)]
struct ClusterEars {
    /// Rings when one of them has heard something new.
    call: Arc<Notify>,
    listeners: HashMap<Box<str>, Listener>,
}

impl Ears {
    /// The listener of a server: the same one for as long as it asks as often and waits for as many good
    /// replies.
    pub fn ear(&self, cluster: &str, server: &str, (every, rise): (Duration, u32)) -> Listener {
        let mut ears = self.slot();
        let ClusterEars { call, listeners } = of(&mut ears, cluster);
        let fresh = || Listener::new(every, rise, Arc::clone(call));
        let ear = listeners.entry(server.into()).or_insert_with(fresh);
        if (ear.every(), ear.rise()) != (every, rise) {
            *ear = fresh();
        }
        ear.clone()
    }

    /// What rings when a server of this cluster says something new.
    pub fn call(&self, cluster: &str) -> Arc<Notify> {
        Arc::clone(&of(&mut self.slot(), cluster).call)
    }

    /// What a server said last.
    pub fn heard(&self, cluster: &str, server: &str) -> Heard {
        let ears = self.slot();
        let ear = ears.get(cluster).and_then(|ears| ears.listeners.get(server));
        ear.map(Listener::heard).unwrap_or_default()
    }

    /// Nobody listens to other servers than these any more.
    pub fn retain(&self, is_asked: impl Fn(&str, &str) -> bool) {
        let mut ears = self.slot();
        ears.retain(|cluster, ears| {
            ears.listeners.retain(|server, _| is_asked(cluster, server));
            // Somebody waits for the call of a cluster that has no server yet.
            !ears.listeners.is_empty() || Arc::strong_count(&ears.call) > 1
        });
    }

    fn slot(&self) -> MutexGuard<'_, HashMap<Box<str>, ClusterEars>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn of<'e>(ears: &'e mut HashMap<Box<str>, ClusterEars>, cluster: &str) -> &'e mut ClusterEars {
    if !ears.contains_key(cluster) {
        ears.insert(cluster.into(), ClusterEars::default());
    }
    ears.get_mut(cluster).expect("it was just put there")
}
