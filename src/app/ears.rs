//! Who listens to which server.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use crate::probe::{Heard, Listener};

/// The listeners of all servers in clusters that discover theirs. A clone has the same.
#[derive(Clone, Debug, Default)]
pub struct Ears(Arc<Mutex<HashMap<Server, Listener>>>);

/// A cluster and a server of it.
type Server = (Box<str>, Box<str>);

impl Ears {
    /// The listener of a server: the same one for as long as it asks as often.
    pub fn ear(&self, cluster: &str, server: &str, every: Duration) -> Listener {
        let mut ears = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let ear = ears.entry((cluster.into(), server.into()));
        let ear = ear.or_insert_with(|| Listener::new(every));
        if ear.every() != every {
            *ear = Listener::new(every);
        }
        ear.clone()
    }

    /// What a server said last.
    pub fn heard(&self, cluster: &str, server: &str) -> Heard {
        let ears = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        ears.get(&(cluster.into(), server.into())).map(Listener::heard).unwrap_or_default()
    }

    /// Nobody listens to other servers than these any more.
    pub fn retain(&self, is_asked: impl Fn(&str, &str) -> bool) {
        let mut ears = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        ears.retain(|(cluster, server), _| is_asked(cluster, server));
    }
}
