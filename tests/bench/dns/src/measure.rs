//! The rounds: each contestant in turn, freshly started, so that what the machine does meanwhile
//! meets all of them alike.
//!
//! Each measurement is cut into slices, and medians are taken over the slices of all rounds: a
//! moment in which a virtual machine stands still spoils a slice and not a figure.

use std::{collections::BTreeMap, io, path::Path, thread, time::Duration};

use crate::{
    contestant::Contestant,
    query::Question,
    running::Running,
    tally::{Tally, count},
    tcp::TcpLoad,
    udp::{Pressure, UdpLoad},
};

/// How long and how often is measured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    /// Times that each contestant has its turn.
    pub(crate) rounds: usize,
    /// How long each measurement takes.
    pub(crate) time: Duration,
    /// What follows each, so that others have their share of the cores.
    pub(crate) pause: Duration,
    /// Whether queries have an OPT record.
    pub(crate) edns: bool,
}

/// What all rounds found: one number per slice, unless it says otherwise.
#[derive(Clone, Debug, Default)]
pub(crate) struct Findings {
    /// Over UDP.
    pub(crate) udp: BTreeMap<(Contestant, Question), Udp>,
    /// Over TCP, the read name.
    pub(crate) tcp: BTreeMap<Contestant, Saturation>,
}

/// One contestant and one name.
#[derive(Clone, Debug, Default)]
pub(crate) struct Udp {
    /// At saturation.
    pub(crate) full: Saturation,
    /// At half of that.
    pub(crate) half: Half,
}

/// A server that has all it can do.
#[derive(Clone, Debug, Default)]
pub(crate) struct Saturation {
    /// Right answers per second.
    pub(crate) rate: Vec<f64>,
    /// CPU time of the server per answer, in microseconds.
    pub(crate) cpu: Vec<f64>,
    /// The part of it in user mode, one number per measurement.
    pub(crate) user: Vec<f64>,
    /// The server's share of its core.
    pub(crate) busy: Vec<f64>,
    /// Queries without a right answer in time, of all; one number per measurement.
    pub(crate) lost: Vec<f64>,
}

/// A server at half of its own saturation.
#[derive(Clone, Debug, Default)]
pub(crate) struct Half {
    /// Answers per second.
    pub(crate) rate: Vec<f64>,
    /// Microseconds that half of the answers did not exceed.
    pub(crate) p50: Vec<f64>,
    /// Microseconds that 99 of 100 answers did not exceed.
    pub(crate) p99: Vec<f64>,
    /// Queries without a right answer in time, of all; one number per measurement.
    pub(crate) lost: Vec<f64>,
}

impl Findings {
    /// Measures `contestants`. Their files and logs go below `folder`; `tell` hears how it goes.
    pub(crate) fn gather(
        contestants: &[Contestant],
        plan: Plan,
        folder: &Path,
        tell: impl Fn(&str),
    ) -> io::Result<Self> {
        let mut findings = Self::default();
        for round in 0..plan.rounds {
            // Nobody is always measured after the same one's warmth.
            for turn in 0..contestants.len() {
                let contestant = contestants[(turn + round) % contestants.len()];
                let running = Running::start(contestant, folder, &[])?;
                for question in Question::ALL {
                    findings.by_udp(contestant, question, plan, &running)?;
                }
                if contestant.speaks_tcp() && contestant != Contestant::Racing {
                    findings.by_tcp(contestant, plan, &running)?;
                }
                running.stop()?;
                tell(&findings.last(contestant, round));
            }
        }
        Ok(findings)
    }

    fn by_udp(
        &mut self,
        contestant: Contestant,
        question: Question,
        plan: Plan,
        running: &Running,
    ) -> io::Result<()> {
        let found = self.udp.entry((contestant, question)).or_default();
        let open = |pressure| {
            let query = question.message(plan.edns);
            let expected = contestant.expected(question);
            UdpLoad::open(contestant.address(), query, expected, pressure)
        };
        let mut load = open(Pressure::Full)?;
        load.saturate(WARM_UP)?;
        let rate = found.full.measure(plan.time, running, |slice| load.saturate(slice))?;
        drop(load);
        thread::sleep(plan.pause);
        if contestant == Contestant::Racing {
            return Ok(());
        }
        let half = rate / 2.0;
        if half < 1.0 {
            return Err(io::Error::other(format!("{contestant:?} has stopped answering")));
        }
        let mut load = open(Pressure::Paced)?;
        load.pace(half, WARM_UP)?;
        found.half.measure(&mut load, half, plan.time)?;
        thread::sleep(plan.pause);
        Ok(())
    }

    fn by_tcp(&mut self, contestant: Contestant, plan: Plan, running: &Running) -> io::Result<()> {
        let question = Question::Read;
        let expected = contestant.expected(question);
        let mut load = TcpLoad::open(contestant.address(), question.message(plan.edns), expected)?;
        load.saturate(WARM_UP)?;
        let found = self.tcp.entry(contestant).or_default();
        found.measure(plan.time, running, |slice| load.saturate(slice))?;
        thread::sleep(plan.pause);
        Ok(())
    }

    /// One line about the last turn of a contestant.
    fn last(&self, contestant: Contestant, round: usize) -> String {
        let mut line = format!("round {}  {:<26}", round + 1, contestant.title());
        let last = |numbers: &[f64]| numbers.last().copied().unwrap_or(f64::NAN);
        for question in Question::ALL {
            if let Some(udp) = self.udp.get(&(contestant, question)) {
                let (full, half) = (&udp.full, &udp.half);
                line += &format!(
                    "  {:>7.0}/s {:>5.2} µs, {:>4.0} µs p99",
                    last(&full.rate),
                    last(&full.cpu),
                    last(&half.p99)
                );
            }
        }
        if let Some(tcp) = self.tcp.get(&contestant) {
            line += &format!("  tcp {:>7.0}/s", last(&tcp.rate));
        }
        line
    }
}

impl Saturation {
    /// Applies `load` slice by slice, and tells how many right answers came per second.
    fn measure(
        &mut self,
        time: Duration,
        running: &Running,
        mut load: impl FnMut(Duration) -> io::Result<Tally>,
    ) -> io::Result<f64> {
        let processes = running.processes()?;
        let per_answer =
            |time: Duration, tally: &Tally| time.as_secs_f64() * 1e6 / count(tally.answered.max(1));
        let mut whole = Tally::default();
        let start = Running::usage(&processes)?;
        let mut before = start;
        while whole.time < time {
            let tally = load(SLICE.min(time))?;
            let after = Running::usage(&processes)?;
            let used = after.since(before);
            self.rate.push(tally.rate());
            self.cpu.push(per_answer(used.total, &tally));
            self.busy.push(used.total.as_secs_f64() / tally.time.as_secs_f64());
            before = after;
            whole.add(&tally);
        }
        self.user.push(per_answer(before.since(start).user(), &whole));
        self.lost.push(whole.lost_share());
        Ok(whole.rate())
    }
}

impl Half {
    /// Asks `rate` times a second, slice by slice, and waits for the last answers.
    fn measure(&mut self, load: &mut UdpLoad, rate: f64, time: Duration) -> io::Result<()> {
        let mut whole = Tally::default();
        while whole.time < time {
            let mut tally = load.pace(rate, SLICE.min(time))?;
            self.rate.push(tally.rate());
            self.p50.extend(tally.percentile(0.5));
            self.p99.extend(tally.percentile(0.99));
            whole.add(&tally);
        }
        whole.add(&load.settle()?);
        self.lost.push(whole.lost_share());
        Ok(())
    }
}

/// Before each measurement the same load runs uncounted.
const WARM_UP: Duration = Duration::from_millis(100);

/// Long enough for a 99th percentile of thousands of answers.
const SLICE: Duration = Duration::from_millis(100);
