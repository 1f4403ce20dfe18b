//! What was in the last minutes: the lag of each server and how many queries came.
//!
//! Bounded: five minutes at two seconds, a number each. Servers that are gone are forgotten with
//! the next look.

use std::{
    collections::{HashMap, VecDeque},
    time::Duration,
};

use crate::engine::Moment;

/// What was seen, look by look.
#[derive(Debug, Default)]
pub struct History {
    /// By the server's name, which is unique.
    lags: HashMap<Box<str>, Ring>,
    /// When, and how many queries there had been by then.
    queries: VecDeque<(Moment, u64)>,
    looks: u64,
}

/// The lag of one server, the oldest in front.
#[derive(Debug, Default)]
struct Ring {
    lags: VecDeque<Option<u32>>,
    seen: u64,
}

impl History {
    /// Between two looks.
    pub const EVERY: Duration = Duration::from_secs(2);

    /// Looks that are remembered.
    pub const LOOKS: usize = 150;

    /// Remembers what is at `now`: each server with its lag in milliseconds, where known, and all
    /// queries since the start.
    pub fn note<'s>(
        &mut self,
        now: Moment,
        servers: impl Iterator<Item = (&'s str, Option<u64>)>,
        queries: u64,
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
    }

    /// The lag of a server in milliseconds, the oldest first; `None` where it was not known.
    pub fn lags(&self, server: &str) -> impl Iterator<Item = Option<u32>> {
        self.lags.get(server).into_iter().flat_map(|ring| ring.lags.iter().copied())
    }

    /// Queries a second over the last looks; `None` before the second one.
    pub fn queries_per_second(&self) -> Option<f64> {
        let (&(from, before), &(to, now)) = (self.queries.front()?, self.queries.back()?);
        let seconds = to.since(from).as_secs_f64();
        let queries = u32::try_from(now.saturating_sub(before)).unwrap_or(u32::MAX);
        (seconds > 0.0).then(|| f64::from(queries) / seconds)
    }
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
            history.note(now, servers.into_iter().take(there), look * 20);
        }
        let lags: Vec<_> = history.lags("db2").collect();
        assert_eq!((lags.len(), lags[0], lags[149]), (150, Some(250), Some(399)));
        assert!(history.lags("db3").all(|lag| lag.is_none()));
        assert_eq!(history.lags("gone").count(), 0);
        assert_eq!(history.queries_per_second(), Some(10.0));
    }

    #[test]
    fn one_look_is_no_rate() {
        let mut history = History::default();
        assert_eq!(history.queries_per_second(), None);
        history.note(Moment::from_millis(7), [].into_iter(), 1);
        assert_eq!(history.queries_per_second(), None);
    }
}
