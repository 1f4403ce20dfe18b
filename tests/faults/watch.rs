//! Holds every answer of a row against what may be answered at that time.
//!
//! The rules follow from the looks: on the way from one look to the next, writes may go where
//! either says and the readers are those of either; once a look is reached, it stays as it is. The
//! write name moves once for each look that names another server than the one before. Whatever
//! else it does is a false move.

use std::{
    net::IpAddr,
    time::{Duration, Instant},
};

use hickory_proto::op::ResponseCode;
use pointsman_testbed::{
    dns_client::Answer,
    pointsman::{Cluster, Pointsman},
    watcher::{Record, Sample, Watcher},
};

/// A watch over both names from some moment on.
pub(crate) struct Watch {
    watcher: Watcher,
    rules: Vec<Rule>,
    /// Nobody has asked before: the first answers may be that there is none yet.
    from_start: bool,
}

/// What may be answered from some moment on.
#[derive(Clone, Debug)]
pub(crate) struct Rule {
    pub(crate) from: Instant,
    pub(crate) writers: Vec<IpAddr>,
    /// Whether the write name may be empty.
    pub(crate) empty: bool,
    pub(crate) readers: Vec<IpAddr>,
    /// Whether the read name may be empty.
    pub(crate) nobody_reads: bool,
    /// Whether the readers must be all of these, or just some of them.
    pub(crate) all_readers: bool,
}

/// What a watch found.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    pub(crate) answers: usize,
    /// Answers that sent writes where they must not go, and moves too many.
    pub(crate) false_moves: usize,
    /// Everything that was wrong, in words.
    pub(crate) wrong: Vec<String>,
}

/// An answer that began under one rule may arrive under the next.
const EDGE: Duration = Duration::from_millis(100);

impl Watch {
    pub(crate) fn begin(pointsman: &Pointsman, cluster: &Cluster, from_start: bool) -> Self {
        let (write, read) = (cluster.write_name(), cluster.read_name());
        let watcher = Watcher::start(pointsman.dns(), write, read);
        Self { watcher, rules: Vec::new(), from_start }
    }

    /// This rule holds from now on.
    pub(crate) fn rule(&mut self, rule: Rule) {
        self.rules.push(rule);
    }

    pub(crate) fn record(&self) -> Record {
        self.watcher.record()
    }

    /// How many answers so far sent writes where they must not go.
    pub(crate) fn writes_astray(&self) -> usize {
        let mut findings = Findings::default();
        for sample in &self.watcher.record().writes {
            self.judge_write(sample, &mut findings);
        }
        findings.false_moves
    }

    /// Ends the watch. `path` is how the write name should have moved; `mute` excuses questions
    /// without a reply.
    pub(crate) fn end(self, path: &[IpAddr], mute: bool) -> Findings {
        let mut record = self.watcher.record();
        if self.from_start {
            forget_not_ready(&mut record.writes);
            forget_not_ready(&mut record.reads);
        }
        let mut findings = Findings { answers: record.questions, ..Findings::default() };
        if record.silences > 0 && !mute {
            findings.wrong.push(format!("{} questions without a reply", record.silences));
        }
        for sample in &record.writes {
            self.judge_write(sample, &mut findings);
        }
        for sample in &record.reads {
            self.judge_read(sample, &mut findings);
        }
        let mut moved: Vec<_> = record.write_path().into_iter().flatten().collect();
        moved.dedup();
        if moved != path {
            findings.false_moves += moved.len().saturating_sub(path.len()).max(1);
            findings.wrong.push(format!("the write name moved {moved:?}, not {path:?}"));
        }
        findings
    }

    fn judge_write(&self, sample: &Sample, findings: &mut Findings) {
        let answer = &sample.answer;
        for rule in self.rules_for(sample) {
            let is_right = match answer.addresses[..] {
                [] => rule.empty,
                [one] => rule.writers.contains(&one),
                _ => false,
            };
            if !is_right {
                let sent_astray = !answer.addresses.is_empty();
                findings.false_moves += usize::from(sent_astray);
                findings.wrong.push(format!("writes: {answer}, against {rule:?}"));
            }
        }
        expect_no_error(answer, findings);
    }

    fn judge_read(&self, sample: &Sample, findings: &mut Findings) {
        let answer = &sample.answer;
        for rule in self.rules_for(sample) {
            let known = answer.addresses.iter().all(|address| rule.readers.contains(address));
            let missing = rule.all_readers && answer.addresses.len() != rule.readers.len();
            let none = answer.addresses.is_empty() && !rule.nobody_reads;
            if !known || missing || none {
                findings.wrong.push(format!("reads: {answer}, against {rule:?}"));
            }
        }
        expect_no_error(answer, findings);
    }

    fn rules_for(&self, sample: &Sample) -> impl Iterator<Item = &Rule> {
        let (asked, until) = (sample.asked, sample.until);
        let ends = self.rules.iter().skip(1).map(|rule| rule.from);
        let ends = ends.map(Some).chain([None]);
        self.rules.iter().zip(ends).filter_map(move |(rule, end)| {
            let overlaps = end.is_none_or(|end| asked < end) && until > rule.from + EDGE;
            overlaps.then_some(rule)
        })
    }
}

fn expect_no_error(answer: &Answer, findings: &mut Findings) {
    if answer.code != ResponseCode::NoError {
        findings.wrong.push(format!("an error code: {answer}"));
    }
}

/// Before the first round of probes has ended there is no answer.
fn forget_not_ready(samples: &mut Vec<Sample>) {
    let ready = samples.iter().position(|sample| sample.answer.code != ResponseCode::ServFail);
    samples.drain(..ready.unwrap_or(samples.len()));
}
