//! Plays one row in one phase and looks at everything.

use std::{
    net::IpAddr,
    thread,
    time::{Duration, Instant},
};

use pointsman_testbed::{
    attempt::Failure,
    dns_client::DnsClient,
    log::Mark,
    patience,
    pointsman::{Engine, Pointsman},
};

use crate::{
    row::{Course, Deed, IN_TIME, Look, Noise, Phase, Place, Row, Write},
    stage::Stage,
    watch::{Findings, Rule, Watch},
};

/// A look that has been reached is watched for so long: an absence has no event to wait for. This
/// is three normal probes or six fast ones.
const HOLD: Duration = Duration::from_millis(600);

/// Where others may be seen on the way, a look counts when it has been there so many times in a row, or
/// came back meanwhile.
const WAY_LOOKS: usize = 4;

/// Sessions of the probe that a server may count: one that asks, one that replaces it.
const SESSIONS_MAX: usize = 2;

/// And one that writes heartbeats.
const SESSIONS_WITH_HEARTBEATS_MAX: usize = 3;

/// One row, being played.
struct Play<'s> {
    stage: &'s mut Stage,
    row: &'s Row,
    pointsman: Pointsman,
    client: DnsClient,
    watch: Watch,
    mark: Mark,
    /// How the write name is expected to have moved so far.
    path: Vec<IpAddr>,
    /// What was last seen.
    last: Seen,
    /// The serial of the zone when it was last looked at.
    serial: u32,
}

/// A look with the servers in the places of this row.
#[derive(Clone, Debug)]
struct Seen {
    writer: Option<usize>,
    readers: Vec<usize>,
}

/// Plays `row` in the phase of `course` on a stage that is ready for it; the servers are healthy
/// before and afterwards.
///
/// # Panics
/// When an expected look does not come; with the answers and the log.
pub(crate) fn play(stage: &mut Stage, row: &Row, course: &Course) -> Findings {
    let begin = course.begin.unwrap_or(row.begin);
    let mut play = match course.phase {
        Phase::Steady => {
            let mut play = Play::begin_well(stage, row);
            play.leave_for_fault(course);
            begin(play.stage);
            play
        }
        Phase::Failover => {
            let mut play = Play::begin_well(stage, row);
            play.fail_over(course, begin);
            play
        }
        Phase::Start => {
            begin(stage);
            Play::begin_in_trouble(stage, row, course)
        }
    };
    play.expect("during", &course.during, &[]);
    play.count_sessions();
    play.leave_by_way_of(course);
    (row.end)(play.stage);
    let follows = row.target == Place::B && !play.stage.has_diverged(Place::B);
    if course.phase == Phase::Failover && follows {
        play.stage.repoint(Place::B, Place::A);
    }
    play.expect("after", &course.after, course.by_way_of);
    play.assert_never(course);
    play.leave_for_normal();
    play.stage.restore();
    play.expect_normal();
    play.count_sessions();
    play.end()
}

impl<'s> Play<'s> {
    /// Starts Pointsman while all is well, and waits until it says so.
    fn begin_well(stage: &'s mut Stage, row: &'s Row) -> Self {
        let pointsman = stage.serve();
        let watch = Watch::begin(&pointsman, &stage.cluster, true);
        let last = normal(stage);
        let mut play = Self::new(stage, row, pointsman, watch, last.clone());
        // On a busy machine the first round of probes may end without a word of the primary, or of
        // how late the replicas are that were mended a moment ago.
        let anybody = Seen { readers: vec![0, 1, 2], ..last };
        let rule = play.rule(&[&anybody], true, false);
        play.watch.rule(Rule { nobody_reads: true, ..rule });
        play.expect_normal();
        play.expect_normal_states();
        play.mark = play.pointsman.log().mark();
        play
    }

    /// Starts Pointsman while the fault lasts.
    fn begin_in_trouble(stage: &'s mut Stage, row: &'s Row, course: &Course) -> Self {
        let pointsman = stage.serve();
        let watch = Watch::begin(&pointsman, &stage.cluster, true);
        let last = Seen::options(stage, &course.during).remove(0);
        let mut play = Self::new(stage, row, pointsman, watch, last);
        let others = course.by_way_of.iter().map(|place| play.stage.at(*place));
        // On a busy machine the first round of probes may end before it is known how late the replicas
        // are, and then the primary helps out.
        let readers = others.chain(play.last.writer).collect();
        let on_the_way = Seen { writer: None, readers };
        let rule = play.rule(&[&play.last, &on_the_way], true, false);
        play.watch.rule(Rule { nobody_reads: true, ..rule });
        play
    }

    fn new(
        stage: &'s mut Stage,
        row: &'s Row,
        pointsman: Pointsman,
        watch: Watch,
        last: Seen,
    ) -> Self {
        let client = pointsman.client();
        let (mark, path) = (Mark::default(), Vec::new());
        Self { stage, row, pointsman, client, watch, mark, path, last, serial: 0 }
    }

    /// The primary fails, the fault strikes, and A is promoted.
    fn fail_over(&mut self, course: &Course, begin: Deed) {
        let before = self.last.clone();
        if course.begin.is_some() {
            // A promotion may be part of it.
            self.leave_for_fault(course);
        } else {
            // Nobody else may be named before the promotion begins.
            let after = Seen::options(self.stage, &course.during).remove(0);
            let held = Seen { writer: before.writer, ..after };
            self.watch.rule(self.rule(&[&before, &held], course.gap, false));
            if self.row.target != Place::P {
                self.stage.kill9(Place::P);
            }
        }
        begin(self.stage);
        self.leave_for_fault(course);
        if self.stage.leader() == self.stage.at(Place::P) {
            self.stage.promote(Place::A);
            if self.row.target != Place::B {
                self.stage.repoint(Place::B, Place::A);
            }
        }
    }

    /// From now on what was seen last or what the fault leads to may be answered.
    fn leave_for_fault(&mut self, course: &Course) {
        let mut next = Seen::options(self.stage, &course.during);
        next.extend(self.help(course, &next[0]));
        self.leave_for_seen(&next, course.gap);
    }

    /// Who may help out with reads on the way to `next`, the primary of the moment: a replica of MySQL or
    /// MariaDB applies nothing while it is promoted or told of another primary, and on a busy machine a
    /// probe sees that moment.
    fn help(&self, course: &Course, next: &Seen) -> Option<Seen> {
        let is_told = course.phase == Phase::Failover && self.stage.group.engine() == Engine::MySql;
        let primaries = [Place::P, Place::A].map(|place| self.stage.at(place));
        is_told.then(|| Seen { readers: primaries.to_vec(), ..next.clone() })
    }

    /// From now on the end of the fault may be answered, or those by whom it is reached.
    fn leave_by_way_of(&mut self, course: &Course) {
        let mut next = Seen::options(self.stage, &course.after);
        next.extend(self.help(course, &next[0]));
        if !course.by_way_of.is_empty() {
            let readers = course.by_way_of.iter().map(|place| self.stage.at(*place)).collect();
            next.push(Seen { readers, ..next[0].clone() });
        }
        self.leave_for_seen(&next, course.gap);
    }

    /// While servers are mended, the primary may have to help out with reads. One that was published
    /// and is made a replica says so before its successor has said twice that it is writable.
    fn leave_for_normal(&mut self) {
        let next = Seen { readers: vec![0, 1, 2], ..normal(self.stage) };
        let gap = next.writer != self.last.writer;
        self.leave_for_seen(&[next], gap);
    }

    fn leave_for_seen(&mut self, next: &[Seen], gap: bool) {
        let all: Vec<_> = std::iter::once(&self.last).chain(next).collect();
        let rule = self.rule(&all, gap, false);
        self.watch.rule(rule);
    }

    /// Waits until `look` is seen, and sees that it stays. On a way with other readers it may be seen
    /// and go again.
    fn expect(&mut self, when: &str, look: &Look, by_way_of: &[Place]) {
        let began = Instant::now();
        let mut seen = self.wait_for(when, look, began);
        let looks = if by_way_of.is_empty() { 0 } else { WAY_LOOKS };
        for _ in 0..looks {
            thread::sleep(HOLD);
            if self.missing(look, &seen).is_some() {
                seen = self.wait_for(when, look, began);
            }
        }
        if let Write::Either(_) = look.write {
            self.one_of_both_leads(&seen, Seen::options(self.stage, look));
        }
        let took = began.elapsed().as_millis();
        self.reach(seen);
        let before = self.noise();
        thread::sleep(HOLD);
        if let Some(missing) = self.missing(look, &self.last.clone()) {
            self.fail(&format!("{when}: {look} did not last: {missing}"));
        }
        if when == "during" && self.row.noise == Noise::Quiet {
            self.assert_quiet(&before);
        }
        println!("    {when}: {took} ms until {look}");
    }

    /// What of `look` is seen, within its time since `began`.
    fn wait_for(&mut self, when: &str, look: &Look, began: Instant) -> Seen {
        let options = Seen::options(self.stage, look);
        let mut missing = None;
        let reached = patience::poll(look.within.saturating_sub(began.elapsed()), || {
            options.iter().find(|seen| {
                missing = self.missing(look, seen);
                missing.is_none()
            })
        });
        let Some(seen) = reached.cloned() else {
            let (missing, within) = (missing.unwrap_or_default(), look.within);
            self.fail(&format!("{when}: waited {within:?} in vain for {look}: {missing}"));
        };
        seen
    }

    /// Two that turn writable together are told apart by nothing. The one that is seen first may have
    /// the name for the moment until the other is seen.
    fn one_of_both_leads(&mut self, seen: &Seen, options: Vec<Seen>) {
        let is_b = seen.writer == Some(self.stage.at(Place::B));
        self.stage.declare_primary(if is_b { Place::B } else { Place::A });
        let was_named = self.watch.record().write_path();
        let others = options.into_iter().filter_map(|other| other.writer);
        for other in others.filter(|other| Some(*other) != seen.writer) {
            let other = address(self.stage, other);
            if !self.path.contains(&other) && was_named.contains(&Some(other)) {
                self.path.push(other);
            }
        }
    }

    /// Waits until all is as it should be: the primary for writes, the replicas for reads.
    fn expect_normal(&mut self) {
        let seen = normal(self.stage);
        let reached =
            patience::poll(IN_TIME, || self.missing_answers(None, &seen).is_none().then_some(()));
        if reached.is_none() {
            let missing = self.missing_answers(None, &seen).unwrap_or_default();
            self.fail(&format!("waited {IN_TIME:?} in vain until all is well: {missing}"));
        }
        self.reach(seen);
    }

    /// Waits until the log says what the answers say: they come first.
    fn expect_normal_states(&self) {
        let is_told = |place: Place| {
            let wanted =
                if self.stage.at(place) == self.stage.leader() { "Primary" } else { "Replica" };
            self.states(place).last().is_some_and(|state| state == wanted)
        };
        let told = patience::poll(IN_TIME, || {
            [Place::P, Place::A, Place::B].into_iter().all(is_told).then_some(())
        });
        if told.is_none() {
            self.fail("the log does not say that all is well");
        }
    }

    /// `seen` is what must be answered from now on.
    fn reach(&mut self, seen: Seen) {
        let rule = self.rule(&[&seen], false, true);
        if let Some(&writer) = rule.writers.first()
            && self.path.last() != Some(&writer)
        {
            self.path.push(writer);
        }
        self.watch.rule(rule);
        self.last = seen;
        let zone = self.stage.cluster.write_name().base_name();
        let serial = self.client.serial(&zone);
        assert!(serial >= self.serial, "the serial went back from {} to {serial}", self.serial);
        self.serial = serial;
    }

    /// What of a look is not there yet.
    fn missing(&mut self, look: &Look, seen: &Seen) -> Option<String> {
        let words = match look.write {
            Write::To(_) => None,
            Write::Held(_, words) | Write::Either(words) | Write::Nobody(words) => Some(words),
        };
        self.missing_answers(words, seen).or_else(|| {
            look.states.iter().find_map(|(place, states)| {
                let path = self.states(*place);
                let is_there = path.last().is_some_and(|last| states.contains(&&**last));
                (!is_there).then(|| format!("{place} went through {path:?}"))
            })
        })
    }

    fn missing_answers(&mut self, words: Option<&str>, seen: &Seen) -> Option<String> {
        let (write, read) = (self.stage.cluster.write_name(), self.stage.cluster.read_name());
        let (Some(writes), Some(reads)) =
            (self.client.addresses(&write), self.client.addresses(&read))
        else {
            return Some("a reply".to_owned());
        };
        let told = match words {
            None => writes.errors.is_empty(),
            Some(words) => writes.errors.iter().any(|(_, text)| text.contains(words)),
        };
        let rule = self.rule(&[seen], false, true);
        if writes.addresses != rule.writers || !told {
            return Some(format!("writes: {writes}"));
        }
        (reads.set() != rule.readers).then(|| format!("reads: {reads}"))
    }

    /// The states that the server at `place` came into since the fault began.
    fn states(&self, place: Place) -> Vec<String> {
        let server = self.stage.cluster.server_name(place as usize);
        let changes = self.pointsman.log().states(self.mark, self.stage.cluster.name, &server);
        changes.into_iter().map(|change| change.to).collect()
    }

    fn assert_never(&self, course: &Course) {
        for (place, state) in course.never {
            let path = self.states(*place);
            let came = path.iter().any(|seen| seen == state);
            if came {
                self.fail(&format!("{place} must never be {state}, and was {path:?}"));
            }
        }
    }

    /// Nobody may keep sessions that nobody uses. A server may take a moment to see that one ended.
    fn count_sessions(&self) {
        for server in 0..3 {
            let is_leader = server == self.stage.leader();
            let limit = match self.row.settings.heartbeats && is_leader {
                true => SESSIONS_WITH_HEARTBEATS_MAX,
                false => SESSIONS_MAX,
            };
            let mut count = None;
            let fits = patience::poll(IN_TIME, || {
                count = self.stage.sessions(server);
                count.is_none_or(|count| count <= limit).then_some(())
            });
            assert!(fits.is_some(), "{count:?} sessions on server {server}, not {limit}");
        }
    }

    /// How many lines each server has logged because of the probe.
    fn noise(&self) -> [Vec<String>; 3] {
        [0, 1, 2].map(|server| self.stage.group.log_of_probe(server))
    }

    fn assert_quiet(&self, before: &[Vec<String>; 3]) {
        for (server, (after, before)) in self.noise().iter().zip(before).enumerate() {
            let gained = &after[before.len().min(after.len())..];
            assert!(
                gained.len() <= 1,
                "server {server} logged {} lines in {HOLD:?}: {gained:#?}",
                gained.len()
            );
        }
    }

    /// What may be answered where any of `seen` holds.
    fn rule(&self, seen: &[&Seen], gap: bool, all_readers: bool) -> Rule {
        let sorted = |servers: Vec<usize>| {
            let mut list: Vec<_> =
                servers.into_iter().map(|server| address(self.stage, server)).collect();
            list.sort_unstable();
            list.dedup();
            list
        };
        Rule {
            from: Instant::now(),
            writers: sorted(seen.iter().filter_map(|seen| seen.writer).collect()),
            empty: gap || seen.iter().any(|seen| seen.writer.is_none()),
            readers: sorted(seen.iter().flat_map(|seen| seen.readers.clone()).collect()),
            nobody_reads: seen.iter().any(|seen| seen.readers.is_empty()),
            all_readers,
        }
    }

    /// The row has failed. What was answered so far counts all the same.
    fn fail(&self, what: &str) -> ! {
        let words = format!("{what}\n{}", self.tell());
        Failure::of(self.watch.writes_astray(), words).end_attempt()
    }

    fn tell(&self) -> String {
        let (record, log) = (self.watch.record(), self.pointsman.log());
        let mut client = self.pointsman.client();
        let why = (0..3).flat_map(|index| client.texts(&self.stage.cluster.why_name(index)));
        let why: Vec<_> = why.collect();
        let why = why.join("\n");
        format!("answers:\n{}why:\n{why}\nlog:\n{}", record.tell(30), log.tail(40))
    }

    fn end(self) -> Findings {
        let told = self.tell();
        let mut findings = self.watch.end(&self.path, self.row.settings.mute);
        if !findings.wrong.is_empty() {
            findings.wrong.push(told);
        }
        self.pointsman.stop();
        findings
    }
}

impl Seen {
    /// What a look may mean: one thing, unless it says "either".
    fn options(stage: &Stage, look: &Look) -> Vec<Self> {
        if let Write::Either(_) = look.write {
            let both = [Place::A, Place::B].map(|place| stage.at(place));
            return both.map(|one| Self { writer: Some(one), readers: vec![one] }).to_vec();
        }
        let at = |place: &Place| stage.at(*place);
        let writer = look.write.place().as_ref().map(at);
        vec![Self { writer, readers: look.read.iter().map(at).collect() }]
    }
}

fn normal(stage: &Stage) -> Seen {
    Seen { writer: Some(stage.leader()), readers: stage.followers().to_vec() }
}

fn address(stage: &Stage, server: usize) -> IpAddr {
    IpAddr::V4(stage.addresses[server])
}
