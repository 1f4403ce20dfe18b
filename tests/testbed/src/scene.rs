//! The stage of one story: what is expected of one cluster, under a watch that misses nothing.
//!
//! A scene knows at each moment which servers may be named for writes: the primary, and from the
//! moment before a promotion also the promoted one. At the end it holds every answer given
//! meanwhile against that.

use std::{
    net::IpAddr,
    thread,
    time::{Duration, Instant},
};

use crate::{
    attempt::Failure,
    dns_client::{Answer, DnsClient},
    log::{Mark, StateChange},
    patience::{self, PATIENCE},
    pointsman::{Cluster, Pointsman},
    watcher::{Record, Watcher},
};

/// How long a scene watches for something that must not happen. An absence has no event to wait
/// for; this is seven normal probes and fifteen fast ones long.
pub const A_WHILE: Duration = Duration::from_millis(1500);

/// One story, being watched.
pub struct Scene<'a> {
    pointsman: &'a Pointsman,
    cluster: &'a Cluster,
    title: String,
    began: Instant,
    mark: Mark,
    watcher: Watcher,
    client: DnsClient,
    writers: Vec<(Instant, Vec<usize>)>,
    silence_for_writes: bool,
}

impl<'a> Scene<'a> {
    /// Begins a story in which `primary` is published for writes and `readers` for reads.
    ///
    /// # Panics
    /// When they are not, after some patience.
    pub fn open(
        title: impl Into<String>,
        pointsman: &'a Pointsman,
        cluster: &'a Cluster,
        primary: usize,
        readers: &[usize],
    ) -> Self {
        let title = title.into();
        println!("{title}");
        let mut client = pointsman.client();
        let (write, read) = (cluster.write_name(), cluster.read_name());
        let wanted = [IpAddr::V4(cluster.servers[primary])];
        let mut readers: Vec<_> =
            readers.iter().map(|reader| IpAddr::V4(cluster.servers[*reader])).collect();
        readers.sort_unstable();
        let found = patience::poll(PATIENCE, || {
            let (writes, reads) = (client.addresses(&write)?, client.addresses(&read)?);
            let ready = writes.addresses == wanted && writes.errors.is_empty();
            (ready && reads.set() == readers).then_some(())
        });
        assert!(
            found.is_some(),
            "{title}: wanted {wanted:?} for writes, {readers:?} for reads, not {:?}, {:?}\n{}",
            client.addresses(&write),
            client.addresses(&read),
            pointsman.log().text()
        );
        let watcher = Watcher::start(pointsman.dns(), cluster.write_name(), cluster.read_name());
        Self {
            pointsman,
            cluster,
            title,
            began: Instant::now(),
            mark: pointsman.log().mark(),
            watcher,
            client,
            writers: vec![(Instant::now(), vec![primary])],
            silence_for_writes: false,
        }
    }

    /// From now on these and no others may be named for writes. Said before a promotion begins.
    pub fn may_write(&mut self, servers: &[usize]) {
        self.writers.push((Instant::now(), servers.to_vec()));
    }

    /// In this story there are moments with nobody to write to, so that the write name may be
    /// empty.
    pub fn may_be_empty(&mut self) {
        self.silence_for_writes = true;
    }

    /// Waits until `server` is published for writes as the primary it is, and holds that from then
    /// on.
    pub fn expect_write(&mut self, server: usize) {
        let wanted = self.address(server);
        self.eventually(&format!("writes go to {wanted}"), |scene| {
            let answer = scene.ask_write();
            answer.addresses == [wanted] && answer.errors.is_empty()
        });
        self.may_write(&[server]);
    }

    /// Waits until `server` is published for writes with an Extended DNS Error that says why this
    /// is not all well.
    pub fn expect_write_held(&mut self, server: usize) {
        let wanted = self.address(server);
        self.eventually(&format!("writes are held at {wanted}, with a word"), |scene| {
            let answer = scene.ask_write();
            answer.addresses == [wanted] && !answer.errors.is_empty()
        });
    }

    /// Waits until the write name has no address, and a word why.
    pub fn expect_no_write(&mut self) {
        assert!(self.silence_for_writes, "the story says that this may be");
        self.eventually("nobody is published for writes, with a word", |scene| {
            let answer = scene.ask_write();
            answer.addresses.is_empty() && !answer.errors.is_empty()
        });
    }

    /// Waits until the read name is exactly `servers` with an Extended DNS Error that says why this
    /// is not all well.
    pub fn expect_reads_degraded(&mut self, servers: &[usize]) {
        self.expect_reads(servers);
        self.eventually("the read name says what is wrong", |scene| {
            !scene.ask_read().errors.is_empty()
        });
    }

    /// Waits until exactly `servers` are published for reads.
    pub fn expect_reads(&mut self, servers: &[usize]) {
        let mut wanted: Vec<_> = servers.iter().map(|server| self.address(*server)).collect();
        wanted.sort_unstable();
        self.eventually(&format!("reads go to {wanted:?}"), |scene| {
            scene.ask_read().set() == wanted
        });
    }

    /// Waits until the log has brought `server` into `state` since the story began, and returns
    /// that line.
    pub fn expect_state(&mut self, server: usize, state: &str) -> StateChange {
        self.expect_state_in(server, &[state])
    }

    /// The same for any of `states`.
    pub fn expect_state_in(&mut self, server: usize, states: &[&str]) -> StateChange {
        let what = format!("{} is {}", self.cluster.server_name(server), states.join(" or "));
        self.eventually(&what, |scene| {
            let path = scene.state_changes(server);
            path.last().is_some_and(|last| states.contains(&&*last.to))
        });
        let mut path = self.state_changes(server);
        path.pop().expect("it has just been seen")
    }

    /// The states that `server` came into since the story began.
    pub fn state_path(&self, server: usize) -> Vec<String> {
        let changes = self.state_changes(server).into_iter();
        changes.map(|change| change.to).collect()
    }

    /// All answers of the story so far were the same: writes to `primary`, reads to `readers`.
    pub fn assert_unmoved(&self, primary: usize, readers: &[usize]) {
        let mut wanted: Vec<_> = readers.iter().map(|server| self.address(*server)).collect();
        wanted.sort_unstable();
        let record = self.record();
        let path = record.write_path();
        self.assert(path == [Some(self.address(primary))], "the write name moved");
        let mut sets = record.reads.iter().map(|sample| sample.answer.set());
        self.assert(sets.all(|set| set == wanted), "the read name changed");
    }

    /// Watches for [`A_WHILE`] without doing anything.
    pub fn watch_a_while(&self) {
        thread::sleep(A_WHILE);
    }

    /// What the write name says now.
    pub fn ask_write(&mut self) -> Answer {
        let name = self.cluster.write_name();
        self.ask(&name)
    }

    /// What the read name says now.
    pub fn ask_read(&mut self) -> Answer {
        let name = self.cluster.read_name();
        self.ask(&name)
    }

    /// What was answered so far.
    pub fn record(&self) -> Record {
        self.watcher.record()
    }

    /// Waits until `happened`.
    ///
    /// # Panics
    /// When patience runs out; with the answers and the log.
    pub fn eventually(&mut self, what: &str, mut happened: impl FnMut(&mut Self) -> bool) {
        let found = patience::poll(PATIENCE, || happened(self).then_some(()));
        self.assert(found.is_some(), &format!("waited {PATIENCE:?} in vain until {what}"));
    }

    /// Fails the story unless `holds`.
    ///
    /// # Panics
    /// When it does not; with the answers and the log.
    pub fn assert(&self, holds: bool, what: &str) {
        if !holds {
            self.assert_writes_right(&self.record());
            Failure::Otherwise(self.words(what)).end_attempt();
        }
    }

    /// No answer so far sent writes to a server that was not to have them.
    fn assert_writes_right(&self, record: &Record) {
        for sample in &record.writes {
            for address in &sample.answer.addresses {
                if !self.allowed(*address, sample.asked, sample.until) {
                    let what = format!("this write answer was wrong: {}", sample.answer);
                    Failure::WritesAstray(self.words(&what)).end_attempt();
                }
            }
        }
    }

    /// Ends the story: every answer given meanwhile must have been right.
    pub fn close(self) {
        let record = self.record();
        record.assert_sound();
        self.assert_writes_right(&record);
        for sample in &record.writes {
            let right = !sample.answer.addresses.is_empty() || self.silence_for_writes;
            self.assert(right, &format!("this write answer was wrong: {}", sample.answer));
        }
        for sample in &record.reads {
            let some = !sample.answer.addresses.is_empty();
            self.assert(some, "the read name was empty");
        }
        println!(
            "    {:.1}s, {} answers, all right",
            self.began.elapsed().as_secs_f32(),
            record.questions
        );
    }

    /// Whether `address` could be named for writes all the time from `asked` to `until`, leaving
    /// out the edges: an answer that began under the old rule may arrive under the new one.
    fn allowed(&self, address: IpAddr, asked: Instant, until: Instant) -> bool {
        const EDGE: Duration = Duration::from_millis(100);
        let ends = self.writers.iter().skip(1).map(|(begin, _)| *begin);
        let ends = ends.chain([Instant::now() + EDGE]);
        let mut rules = self.writers.iter().zip(ends);
        rules.all(|((begin, servers), end)| {
            let overlaps = asked < end && until > *begin + EDGE;
            !overlaps || servers.iter().any(|server| self.address(*server) == address)
        })
    }

    fn ask(&mut self, name: &hickory_proto::rr::Name) -> Answer {
        match self.client.addresses(name) {
            Some(answer) => answer,
            None => Failure::Otherwise(self.words(&format!("no answer for {name}"))).end_attempt(),
        }
    }

    fn address(&self, server: usize) -> IpAddr {
        IpAddr::V4(self.cluster.servers[server])
    }

    fn state_changes(&self, server: usize) -> Vec<StateChange> {
        let name = self.cluster.server_name(server);
        let log = self.pointsman.log();
        log.states(self.mark, self.cluster.name, &name)
    }

    fn words(&self, what: &str) -> String {
        let (record, log) = (self.record(), self.pointsman.log());
        format!("{}: {what}\nanswers:\n{}log:\n{}", self.title, record.tell(30), log.tail(40))
    }
}
