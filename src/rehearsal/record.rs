//! What has been seen so far. It is pure: times are those since the beginning.

use std::{
    collections::BTreeSet,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use super::attempts::{Attempt, Attempts};

/// Something that was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sight {
    /// The service says that the write name has these servers.
    Published(Vec<Box<str>>),
    /// The resolver at this place has answered, or has not.
    Resolved(usize, Result<BTreeSet<IpAddr>, Box<str>>),
    /// The write with this number, in a session that is held.
    Write(u64, Outcome),
    /// A new connection.
    Connect(Outcome),
}

/// What came of an attempt to work with a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// When it began.
    pub began: Duration,
    /// The server that it went to; `None` when the name led nowhere.
    pub server: Option<SocketAddr>,
    /// Why it failed, if it did.
    pub failure: Option<Box<str>>,
}

/// What one resolver said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResolverRecord {
    /// Answers with addresses.
    pub answers: u64,
    /// Questions without any, and answers without addresses.
    pub failures: u64,
    /// The last failure, in words.
    pub failure: Option<Box<str>>,
    /// When it last said a server that had the name at the beginning.
    pub last_old: Option<Duration>,
    /// When it first said nobody but others.
    pub first_new: Option<Duration>,
    /// Whether the last answer was of others.
    is_new: bool,
}

/// All of it.
#[derive(Clone, Debug)]
pub struct Record {
    /// The servers that had the name at the beginning.
    pub from: Vec<Box<str>>,
    /// Their addresses.
    old: BTreeSet<IpAddr>,
    /// Who has it now, when that is another.
    pub to: Option<Vec<Box<str>>>,
    /// When the service was first seen to say so.
    pub moved: Option<Duration>,
    /// By their places.
    pub resolvers: Vec<ResolverRecord>,
    /// The writes.
    pub writes: Attempts,
    /// The numbers of the good ones.
    pub acknowledged: BTreeSet<u64>,
    /// The new connections.
    pub connects: Attempts,
}

impl Record {
    /// At the beginning `from` have the name, at these addresses, and so many resolvers are asked.
    pub fn new(from: Vec<Box<str>>, old: BTreeSet<IpAddr>, resolvers: usize) -> Self {
        Self {
            from,
            old,
            to: None,
            moved: None,
            resolvers: vec![ResolverRecord::default(); resolvers],
            writes: Attempts::default(),
            acknowledged: BTreeSet::new(),
            connects: Attempts::default(),
        }
    }

    /// Takes in what was seen at `at`.
    pub fn note(&mut self, at: Duration, sight: Sight) {
        match sight {
            Sight::Published(servers) => self.note_published(at, servers),
            Sight::Resolved(place, answer) => self.note_answer(at, place, answer),
            Sight::Write(number, outcome) => {
                if outcome.failure.is_none() {
                    self.acknowledged.insert(number);
                }
                let attempt = self.attempt(at, outcome);
                self.writes.note(attempt, self.moved);
            }
            Sight::Connect(outcome) => {
                let attempt = self.attempt(at, outcome);
                self.connects.note(attempt, self.moved);
            }
        }
    }

    /// Whether a switchover may begin: everything that is watched has been seen to work before.
    pub fn is_ready(&self) -> bool {
        self.writes.last_good.is_some()
            && self.connects.last_good.is_some()
            && self.resolvers.iter().all(|resolver| resolver.last_old.is_some())
    }

    /// Whether all is over: the name has moved, everybody who was asked says so, work goes on
    /// elsewhere, and for `calm` nothing has happened that says otherwise.
    pub fn is_over(&self, now: Duration, calm: Duration) -> bool {
        let moments = [self.moved, self.writes.first_good, self.connects.first_good];
        let [Some(moved), Some(writes), Some(connects)] = moments else { return false };
        let failures = [self.writes.last_failure, self.connects.last_failure];
        let answers = self.resolvers.iter().map(|resolver| match resolver.is_new {
            true => resolver.last_old.max(resolver.first_new),
            false => None,
        });
        let mut last = moved.max(writes).max(connects);
        for answer in answers {
            let Some(answer) = answer else { return false };
            last = last.max(answer);
        }
        last = failures.into_iter().flatten().fold(last, Duration::max);
        now >= last + calm
    }

    fn note_published(&mut self, at: Duration, servers: Vec<Box<str>>) {
        // Nobody has it while a switchover is under way.
        if servers.is_empty() || servers == self.from {
            return;
        }
        self.moved.get_or_insert(at);
        self.to = Some(servers);
    }

    fn note_answer(
        &mut self,
        at: Duration,
        place: usize,
        answer: Result<BTreeSet<IpAddr>, Box<str>>,
    ) {
        let Some(resolver) = self.resolvers.get_mut(place) else { return };
        match answer {
            Ok(addresses) if !addresses.is_empty() => {
                resolver.answers += 1;
                resolver.is_new = addresses.is_disjoint(&self.old);
                match resolver.is_new {
                    true => _ = resolver.first_new.get_or_insert(at),
                    false => resolver.last_old = Some(at),
                }
            }
            Ok(_) => {
                resolver.failures += 1;
                resolver.failure = Some("no address".into());
            }
            Err(words) => {
                resolver.failures += 1;
                resolver.failure = Some(words);
            }
        }
    }

    fn attempt(&self, ended: Duration, outcome: Outcome) -> Attempt {
        let Outcome { began, server, failure } = outcome;
        let is_old = server.map(|server| self.old.contains(&server.ip()));
        Attempt { began, ended, is_old, failure }
    }
}

impl ResolverRecord {
    /// How long after `moved` it still said an old server; zero when it did not.
    pub fn lateness(&self, moved: Duration) -> Duration {
        self.last_old.map_or(Duration::ZERO, |last| last.saturating_sub(moved))
    }

    /// Whether its last answer was of others.
    pub fn has_followed(&self) -> bool {
        self.is_new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "10.0.0.1";
    const NEW: &str = "10.0.0.2";
    const CALM: Duration = Duration::from_secs(2);

    const fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    fn record() -> Record {
        Record::new(vec!["db1".into()], [OLD.parse().unwrap()].into(), 2)
    }

    fn said(place: usize, addresses: &[&str]) -> Sight {
        Sight::Resolved(place, Ok(addresses.iter().map(|text| text.parse().unwrap()).collect()))
    }

    fn good(server: &str, began: u64) -> Outcome {
        let server = Some(SocketAddr::new(server.parse().unwrap(), 5432));
        Outcome { began: ms(began), server, failure: None }
    }

    #[test]
    fn a_switchover_is_over_when_everybody_has_followed_and_it_was_calm() {
        let mut record = record();
        let steps = [
            (0, said(0, &[OLD])),
            (0, said(1, &[OLD])),
            (5, Sight::Write(1, good(OLD, 0))),
            (8, Sight::Connect(good(OLD, 0))),
            (100, Sight::Published(vec![])),
            (150, said(0, &[])),
            (200, Sight::Published(vec!["db2".into()])),
            (250, said(0, &[NEW])),
            (300, Sight::Write(1, good(NEW, 290))),
            (310, Sight::Connect(good(NEW, 300))),
            (900, said(1, &[OLD])),
        ];
        for (at, sight) in steps {
            // With the first write and the first connection.
            assert_eq!(record.is_ready(), at >= 100, "before {sight:?}");
            record.note(ms(at), sight);
        }
        assert_eq!(
            (record.moved, record.to.as_deref()),
            (Some(ms(200)), Some(&["db2".into()][..]))
        );
        assert!(!record.is_over(ms(10_000), CALM), "the second resolver has not followed");
        record.note(ms(1_000), said(1, &[NEW]));
        assert!(!record.is_over(ms(2_999), CALM));
        assert!(record.is_over(ms(3_000), CALM));
        assert_eq!(record.resolvers[0].failures, 1);
        assert_eq!(record.resolvers[0].lateness(ms(200)), Duration::ZERO);
        assert_eq!(record.resolvers[1].lateness(ms(200)), ms(700));
        // One that goes back to an old answer.
        record.note(ms(2_500), said(0, &[OLD]));
        assert!(!record.is_over(ms(9_000), CALM));
        record.note(ms(2_600), said(0, &[NEW]));
        assert!(!record.is_over(ms(4_499), CALM));
        assert!(record.is_over(ms(4_500), CALM), "250 ms was its first, 2.5 s its last old one");
        let outcome = Outcome { failure: Some("refused".into()), ..good(NEW, 4_000) };
        record.note(ms(4_400), Sight::Connect(outcome));
        assert!(!record.is_over(ms(4_500), CALM));
    }

    #[test]
    fn a_name_that_says_nobody_or_the_same_has_not_moved() {
        let mut record = record();
        for servers in [vec![], vec!["db1".into()]] {
            record.note(ms(10), Sight::Published(servers));
        }
        assert_eq!((record.moved, record.to.clone()), (None, None));
        assert!(!record.is_over(ms(60_000), CALM));
    }

    #[test]
    fn an_attempt_that_led_nowhere_is_a_failure() {
        let mut record = record();
        let nowhere = Outcome { began: ms(0), server: None, failure: Some("no address".into()) };
        record.note(ms(3), Sight::Write(1, nowhere));
        assert_eq!((record.writes.good, record.writes.failed), (0, 1));
    }
}
