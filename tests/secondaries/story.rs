//! What a client of a secondary sees.

use std::{
    net::IpAddr,
    thread,
    time::{Duration, Instant},
};

use hickory_proto::{op::ResponseCode, rr::Name};

use crate::{
    dns_client::DnsClient,
    patience,
    primary::{EXPIRE, Primary, READ, Setup, WRITE, ZONE},
    secondary::{Kind, Secondary},
};

/// A secondary to be tried.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Trial {
    pub(crate) kind: Kind,
    /// Tells the tests apart: addresses are `127.38.{number}.x`.
    pub(crate) number: u8,
    /// Whether it signs its requests.
    pub(crate) has_key: bool,
    /// Whether transfers go over TLS.
    pub(crate) encrypted: bool,
    /// Whether it gives up a zone that nobody vouches for.
    pub(crate) expires: bool,
}

/// Seconds after which each secondary looks by itself: 1, and 2 with Knot DNS.
const REFRESH_MOST: u64 = 2;

/// Changes that are followed, unless `POINTSMAN_CHANGES` says another number.
const CHANGES: usize = 10;

/// Between two looks at an answer.
const LOOK: Duration = Duration::from_micros(200);

/// Between the two changes of a switchover.
const SWITCHOVER: Duration = Duration::from_millis(80);

/// A name of the tests.
pub(crate) fn name(text: &str) -> Name {
    Name::from_ascii(text).expect("the tests use valid names")
}

/// How many changes are followed.
fn changes() -> usize {
    let changes = std::env::var("POINTSMAN_CHANGES").ok();
    changes.and_then(|number| number.parse().ok()).unwrap_or(CHANGES)
}

/// The median and the worst of what changes took.
pub(crate) fn spread(mut took: Vec<Duration>) -> String {
    took.sort_unstable();
    let (count, median, worst) = (took.len(), took[took.len() / 2], took[took.len() - 1]);
    format!("{median:?} (median of {count}), {worst:?} at worst")
}

struct Story {
    trial: Trial,
    primary: Primary,
    secondary: Secondary,
    ours: DnsClient,
    theirs: DnsClient,
}

/// Plays all of it.
///
/// # Panics
/// At the first answer that is not right, or not in time; with both logs.
pub(crate) fn tell(trial: Trial) {
    let Trial { kind, number, has_key, encrypted, .. } = trial;
    let is_told_again = kind == Kind::Knot;
    let setup = Setup { number, has_key, encrypted, is_told_again, ..Setup::default() };
    let mut primary = Primary::new(setup);
    primary.start();
    let secondary = Secondary::start(trial.kind, &primary);
    let (ours, theirs) = (primary.client(), secondary.client());
    let mut story = Story { trial, primary, secondary, ours, theirs };
    story.copies();
    story.follows_changes();
    story.follows_switchovers();
    story.outlives_us();
}

impl Story {
    /// The copy says what we say.
    fn copies(&mut self) {
        self.expect("the zone is copied", |story| story.is_level());
        for owner in [READ, "www.db.internal.", "db1.db.internal.", "db3.db.internal."] {
            let owner = name(owner);
            // A server that forks may answer by its old copy for a moment.
            self.expect("the copy says what we say", |story| {
                let [ours, theirs] = [&mut story.ours, &mut story.theirs]
                    .map(|client| client.addresses(&owner).map(|answer| answer.set()));
                ours.is_some() && ours == theirs
            });
        }
        let status = self.primary.status();
        println!("{status}");
    }

    /// Each change of the write name arrives, and no serial goes back.
    fn follows_changes(&mut self) {
        let mut took = Vec::new();
        let mut serial = self.theirs.serial_if_any(&name(ZONE));
        for (number, server) in (0..changes() as u64).zip([2, 3].into_iter().cycle()) {
            // Changes are not each other's echo, nor that of a secondary's own clock.
            thread::sleep(Duration::from_millis(600 + number * 137 % 500));
            took.push(self.change(server));
            // A server that forks may answer by its old copy for a moment.
            self.expect("the serial grows", |story| {
                let (before, now) = (serial, story.theirs.serial_if_any(&name(ZONE)));
                serial = before.max(now);
                now > before
            });
        }
        println!("{:?}: a change took {}", self.trial.kind, spread(took));
    }

    /// Two changes in a row: the second arrives as well.
    fn follows_switchovers(&mut self) {
        let count = changes().div_ceil(10);
        let mut took = Vec::new();
        for (number, server) in (0..count as u64).zip([2, 3].into_iter().cycle()) {
            self.primary.pin(1);
            thread::sleep(SWITCHOVER);
            took.push(self.change(server));
            // A switchover comes out of a calm, in any part of a second.
            thread::sleep(Duration::from_millis(1_500 + number * 137 % 1_000));
        }
        // Who was where before the process goes.
        self.change(2);
        println!("{:?}: the second of two changes took {}", self.trial.kind, spread(took));
    }

    /// It answers without us, gives up as it was told to, and follows us again.
    fn outlives_us(&mut self) {
        let before = self.theirs.serial_if_any(&name(ZONE));
        self.primary.kill();
        let gone = Instant::now();
        assert_eq!(self.written(), vec![IpAddr::from(self.primary.server(2))]);
        if self.trial.expires {
            let write = name(WRITE);
            self.expect("a zone that nobody vouches for is given up", |story| {
                let answer = story.theirs.addresses(&write);
                answer.is_some_and(|answer| answer.code == ResponseCode::ServFail)
            });
            let after = gone.elapsed();
            println!("{:?}: gave up after {after:?}, EXPIRE is {EXPIRE} s", self.trial.kind);
            // It may have heard of us last a REFRESH before.
            let least = Duration::from_secs(EXPIRE - 1 - REFRESH_MOST);
            assert!(after > least, "too early: {after:?}");
        }
        if self.trial.kind == Kind::Bind && self.trial.encrypted {
            // It holds a primary that it could not reach by TLS to be away for 10 minutes.
            return;
        }
        self.primary.start();
        let back = Instant::now();
        self.expect("the copy is level again after our restart", |story| {
            story.is_level() && story.theirs.serial_if_any(&name(ZONE)) > before
        });
        println!("{:?}: level {:?} after our restart", self.trial.kind, back.elapsed());
    }

    /// Lets the write name say another server; how long after us the copy said so.
    fn change(&mut self, server: u8) -> Duration {
        let expected = vec![IpAddr::from(self.primary.server(server))];
        let Self { primary, ours, theirs, .. } = self;
        let write = name(WRITE);
        let says = |client: &mut DnsClient| {
            client.addresses(&write).is_some_and(|answer| answer.addresses == expected)
        };
        // We say so before the command has ended, and the copy may.
        let took = thread::scope(|scope| {
            let command = scope.spawn(|| primary.pin(server));
            let began = Instant::now();
            let wait = |client: &mut DnsClient| {
                while !says(client) && began.elapsed() < patience::PATIENCE {
                    thread::sleep(LOOK);
                }
                Instant::now()
            };
            let start = wait(ours);
            let took = wait(theirs) - start;
            command.join().expect("the command succeeds");
            took
        });
        self.expect("the copy follows", |story| story.written() == expected);
        took
    }

    fn written(&mut self) -> Vec<IpAddr> {
        self.theirs.addresses(&name(WRITE)).map(|answer| answer.addresses).unwrap_or_default()
    }

    /// Whether both say the same of the write name.
    fn is_level(&mut self) -> bool {
        let write = name(WRITE);
        let ours = self.ours.addresses(&write).map(|answer| answer.addresses);
        ours.is_some_and(|ours| !ours.is_empty() && self.written() == ours)
    }

    fn expect(&mut self, what: &str, mut happened: impl FnMut(&mut Self) -> bool) {
        let start = Instant::now();
        while !happened(self) {
            assert!(
                start.elapsed() < patience::PATIENCE && self.secondary.is_running(),
                "{:?}: not in time: {what}\n{}\n-- secondary\n{}",
                self.trial.kind,
                self.primary.log_tail(),
                self.secondary.log_tail()
            );
            thread::sleep(Duration::from_millis(1));
        }
    }
}
