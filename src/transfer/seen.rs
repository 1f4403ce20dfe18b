//! How far every secondary is, as it says itself.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use hickory_proto::rr::LowerName;
use tokio::time::Instant;

use super::{SecondaryFault, version::is_later};
use crate::config::SecondaryConfig;

/// How far one secondary is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecondaryView {
    /// The apex of the zone.
    pub zone: Box<str>,
    /// What the secondary is called.
    pub name: Box<str>,
    /// Where it is asked.
    pub address: SocketAddr,
    /// The serial that it answered last; `None` before that, and when it does not have the zone.
    pub serial: Option<u32>,
    /// Our serial; `None` while not all is known that the zone says.
    pub ours: Option<u32>,
    /// For how long it has lacked what we say; zero when it lacks nothing.
    pub lag: Duration,
    /// What it said last that is no good answer, if it has not said better since.
    pub fault: Option<SecondaryFault>,
}

/// How far one secondary is, in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecondaryState {
    /// It is not known yet what the zone says: there is nothing to copy.
    NotReady,
    /// It says what we say, or what a later primary does.
    Level,
    /// It lacks a change that is on its way.
    Following,
    /// It has lacked a change for longer than [`LATE_AFTER`].
    Behind,
}

/// A secondary that lacks a change for longer is told of.
pub const LATE_AFTER: Duration = Duration::from_secs(5);

impl SecondaryState {
    /// The word, the same in every voice.
    pub fn name(self) -> &'static str {
        match self {
            Self::NotReady => "not-ready",
            Self::Level => "level",
            Self::Following => "following",
            Self::Behind => "behind",
        }
    }
}

impl SecondaryView {
    /// How far it is, in a word.
    pub fn state(&self) -> SecondaryState {
        match (self.ours, self.lag) {
            (None, _) => SecondaryState::NotReady,
            (Some(_), Duration::ZERO) => SecondaryState::Level,
            (Some(_), lag) if lag > LATE_AFTER => SecondaryState::Behind,
            (Some(_), _) => SecondaryState::Following,
        }
    }

    /// Why it is not level, or what else is wrong with it; `None` when all is well.
    pub fn reason(&self) -> Option<String> {
        match (self.state(), &self.fault) {
            (SecondaryState::NotReady, _) => {
                Some("a name of the zone has no first decision yet".to_owned())
            }
            (_, Some(fault)) => Some(fault.to_string()),
            (SecondaryState::Level, None) => None,
            (_, None) => Some("answers with an old serial".to_owned()),
        }
    }
}

/// All secondaries.
#[derive(Clone, Debug, Default)]
pub struct Seen(Arc<Mutex<Vec<Sight>>>);

/// One secondary. A clone is of the same.
#[derive(Clone, Debug)]
pub struct Sight(Arc<Mutex<Known>>);

#[derive(Debug)]
struct Known {
    zone: Box<str>,
    name: Box<str>,
    address: SocketAddr,
    serial: Option<u32>,
    ours: Option<u32>,
    behind_since: Option<Instant>,
    /// How it answered the last NOTIFY.
    told: Option<SecondaryFault>,
    /// How it answered the last question, or that it did not.
    asked: Option<SecondaryFault>,
}

impl Known {
    /// Whether it says what we say, or what a later primary does.
    fn has_all(&self) -> bool {
        match (self.serial, self.ours) {
            (Some(serial), Some(ours)) => serial == ours || is_later(serial, ours),
            _ => false,
        }
    }
}

impl Seen {
    /// Forgets all.
    pub(super) fn clear(&self) {
        locked(&self.0).clear();
    }

    /// One more, of which nothing is known.
    pub(super) fn of(&self, zone: &LowerName, config: &SecondaryConfig) -> Sight {
        let sight = Sight(Arc::new(Mutex::new(Known {
            zone: zone.to_string().into(),
            name: config.name.clone(),
            address: SocketAddr::new(config.address, config.port),
            serial: None,
            ours: None,
            behind_since: None,
            told: None,
            asked: None,
        })));
        locked(&self.0).push(sight.clone());
        sight
    }

    /// All of them.
    pub(super) fn views(&self) -> Vec<SecondaryView> {
        locked(&self.0).iter().map(Sight::view).collect()
    }
}

impl Sight {
    /// Notes what we say since when.
    pub(super) fn published(&self, serial: u32, since: Instant) {
        let mut known = locked(&self.0);
        known.ours = Some(serial);
        match known.has_all() {
            true => known.behind_since = None,
            false => known.behind_since = Some(known.behind_since.unwrap_or(since)),
        }
    }

    /// Notes what it answered.
    pub(super) fn answered(&self, serial: Option<u32>, fault: Option<SecondaryFault>) {
        let mut known = locked(&self.0);
        known.serial = serial;
        known.asked = fault;
        if known.has_all() {
            known.behind_since = None;
            known.told = None;
        }
    }

    /// Notes how it took a NOTIFY. What is wrong with that explains what is wrong with its answers.
    pub(super) fn told(&self, fault: Option<SecondaryFault>) {
        locked(&self.0).told = fault;
    }

    /// Notes what is wrong with it.
    pub(super) fn failed(&self, fault: SecondaryFault) {
        locked(&self.0).asked = Some(fault);
    }

    fn view(&self) -> SecondaryView {
        let known = locked(&self.0);
        SecondaryView {
            zone: known.zone.clone(),
            name: known.name.clone(),
            address: known.address,
            serial: known.serial,
            ours: known.ours,
            lag: known.behind_since.map(|since| since.elapsed()).unwrap_or_default(),
            fault: known.told.clone().or_else(|| known.asked.clone()),
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
