//! What is known of one find, and of one source.

use std::{collections::BTreeSet, fmt, net::SocketAddr, time::Duration};

use crate::{
    discovery::{ExaminedReason, FindHost, Labels, NameHint, Proof, SourceKind},
    engine::Moment,
};

/// The longest time between two examinations of one find.
const SELDOM: Duration = Duration::from_secs(600);

/// Where a find is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// At this address and port.
    At(SocketAddr),
    /// At a host name that has no address.
    Name(Box<str>, u16),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::At(at) => write!(f, "{at}"),
            Self::Name(name, port) => write!(f, "{name}:{port}"),
        }
    }
}

/// How far a find came when it was last examined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stage {
    /// It was not yet.
    Fresh,
    /// It proved nothing.
    Unproven(ExaminedReason),
    /// It is kin, and joins.
    Proven(Proof),
}

/// One find.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Who names it.
    pub named: BTreeSet<SourceKind>,
    pub host: Option<FindHost>,
    pub hint: Option<NameHint>,
    pub labels: Labels,
    /// Where the same server is known, or is to be: whoever names this names that.
    pub known_at: Option<Place>,
    pub stage: Stage,
    /// Not examined before.
    pub due: Moment,
    /// Since when nobody names it.
    unnamed: Option<Moment>,
    /// Examinations in a row that proved nothing.
    failures: u32,
}

impl Entry {
    /// One that was named just now.
    pub fn new(now: Moment) -> Self {
        Self {
            named: BTreeSet::new(),
            host: None,
            hint: None,
            labels: Labels::default(),
            known_at: None,
            stage: Stage::Fresh,
            due: now,
            unnamed: None,
            failures: 0,
        }
    }

    /// It is examined again, ever more seldom.
    pub fn fail(&mut self, interval: Duration, now: Moment) {
        let factor = 1_u32 << self.failures.min(16);
        self.due = now + interval.saturating_mul(factor).min(SELDOM);
        self.failures = self.failures.saturating_add(1);
    }

    /// It is not examined again while something else is found out about it.
    pub fn wait(&mut self, interval: Duration, now: Moment) {
        self.due = now + interval;
    }

    /// It may be examined at once.
    pub fn try_at(&mut self, now: Moment) {
        (self.due, self.failures) = (now, 0);
    }

    /// Notes whether anybody names it.
    pub fn note_unnamed(&mut self, now: Moment) {
        self.unnamed = match self.named.is_empty() {
            true => Some(self.unnamed.unwrap_or(now)),
            false => None,
        };
    }

    /// How long nobody has named it.
    pub fn unnamed_for(&self, now: Moment) -> Option<Duration> {
        self.unnamed.map(|since| now.since(since))
    }
}

/// Servers that would leave at once.
#[derive(Clone, Debug, Default)]
pub struct Departures {
    /// More than half of the cluster, and since when they have been the same.
    pub held: Option<(BTreeSet<Box<str>>, Moment)>,
}

/// One source.
#[derive(Clone, Debug, Default)]
pub struct Source {
    /// When it was last asked.
    pub asked: Option<Moment>,
    /// When it last said anything.
    pub answered: Option<Moment>,
    /// What is wrong with what it said last.
    pub fault: Option<Box<str>>,
    /// Since when it has been empty.
    pub empty_since: Option<Moment>,
    /// When it was last told that something is wrong with it.
    told: Option<Moment>,
}

impl Source {
    /// Notes what is wrong with what it said; returns that when people are to be told. One that
    /// fails now and then is told seldom.
    pub fn note_fault(&mut self, fault: Option<&str>, now: Moment) -> Option<Box<str>> {
        let begins = fault.is_some() && self.fault.is_none();
        self.fault = fault.map(Into::into);
        let is_quiet = self.told.is_none_or(|told| now.since(told) >= SELDOM);
        if !begins || !is_quiet {
            return None;
        }
        self.told = Some(now);
        self.fault.clone()
    }
}
