//! What a client of a resolver sees, from before the first instance runs to the loss of one.

use std::{
    net::Ipv4Addr,
    thread,
    time::{Duration, Instant},
};

use hickory_proto::{op::ResponseCode, rr::RecordType};

use crate::{
    client::{Answer, Client},
    patience,
    resolver::Resolver,
    site::{READ, READ_TTL, Site, WRITE, WRITE_TTL, ZONE},
};

/// How long a client waits before it asks again.
const PATIENCE_OF_A_CLIENT: Duration = Duration::from_secs(1);

/// Between two questions of a client.
const ASK_EVERY: Duration = Duration::from_millis(50);

/// What a resolver may take beyond the TTL until it has a new answer.
const BEYOND_TTL: Duration = Duration::from_secs(1);

/// A resolver to be tried.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Trial {
    /// What messages call it.
    pub(crate) title: &'static str,
    /// Tells the tests apart: their addresses are `127.37.{number}.x`.
    pub(crate) number: u8,
    /// Within this time after the loss or the return of an instance a client has its answer. Some
    /// resolvers wait for a silent server that much longer than others.
    pub(crate) recovery: Duration,
    /// Starts it.
    pub(crate) start: fn(&Site) -> Resolver,
}

/// Plays all of it.
///
/// # Panics
/// At the first answer that is not right, or not in time; with the log of the resolver.
pub(crate) fn tell(trial: Trial) {
    let mut scene = Scene::open(trial);
    scene.recovers_from_nobody();
    scene.serves();
    scene.follows_a_change();
    scene.outlives_an_instance();
}

/// A resolver, and what is behind it.
pub(crate) struct Scene {
    trial: Trial,
    site: Site,
    resolver: Resolver,
    client: Client,
    write: Vec<Ipv4Addr>,
    read: Vec<Ipv4Addr>,
}

/// One name during a change.
struct Changing {
    name: &'static str,
    ttl: u32,
    old: Vec<Ipv4Addr>,
    new: Vec<Ipv4Addr>,
    /// When both instances gave the new answer.
    published: Option<Instant>,
    /// When the resolver last gave the old answer.
    last_old: Instant,
}

impl Scene {
    /// The resolver runs, the instances behind it do not.
    pub(crate) fn open(trial: Trial) -> Self {
        let site = Site::new(trial.number);
        let mut resolver = (trial.start)(&site);
        let title = trial.title;
        let mut client = resolver.client();
        let answers = patience::poll(patience::PATIENCE, || {
            assert!(resolver.is_running(), "{title} has ended:\n{}", resolver.log_tail());
            client.ask("localhost.", RecordType::A, Duration::from_millis(100))
        });
        assert!(answers.is_some(), "{title} does not answer:\n{}", resolver.log_tail());
        let [write, read] = [vec![site.server(1)], vec![site.server(2), site.server(3)]];
        Self { trial, site, resolver, client, write, read }
    }

    /// The resolver is asked in vain, then the instances start: its failures do not stick.
    pub(crate) fn recovers_from_nobody(&mut self) {
        for name in [WRITE, READ] {
            let answer = self.client.ask(name, RecordType::A, PATIENCE_OF_A_CLIENT);
            let is_failure = |answer: &Answer| {
                answer.code != ResponseCode::NoError && answer.code != ResponseCode::NXDomain
            };
            assert!(
                answer.as_ref().is_none_or(is_failure),
                "{}: nobody is behind it, and it says {answer:?}",
                self.trial.title
            );
        }
        self.site.start(0);
        self.site.start(1);
        self.expect_soon("after the start of both instances");
    }

    /// Every kind of question is answered as the instances answer it.
    pub(crate) fn serves(&mut self) {
        for (name, ttl, addresses) in
            [(WRITE, WRITE_TTL, self.write.clone()), (READ, READ_TTL, self.read.clone())]
        {
            let answer = self.asked(name, RecordType::A);
            assert!(answer.is(&addresses), "{}: {name} A: {answer}", self.trial.title);
            assert!(answer.ttl <= ttl, "{}: {name} A is kept too long: {answer}", self.trial.title);
            let answer = self.asked(name, RecordType::AAAA);
            assert!(answer.is(&[]), "{}: {name} AAAA is not NODATA: {answer}", self.trial.title);
        }
        let answer = self.asked("unknown.db.internal.", RecordType::A);
        assert!(
            answer.code == ResponseCode::NXDomain && answer.records == 0,
            "{}: unknown name: {answer}",
            self.trial.title
        );
        let answer = self.asked(ZONE, RecordType::SOA);
        assert!(
            answer.code == ResponseCode::NoError && answer.soas == 1 && answer.records == 1,
            "{}: SOA: {answer}",
            self.trial.title
        );
    }

    /// Asks for the read name many times, so that many orders of its records come by.
    pub(crate) fn serves_reads_in_any_order(&mut self) {
        for _ in 0..50 {
            let answer = self.asked(READ, RecordType::A);
            assert!(answer.is(&self.read), "{}: {answer}", self.trial.title);
        }
    }

    /// The server that writes go to fails: the next one takes writes and no more reads.
    pub(crate) fn follows_a_change(&mut self) {
        let old = [self.write.clone(), self.read.clone()];
        self.write = vec![self.site.server(2)];
        self.read = vec![self.site.server(3)];
        let [old_write, old_read] = old;
        let mut changes = [
            Changing::new(WRITE, WRITE_TTL, old_write, self.write.clone()),
            Changing::new(READ, READ_TTL, old_read, self.read.clone()),
        ];
        let mut instances = [self.site.client(0), self.site.client(1)];
        self.site.stop_server(1);
        let given_up = Instant::now() + patience::PATIENCE;
        while !changes.iter().all(Changing::is_over) {
            assert!(Instant::now() < given_up, "{}: pointsman sees no change", self.trial.title);
            for change in &mut changes {
                change.look_at_instances(&mut instances);
                let asked_at = Instant::now();
                let answer = self.asked(change.name, RecordType::A);
                change.judge(asked_at, &answer, self.trial.title);
            }
            thread::sleep(ASK_EVERY);
        }
        for change in &changes {
            println!("{}: {}", self.trial.title, change.measured());
        }
    }

    /// Each instance in turn is killed and comes back, and each in turn is frozen and thaws: both
    /// names are answered all the while.
    pub(crate) fn outlives_an_instance(&mut self) {
        for index in 0..2 {
            self.site.kill(index);
            self.expect_steadily(&format!("with instance {index} killed"));
            self.site.start(index);
        }
        for index in 0..2 {
            self.site.freeze(index);
            self.expect_steadily(&format!("with instance {index} frozen"));
            self.site.thaw(index);
        }
    }

    /// Both names are answered rightly within [`self.trial.recovery`].
    fn expect_soon(&mut self, when: &str) {
        for (name, addresses) in [(WRITE, self.write.clone()), (READ, self.read.clone())] {
            let begun = Instant::now();
            let mut last = None;
            let right = patience::poll(self.trial.recovery, || {
                last = self.client.ask(name, RecordType::A, PATIENCE_OF_A_CLIENT);
                last.as_ref().is_some_and(|answer| answer.is(&addresses)).then_some(())
            });
            let log = || self.resolver.log_tail();
            assert!(right.is_some(), "{} {when}: {name}: {last:?}\n{}", self.trial.title, log());
            println!("{} {when}: {name} after {:.2?}", self.trial.title, begun.elapsed());
        }
    }

    /// Both names are answered rightly, again and again, each time within [`self.trial.recovery`].
    fn expect_steadily(&mut self, when: &str) {
        for _ in 0..10 {
            self.expect_soon(when);
            thread::sleep(ASK_EVERY);
        }
    }

    /// Asks until there is a reply, as clients do.
    fn asked(&mut self, name: &str, kind: RecordType) -> Answer {
        let answer = patience::poll(self.trial.recovery, || {
            self.client.ask(name, kind, PATIENCE_OF_A_CLIENT)
        });
        answer.unwrap_or_else(|| {
            panic!(
                "{}: no reply for {name} {kind}:\n{}",
                self.trial.title,
                self.resolver.log_tail()
            )
        })
    }
}

impl Changing {
    fn new(name: &'static str, ttl: u32, old: Vec<Ipv4Addr>, new: Vec<Ipv4Addr>) -> Self {
        Self { name, ttl, old, new, published: None, last_old: Instant::now() }
    }

    /// Asks the instances themselves, until both give the new answer.
    fn look_at_instances(&mut self, instances: &mut [Client; 2]) {
        let is_published = self.published.is_some()
            || instances.iter_mut().all(|instance| {
                let answer = instance.ask(self.name, RecordType::A, PATIENCE_OF_A_CLIENT);
                answer.is_some_and(|answer| answer.is(&self.new))
            });
        if is_published {
            self.published.get_or_insert_with(Instant::now);
        }
    }

    /// The answer to a question that was asked at `asked_at` is old or new, and new when the TTL
    /// is long over.
    fn judge(&mut self, asked_at: Instant, answer: &Answer, title: &str) {
        if answer.is(&self.old) {
            self.last_old = asked_at;
            let overdue = self.deadline().is_some_and(|deadline| asked_at > deadline);
            assert!(!overdue, "{title}: {} is still the old one: {answer}", self.name);
        } else {
            assert!(answer.is(&self.new), "{title}: {} is odd: {answer}", self.name);
        }
    }

    fn deadline(&self) -> Option<Instant> {
        let ttl = Duration::from_secs(self.ttl.into());
        self.published.map(|published| published + ttl + BEYOND_TTL)
    }

    /// Whether the new answer has been due for so long that several questions showed it.
    fn is_over(&self) -> bool {
        let settled = self.deadline().map(|deadline| deadline + ASK_EVERY * 5);
        settled.is_some_and(|settled| Instant::now() > settled)
    }

    fn measured(&self) -> String {
        let published = self.published.unwrap_or(self.last_old);
        let kept = self.last_old.saturating_duration_since(published);
        format!("{} last old {:.2?} after the change", self.name, kept)
    }
}
