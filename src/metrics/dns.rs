//! What the DNS workers count.
//!
//! Each UDP worker owns a shard that nobody else writes to, so that counting is a plain addition in
//! memory that no other core touches. Connections are short and many: they share a few shards, and
//! add atomically. Whoever reads adds all shards up.
//!
//! A served name has a slot in every shard, by the number that the layout gives it. Names that come
//! with a reload when all slots are taken are counted with what is no served name.

use std::{
    array,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    thread,
};

use super::{DnsTransport, Dropped, QueryType, Refused, ReplyCode};

/// What is counted of one reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReplySummary {
    /// What was asked for.
    pub query_type: QueryType,
    /// The slot of the served name that was asked for; [`NO_SLOT`](DnsTally::NO_SLOT) for others.
    pub slot: u32,
    /// The code.
    pub code: ReplyCode,
    /// Whether records were left out for want of room.
    pub truncated: bool,
    /// Why it was refused, if it was.
    pub refused: Option<Refused>,
}

/// The counters of all DNS workers. A clone counts the same.
#[derive(Clone, Debug)]
pub struct DnsCounters(Arc<Shards>);

#[derive(Debug)]
struct Shards {
    all: Mutex<Vec<Arc<Shard>>>,
    shared: Box<[Arc<Shard>]>,
    next_shared: AtomicUsize,
    lines: usize,
}

/// Where one worker counts.
#[derive(Debug)]
pub struct DnsTally {
    shard: Arc<Shard>,
    is_alone: bool,
}

/// All shards together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DnsTotals {
    /// By [`DnsTransport`], by [`QueryType`].
    pub queries: [[u64; QueryType::ALL.len()]; DnsTransport::ALL.len()],
    /// Replies about no served name, by [`ReplyCode`].
    pub other: [u64; ReplyCode::ALL.len()],
    /// By [`DnsTransport`].
    pub truncated: [u64; DnsTransport::ALL.len()],
    /// By [`Refused`].
    pub refused: [u64; Refused::ALL.len()],
    /// By [`Dropped`].
    pub dropped: [u64; Dropped::ALL.len()],
    /// Replies about served names by slot: with NOERROR, and with SERVFAIL.
    pub names: Vec<[u64; 2]>,
}

/// The counters of one worker, or of some connections. What is nobody else's begins and ends with
/// a pair of cache lines, which is what processors fetch at once.
#[derive(Debug)]
#[repr(align(128))]
struct Shard {
    queries: [[AtomicU64; QueryType::ALL.len()]; DnsTransport::ALL.len()],
    other: [AtomicU64; ReplyCode::ALL.len()],
    truncated: [AtomicU64; DnsTransport::ALL.len()],
    refused: [AtomicU64; Refused::ALL.len()],
    dropped: [AtomicU64; Dropped::ALL.len()],
    names: Box<[Line]>,
}

/// The counters of eight names.
#[derive(Debug)]
#[repr(align(128))]
struct Line([[AtomicU64; 2]; NAMES_IN_LINE]);

const NAMES_IN_LINE: usize = 8;

/// Slots that there are at least, so that names may come with a reload.
const LEAST_SLOTS: usize = 1024;

impl DnsCounters {
    /// For so many served names, and as many again that a reload may bring.
    pub fn new(names: usize) -> Self {
        let lines = (2 * names).max(LEAST_SLOTS).div_ceil(NAMES_IN_LINE);
        let workers = thread::available_parallelism().map_or(1, usize::from);
        let shared: Box<[_]> = (0..workers).map(|_| Arc::new(Shard::new(lines))).collect();
        let all = Mutex::new(shared.to_vec());
        Self(Arc::new(Shards { all, shared, next_shared: AtomicUsize::new(0), lines }))
    }

    /// For one thread alone.
    pub fn alone(&self) -> DnsTally {
        let shard = Arc::new(Shard::new(self.0.lines));
        let mut all = self.0.all.lock().unwrap_or_else(PoisonError::into_inner);
        all.push(Arc::clone(&shard));
        DnsTally { shard, is_alone: true }
    }

    /// For one of many tasks that come and go.
    pub fn shared(&self) -> DnsTally {
        let number = self.0.next_shared.fetch_add(1, Ordering::Relaxed);
        let shard = Arc::clone(&self.0.shared[number % self.0.shared.len()]);
        DnsTally { shard, is_alone: false }
    }

    /// What was counted so far.
    pub fn totals(&self) -> DnsTotals {
        let shards = self.0.all.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut totals = DnsTotals::none(self.0.lines * NAMES_IN_LINE);
        for shard in &shards {
            totals.add(shard);
        }
        totals
    }
}

impl Default for DnsCounters {
    fn default() -> Self {
        Self::new(0)
    }
}

impl DnsTally {
    /// The slot of what is no served name.
    pub const NO_SLOT: u32 = u32::MAX;

    /// Counts a query and its reply.
    #[inline]
    pub fn reply(&self, transport: DnsTransport, said: ReplySummary) {
        let shard = &*self.shard;
        self.add(&shard.queries[transport as usize][said.query_type as usize]);
        let slot = said.slot as usize;
        let name = shard.names.get(slot / NAMES_IN_LINE).map(|line| &line.0[slot % NAMES_IN_LINE]);
        match (name, said.code) {
            (Some([well, _]), ReplyCode::NoError) => self.add(well),
            (Some([_, failed]), ReplyCode::ServFail) => self.add(failed),
            (_, code) => self.add(&shard.other[code as usize]),
        }
        if said.truncated {
            self.add(&shard.truncated[transport as usize]);
        }
        if let Some(reason) = said.refused {
            self.add(&shard.refused[reason as usize]);
        }
    }

    /// Counts a query without a reply, or what is no query.
    pub fn dropped(&self, transport: DnsTransport, why: Dropped) {
        self.add(&self.shard.dropped[why as usize]);
        if matches!(why, Dropped::RateLimited | Dropped::Unwritable) {
            let row = &self.shard.queries[transport as usize];
            self.add(&row[QueryType::Unread as usize]);
        }
    }

    /// Nobody else writes to a shard that is somebody's alone, so nothing is lost between reading
    /// and writing; and an addition that is atomic costs twenty times one that is not.
    #[inline]
    fn add(&self, counter: &AtomicU64) {
        if self.is_alone {
            counter.store(counter.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
        } else {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Default for DnsTally {
    /// One that nobody reads.
    fn default() -> Self {
        Self { shard: Arc::new(Shard::new(0)), is_alone: true }
    }
}

impl Shard {
    fn new(lines: usize) -> Self {
        Self {
            queries: array::from_fn(|_| zeros()),
            other: zeros(),
            truncated: zeros(),
            refused: zeros(),
            dropped: zeros(),
            names: (0..lines).map(|_| Line(array::from_fn(|_| zeros()))).collect(),
        }
    }
}

fn zeros<const N: usize>() -> [AtomicU64; N] {
    array::from_fn(|_| AtomicU64::new(0))
}

impl DnsTotals {
    fn none(slots: usize) -> Self {
        Self {
            queries: Default::default(),
            other: Default::default(),
            truncated: Default::default(),
            refused: Default::default(),
            dropped: Default::default(),
            names: vec![[0; 2]; slots],
        }
    }

    fn add(&mut self, shard: &Shard) {
        for (sums, counters) in self.queries.iter_mut().zip(&shard.queries) {
            sum(sums, counters);
        }
        sum(&mut self.other, &shard.other);
        sum(&mut self.truncated, &shard.truncated);
        sum(&mut self.refused, &shard.refused);
        sum(&mut self.dropped, &shard.dropped);
        let counters = shard.names.iter().flat_map(|line| &line.0);
        for (sums, counters) in self.names.iter_mut().zip(counters) {
            sum(sums, counters);
        }
    }

    /// All queries that came.
    pub fn all_queries(&self) -> u64 {
        self.queries.iter().flatten().sum()
    }
}

fn sum(sums: &mut [u64], counters: &[AtomicU64]) {
    for (sum, counter) in sums.iter_mut().zip(counters) {
        *sum += counter.load(Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WELL: ReplySummary = ReplySummary {
        query_type: QueryType::A,
        slot: 3,
        code: ReplyCode::NoError,
        truncated: false,
        refused: None,
    };

    #[test]
    fn shards_are_added_up() {
        let counters = DnsCounters::new(10);
        let (alone, other) = (counters.alone(), counters.alone());
        alone.reply(DnsTransport::Udp, WELL);
        other.reply(DnsTransport::Udp, WELL);
        for _ in 0..100 {
            counters.shared().reply(DnsTransport::Tcp, WELL);
        }
        other.reply(DnsTransport::Udp, ReplySummary { code: ReplyCode::ServFail, ..WELL });
        let totals = counters.totals();
        assert_eq!(totals.queries[DnsTransport::Udp as usize][QueryType::A as usize], 3);
        assert_eq!(totals.queries[DnsTransport::Tcp as usize][QueryType::A as usize], 100);
        assert_eq!((totals.names[3], totals.all_queries()), ([102, 1], 103));
    }

    #[test]
    fn what_has_no_slot_is_other() {
        let counters = DnsCounters::default();
        let tally = counters.alone();
        let slots = counters.totals().names.len();
        for slot in [DnsTally::NO_SLOT, u32::try_from(slots).unwrap()] {
            tally.reply(DnsTransport::Tls, ReplySummary { slot, truncated: true, ..WELL });
        }
        let refused = Some(Refused::Prohibited);
        tally.reply(DnsTransport::Tls, ReplySummary { code: ReplyCode::Refused, refused, ..WELL });
        let totals = counters.totals();
        assert_eq!(totals.names, vec![[0; 2]; slots]);
        assert_eq!(totals.other[ReplyCode::NoError as usize], 2);
        assert_eq!(totals.other[ReplyCode::Refused as usize], 1);
        assert_eq!(totals.truncated[DnsTransport::Tls as usize], 2);
        assert_eq!(totals.refused, [1, 0, 0]);
    }

    #[test]
    fn only_a_query_counts_as_one() {
        let counters = DnsCounters::default();
        let tally = counters.alone();
        for (why, _) in Dropped::ALL {
            tally.dropped(DnsTransport::Udp, why);
        }
        let totals = counters.totals();
        assert_eq!((totals.dropped, totals.all_queries()), ([1; 4], 2));
    }

    /// The place in a table is the number of the variant.
    #[test]
    fn tables_are_in_order() {
        assert!(
            DnsTransport::ALL.iter().enumerate().all(|(place, (one, _))| *one as usize == place)
        );
        assert!(QueryType::ALL.iter().enumerate().all(|(place, (one, _))| *one as usize == place));
        assert!(ReplyCode::ALL.iter().enumerate().all(|(place, (one, _))| *one as usize == place));
        assert!(Refused::ALL.iter().enumerate().all(|(place, (one, _))| *one as usize == place));
        assert!(Dropped::ALL.iter().enumerate().all(|(place, (one, _))| *one as usize == place));
    }

    #[test]
    fn workers_share_no_cache_line() {
        assert_eq!((align_of::<Shard>(), size_of::<Shard>() % 128), (128, 0));
        assert_eq!((align_of::<Line>(), size_of::<Line>()), (128, 128));
    }
}
