//! Asks the write and the read name every 5 ms for the length of a story and keeps every answer
//! that differs from the one before, so that a story can speak about all answers and not only about
//! those it waited for.

use std::{
    net::{IpAddr, SocketAddr},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use hickory_proto::{op::ResponseCode, rr::Name};

use crate::dns_client::{Answer, DnsClient};

/// Between two rounds of questions.
const ASK_EVERY: Duration = Duration::from_millis(5);

/// A running watch. Dropped, it ends.
pub struct Watcher {
    record: Arc<Mutex<Record>>,
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// Everything that was answered.
#[derive(Clone, Debug, Default)]
pub struct Record {
    /// Answers of the write name, each while it lasted.
    pub writes: Vec<Sample>,
    /// Answers of the read name, each while it lasted; the order of the records does not count.
    pub reads: Vec<Sample>,
    /// How many questions were asked.
    pub questions: usize,
    /// How many were not answered within a second.
    pub silences: usize,
}

/// An answer and for how long it was given.
#[derive(Clone, Debug)]
pub struct Sample {
    /// When the first question with this answer was asked.
    pub asked: Instant,
    /// When the last such question was answered.
    pub until: Instant,
    /// The answer.
    pub answer: Answer,
}

impl Watcher {
    /// Watches the two names of `server` from now on.
    pub fn start(server: SocketAddr, write: Name, read: Name) -> Self {
        let record = Arc::new(Mutex::new(Record::default()));
        let over = Arc::new(AtomicBool::new(false));
        let (thread_record, thread_over) = (Arc::clone(&record), Arc::clone(&over));
        let thread = thread::spawn(move || {
            let mut client = DnsClient::new(server);
            while !thread_over.load(Ordering::Relaxed) {
                for (is_write, name) in [(true, &write), (false, &read)] {
                    let asked = Instant::now();
                    let answer = client.addresses(name);
                    lock(&thread_record).note(is_write, asked, answer);
                }
                thread::sleep(ASK_EVERY);
            }
        });
        Self { record, over, thread: Some(thread) }
    }

    /// What was seen so far.
    pub fn record(&self) -> Record {
        lock(&self.record).clone()
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

impl Record {
    fn note(&mut self, is_write: bool, asked: Instant, answer: Option<Answer>) {
        self.questions += 1;
        let Some(mut answer) = answer else {
            self.silences += 1;
            return;
        };
        let until = Instant::now();
        let samples = if is_write {
            &mut self.writes
        } else {
            answer.addresses.sort_unstable();
            &mut self.reads
        };
        match samples.last_mut() {
            Some(last) if last.answer == answer => last.until = until,
            _ => samples.push(Sample { asked, until, answer }),
        }
    }

    /// Every question got an answer without an error code, and the write name never had two
    /// addresses.
    ///
    /// # Panics
    /// With the answer at fault.
    pub fn assert_sound(&self) {
        assert!(self.questions > 0, "nothing was watched");
        assert_eq!(self.silences, 0, "of {} questions", self.questions);
        for sample in self.writes.iter().chain(&self.reads) {
            assert_eq!(sample.answer.code, ResponseCode::NoError, "{}", self.tell(usize::MAX));
        }
        for sample in &self.writes {
            assert!(
                sample.answer.addresses.len() <= 1,
                "two write addresses:\n{}",
                self.tell(usize::MAX)
            );
        }
    }

    /// The different write addresses in the order they were given, without repetition; `None` for
    /// no address.
    pub fn write_path(&self) -> Vec<Option<IpAddr>> {
        let mut path: Vec<_> =
            self.writes.iter().map(|sample| sample.answer.addresses.first().copied()).collect();
        path.dedup();
        path
    }

    /// The newest `count` changes of answers of either name, with their times since the watch
    /// began.
    pub fn tell(&self, count: usize) -> String {
        let mut all: Vec<(&str, &Sample)> = self
            .writes
            .iter()
            .map(|sample| ("write", sample))
            .chain(self.reads.iter().map(|sample| ("read ", sample)))
            .collect();
        all.sort_by_key(|(_, sample)| sample.asked);
        let Some(start) = all.first().map(|(_, sample)| sample.asked) else {
            return "  (no answers)\n".to_owned();
        };
        let since = |at: Instant| at.saturating_duration_since(start).as_secs_f32();
        all[all.len().saturating_sub(count)..]
            .iter()
            .map(|(name, sample)| {
                let (asked, until) = (since(sample.asked), since(sample.until));
                format!("  {asked:7.3}s–{until:7.3}s {name} {}\n", sample.answer)
            })
            .collect()
    }
}

fn lock(record: &Mutex<Record>) -> std::sync::MutexGuard<'_, Record> {
    record.lock().unwrap_or_else(PoisonError::into_inner)
}
