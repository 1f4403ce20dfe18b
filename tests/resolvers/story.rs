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

/// Within this time after the loss or the return of an instance a client has its answer.
const RECOVERY: Duration = Duration::from_secs(5);

/// Between two questions of a client.
const ASK_EVERY: Duration = Duration::from_millis(50);

/// What a resolver may take beyond the TTL until it has a new answer.
const BEYOND_TTL: Duration = Duration::from_secs(1);

/// Plays all of it on the addresses of `number`, with the resolver that `start` starts.
///
/// # Panics
/// At the first answer that is not right, or not in time; with the log of the resolver.
pub(crate) fn tell(number: u8, title: &'static str, start: fn(&Site) -> Resolver) {
    let mut scene = Scene::open(number, title, start);
    scene.recovers_from_nobody();
    scene.serves();
    scene.follows_a_change();
    scene.outlives_an_instance();
}

/// A resolver, and what is behind it.
pub(crate) struct Scene {
    title: &'static str,
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
    pub(crate) fn open(number: u8, title: &'static str, start: fn(&Site) -> Resolver) -> Self {
        let site = Site::new(number);
        let mut resolver = start(&site);
        let mut client = resolver.client();
        let answers = patience::poll(patience::PATIENCE, || {
            assert!(resolver.is_running(), "{title} has ended:\n{}", resolver.log_tail());
            client.ask("localhost.", RecordType::A, Duration::from_millis(100))
        });
        assert!(answers.is_some(), "{title} does not answer:\n{}", resolver.log_tail());
        let [write, read] = [vec![site.server(1)], vec![site.server(2), site.server(3)]];
        Self { title, site, resolver, client, write, read }
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
                self.title
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
            assert!(answer.is(&addresses), "{}: {name} A: {answer}", self.title);
            assert!(answer.ttl <= ttl, "{}: {name} A is kept too long: {answer}", self.title);
            let answer = self.asked(name, RecordType::AAAA);
            assert!(answer.is(&[]), "{}: {name} AAAA is not NODATA: {answer}", self.title);
        }
        let answer = self.asked("unknown.db.internal.", RecordType::A);
        assert!(
            answer.code == ResponseCode::NXDomain && answer.records == 0,
            "{}: unknown name: {answer}",
            self.title
        );
        let answer = self.asked(ZONE, RecordType::SOA);
        assert!(
            answer.code == ResponseCode::NoError && answer.soas == 1 && answer.records == 1,
            "{}: SOA: {answer}",
            self.title
        );
    }

    /// Asks for the read name many times, so that many orders of its records come by.
    pub(crate) fn serves_reads_in_any_order(&mut self) {
        for _ in 0..50 {
            let answer = self.asked(READ, RecordType::A);
            assert!(answer.is(&self.read), "{}: {answer}", self.title);
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
        self.site.stop_first_server();
        let given_up = Instant::now() + patience::PATIENCE;
        while !changes.iter().all(Changing::is_over) {
            assert!(Instant::now() < given_up, "{}: pointsman sees no change", self.title);
            for change in &mut changes {
                change.look_at_instances(&mut instances);
                let asked_at = Instant::now();
                let answer = self.asked(change.name, RecordType::A);
                change.judge(asked_at, &answer, self.title);
            }
            thread::sleep(ASK_EVERY);
        }
        for change in &changes {
            println!("{}: {}", self.title, change.measured());
        }
    }

    /// One instance is killed and comes back, the other one is frozen: both names are answered.
    pub(crate) fn outlives_an_instance(&mut self) {
        self.site.kill(0);
        self.expect_steadily("with an instance killed");
        self.site.start(0);
        self.site.freeze(1);
        self.expect_steadily("with an instance frozen");
    }

    /// Both names are answered rightly within [`RECOVERY`].
    fn expect_soon(&mut self, when: &str) {
        for (name, addresses) in [(WRITE, self.write.clone()), (READ, self.read.clone())] {
            let begun = Instant::now();
            let mut last = None;
            let right = patience::poll(RECOVERY, || {
                last = self.client.ask(name, RecordType::A, PATIENCE_OF_A_CLIENT);
                last.as_ref().is_some_and(|answer| answer.is(&addresses)).then_some(())
            });
            let log = || self.resolver.log_tail();
            assert!(right.is_some(), "{} {when}: {name}: {last:?}\n{}", self.title, log());
            println!("{} {when}: {name} after {:.2?}", self.title, begun.elapsed());
        }
    }

    /// Both names are answered rightly, again and again, each time within [`RECOVERY`].
    fn expect_steadily(&mut self, when: &str) {
        for _ in 0..10 {
            self.expect_soon(when);
            thread::sleep(ASK_EVERY);
        }
    }

    /// Asks until there is a reply, as clients do.
    fn asked(&mut self, name: &str, kind: RecordType) -> Answer {
        let answer = patience::poll(RECOVERY, || self.client.ask(name, kind, PATIENCE_OF_A_CLIENT));
        answer.unwrap_or_else(|| {
            panic!("{}: no reply for {name} {kind}:\n{}", self.title, self.resolver.log_tail())
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
