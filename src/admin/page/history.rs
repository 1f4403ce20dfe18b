//! What was in the last minutes: the lag of each server, and how many queries came in all and for
//! each name; and who was the writer over the last day.
//!
//! Bounded: five minutes at two seconds, a number each. Servers and names that are gone are
//! forgotten with the next look.

use std::{
    collections::{HashMap, VecDeque},
    time::Duration,
};

use super::writers::Writers;
use crate::engine::Moment;

/// What was seen, look by look.
#[derive(Debug, Default)]
pub struct History {
    /// By the server's name, which is unique.
    lags: HashMap<Box<str>, Ring>,
    /// When, and how many queries there had been by then.
    queries: VecDeque<(Moment, u64)>,
    /// By the served name: when, and how many queries there had been for it by then.
    names: HashMap<Box<str>, Counts>,
    /// Who each write name said.
    pub(super) writers: Writers,
    looks: u64,
}

/// The lag of one server, the oldest in front.
#[derive(Debug, Default)]
struct Ring {
    lags: VecDeque<Option<u32>>,
    seen: u64,
}

/// How many queries there had been for one name, the oldest in front.
#[derive(Debug, Default)]
struct Counts {
    counts: VecDeque<(Moment, u64)>,
    seen: u64,
}

impl History {
    /// Between two looks.
    pub const EVERY: Duration = Duration::from_secs(2);

    /// Looks that are remembered.
    pub const LOOKS: usize = 150;

    /// Remembers what is at `now`: each server with its lag in milliseconds, where known, all
    /// queries since the start, and those for each served name.
    pub fn note<'s>(
        &mut self,
        now: Moment,
        servers: impl Iterator<Item = (&'s str, Option<u64>)>,
        queries: u64,
        names: impl Iterator<Item = (&'s str, u64)>,
    ) {
        self.looks += 1;
        for (server, lag) in servers {
            if !self.lags.contains_key(server) {
                self.lags.insert(server.into(), Ring::default());
            }
            let Some(ring) = self.lags.get_mut(server) else { continue };
            let lag = lag.map(|lag| u32::try_from(lag).unwrap_or(u32::MAX));
            push(&mut ring.lags, Self::LOOKS, lag);
            ring.seen = self.looks;
        }
        self.lags.retain(|_, ring| ring.seen == self.looks);
        push(&mut self.queries, RATE_LOOKS, (now, queries));
        for (name, queries) in names {
            if !self.names.contains_key(name) {
                self.names.insert(name.into(), Counts::default());
            }
            let Some(counts) = self.names.get_mut(name) else { continue };
            push(&mut counts.counts, RATE_LOOKS, (now, queries));
            counts.seen = self.looks;
        }
        self.names.retain(|_, counts| counts.seen == self.looks);
    }

    /// Who each write name said over the last day.
    pub fn writers(&mut self) -> &mut Writers {
        &mut self.writers
    }

    /// The lag of a server in milliseconds, the oldest first; `None` where it was not known.
    pub fn lags(&self, server: &str) -> impl Iterator<Item = Option<u32>> {
        self.lags.get(server).into_iter().flat_map(|ring| ring.lags.iter().copied())
    }

    /// Queries a second over the last looks; `None` before the second one.
    pub fn queries_per_second(&self) -> Option<f64> {
        rate(&self.queries)
    }

    /// Queries a second for one served name over the last looks; `None` before the second one.
    pub fn queries_per_second_for(&self, name: &str) -> Option<f64> {
        rate(&self.names.get(name)?.counts)
    }
}

/// How much came a second between the first look and the last.
fn rate(counts: &VecDeque<(Moment, u64)>) -> Option<f64> {
    let (&(from, before), &(to, now)) = (counts.front()?, counts.back()?);
    let seconds = to.since(from).as_secs_f64();
    let queries = u32::try_from(now.saturating_sub(before)).unwrap_or(u32::MAX);
    (seconds > 0.0).then(|| f64::from(queries) / seconds)
}

/// Looks over which queries are averaged: ten seconds.
const RATE_LOOKS: usize = 6;

fn push<T>(ring: &mut VecDeque<T>, most: usize, value: T) {
    if ring.len() >= most {
        ring.pop_front();
    }
    ring.push_back(value);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_looks_are_remembered_and_gone_servers_are_not() {
        let mut history = History::default();
        for look in 0..400_u64 {
            let servers = [("db2", Some(look)), ("db3", None), ("gone", Some(1))];
            let there = if look < 399 { 3 } else { 2 };
            let now = Moment::from_millis(look * 2000);
            let names = [("w.internal.", look * 4), ("gone.internal.", 0)];
            let names = names.into_iter().take(there - 1);
            history.note(now, servers.into_iter().take(there), look * 20, names);
        }
        let lags: Vec<_> = history.lags("db2").collect();
        assert_eq!((lags.len(), lags[0], lags[149]), (150, Some(250), Some(399)));
        assert!(history.lags("db3").all(|lag| lag.is_none()));
        assert_eq!(history.lags("gone").count(), 0);
        assert_eq!(history.queries_per_second(), Some(10.0));
        assert_eq!(history.queries_per_second_for("w.internal."), Some(2.0));
        assert_eq!(history.queries_per_second_for("gone.internal."), None);
    }

    #[test]
    fn one_look_is_no_rate() {
        let mut history = History::default();
        assert_eq!(history.queries_per_second(), None);
        history.note(Moment::from_millis(7), [].into_iter(), 1, [].into_iter());
        assert_eq!(history.queries_per_second(), None);
    }
}
