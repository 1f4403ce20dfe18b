//! Global transaction identifiers: which of two servers has what the other has not.
//!
//! MySQL keeps a set of intervals per source (manual, "GTID Sets"); MariaDB keeps the last sequence
//! number per domain and server (manual, "gtid_binlog_state"). In MariaDB two forks may reach the
//! same sequence number by different servers, so sequence numbers alone say nothing.

mod binlog;
mod reach;

use std::{collections::BTreeMap, fmt, sync::Arc};

pub use binlog::BinlogState;

/// All transactions a server has, as far as it tells.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum GtidState {
    /// GTIDs are off, the binary log is off, or the probe's user may not see them.
    #[default]
    Unknown,
    /// `gtid_executed`. Shared: several memories keep the same one.
    MySql(Arc<GtidSet>),
    /// `gtid_binlog_pos`, `gtid_binlog_state` and `gtid_slave_pos` together.
    MariaDb(Arc<BinlogState>),
}

/// What [`GtidState::to_text`] of MySQL begins with.
const MYSQL: &str = "mysql:";

/// What [`GtidState::to_text`] of MariaDB begins with.
const MARIADB: &str = "mariadb:";

/// Characters of an odd text that an error shows.
const SHOWN_CHARS: usize = 40;

/// How the histories of two servers lie to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    /// Both have the same transactions.
    Equal,
    /// The first has all of the second's and more.
    Ahead,
    /// The second has all of the first's and more.
    Behind,
    /// Each has what the other lacks.
    Diverged,
    /// They cannot be compared.
    Unknown,
}

impl GtidState {
    /// All of it as one line, for [`Self::parse_text`]: `mysql:uuid:1-5:7,uuid:tag:1-3`, or
    /// `mariadb:0-1-17;0-1-17,0-2-16` with the last transaction of each domain and then of each
    /// server in it; nothing when unknown. What is printed leaves out the latter.
    pub fn to_text(&self) -> String {
        match self {
            Self::Unknown => String::new(),
            Self::MySql(_) => format!("{MYSQL}{self}"),
            Self::MariaDb(state) => {
                let seen = state.seen.iter();
                let seen: Vec<_> = seen
                    .map(|((domain, server), number)| format!("{domain}-{server}-{number}"))
                    .collect();
                format!("{MARIADB}{self};{}", seen.join(","))
            }
        }
    }

    /// Reads what [`Self::to_text`] gives.
    ///
    /// # Errors
    /// [`GtidError`] with the part that is no GTID, or with the beginning of another text.
    pub fn parse_text(text: &str) -> Result<Self, GtidError> {
        if text.is_empty() {
            return Ok(Self::Unknown);
        }
        if let Some(set) = text.strip_prefix(MYSQL) {
            return GtidSet::parse(set).map(Self::from);
        }
        let parts = text.strip_prefix(MARIADB).and_then(|parts| parts.split_once(';'));
        let fault = || GtidError::Odd(text.chars().take(SHOWN_CHARS).collect());
        let (last, seen) = parts.ok_or_else(fault)?;
        BinlogState::parse(last, seen, "").map(Self::from)
    }

    /// How `self` lies to `other`.
    pub fn relation(&self, other: &Self) -> Relation {
        let (contains, contained) = match (self, other) {
            (Self::MySql(ours), Self::MySql(theirs)) => {
                (ours.contains(theirs), theirs.contains(ours))
            }
            (Self::MariaDb(ours), Self::MariaDb(theirs)) => {
                (ours.contains(theirs), theirs.contains(ours))
            }
            _ => return Relation::Unknown,
        };
        match (contains, contained) {
            (true, true) => Relation::Equal,
            (true, false) => Relation::Ahead,
            (false, true) => Relation::Behind,
            (false, false) => Relation::Diverged,
        }
    }
}

impl GtidState {
    /// Whether nothing at all is known of it.
    pub fn is_unknown(&self) -> bool {
        *self == Self::Unknown
    }

    /// Whether every transaction of `other` is in `self`; `None` when they cannot be compared.
    pub fn contains(&self, other: &Self) -> Option<bool> {
        match self.relation(other) {
            Relation::Unknown => None,
            relation => Some(matches!(relation, Relation::Equal | Relation::Ahead)),
        }
    }

    /// Whether both have a transaction of one origin in common, as members of one cluster do; `None`
    /// when they cannot be compared.
    pub fn shares(&self, other: &Self) -> Option<bool> {
        match (self, other) {
            (Self::MySql(ours), Self::MySql(theirs)) => Some(ours.shares(theirs)),
            (Self::MariaDb(ours), Self::MariaDb(theirs)) => Some(ours.shares(theirs)),
            _ => None,
        }
    }

    /// The same without the transactions that began on one server.
    pub(super) fn without(&self, uuid: Option<&str>, server_id: u32) -> Self {
        self.only(&|source| !began_on(uuid, source), &|(_, server)| server != server_id)
    }

    /// The transactions that began on one server alone.
    pub(super) fn begun_on(&self, uuid: Option<&str>, server_id: u32) -> Self {
        self.only(&|source| began_on(uuid, source), &|(_, server)| server == server_id)
    }

    /// The same without the transactions of an origin that `other` has nothing of; all of it when
    /// nothing is known of `other`.
    pub(super) fn known_to(&self, other: &Self) -> Self {
        match other {
            Self::Unknown => self.clone(),
            Self::MySql(known) => self.only(&|it| known.0.contains_key(it), &|_| false),
            Self::MariaDb(state) => self.only(&|_| false, &|it| state.seen.contains_key(&it)),
        }
    }

    fn only(&self, source: &dyn Fn(&str) -> bool, origin: &dyn Fn((u32, u32)) -> bool) -> Self {
        match self {
            Self::Unknown => Self::Unknown,
            Self::MySql(set) => {
                let kept = set.0.iter().filter(|(name, _)| source(name));
                GtidSet(kept.map(|(it, all)| (it.clone(), all.clone())).collect()).into()
            }
            Self::MariaDb(state) => state.only(origin).into(),
        }
    }

    /// Whether every transaction has its number from this one server, by its `server_id` (MariaDB) or
    /// its `server_uuid` (MySQL).
    pub fn is_written_by(&self, server_id: u32, uuid: Option<&str>) -> bool {
        match self {
            Self::Unknown => false,
            Self::MySql(set) => set.0.keys().all(|source| {
                let source = source.split(':').next();
                source.zip(uuid).is_some_and(|(source, uuid)| source.eq_ignore_ascii_case(uuid))
            }),
            Self::MariaDb(state) => state.seen.keys().all(|(_, server)| *server == server_id),
        }
    }

    /// Whether it is known to have no transaction.
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Unknown => false,
            Self::MySql(set) => set.0.is_empty(),
            Self::MariaDb(state) => state.seen.is_empty(),
        }
    }
}

impl From<GtidSet> for GtidState {
    fn from(set: GtidSet) -> Self {
        Self::MySql(Arc::new(set))
    }
}

impl From<BinlogState> for GtidState {
    fn from(state: BinlogState) -> Self {
        Self::MariaDb(Arc::new(state))
    }
}

/// Whether the transactions of a source, `uuid` or `uuid:tag`, began on the server of this UUID.
fn began_on(uuid: Option<&str>, source: &str) -> bool {
    let of = source.split(':').next().unwrap_or_default();
    uuid.is_some_and(|uuid| of.eq_ignore_ascii_case(uuid))
}

/// As the server prints it, in order: `uuid:1-5:7,uuid:tag:1-3` or `0-1-17`; nothing when unknown.
impl fmt::Display for GtidState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts: Vec<_> = match self {
            Self::Unknown => Vec::new(),
            Self::MySql(set) => {
                set.0.iter().map(|(source, intervals)| printed(source, intervals)).collect()
            }
            Self::MariaDb(state) => {
                let last = state.last.iter();
                last.map(|(domain, (server, number))| format!("{domain}-{server}-{number}"))
                    .collect()
            }
        };
        f.write_str(&parts.join(","))
    }
}

fn printed(source: &str, intervals: &[(u64, u64)]) -> String {
    let interval = |(first, last): &(u64, u64)| match first == last {
        true => format!(":{first}"),
        false => format!(":{first}-{last}"),
    };
    source.to_owned() + &intervals.iter().map(interval).collect::<String>()
}

/// A MySQL GTID set: per source (`uuid` or `uuid:tag`) the closed intervals of transaction numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct GtidSet(BTreeMap<Box<str>, Vec<(u64, u64)>>);

/// Why a text is no state that can be judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GtidError {
    /// This part is no GTID set or position.
    Odd(Box<str>),
    /// It has more than [`GtidSet::INTERVALS_MAX`] intervals.
    Intervals,
    /// It has more than [`GtidState::ORIGINS_MAX`] origins.
    Origins,
}

impl fmt::Display for GtidError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Odd(part) => write!(f, "not a GTID set: {part:?}"),
            Self::Intervals => {
                write!(f, "a GTID set of more than {} intervals", GtidSet::INTERVALS_MAX)
            }
            Self::Origins => {
                write!(f, "GTIDs of more than {} origins", GtidState::ORIGINS_MAX)
            }
        }
    }
}

impl std::error::Error for GtidError {}

impl GtidSet {
    /// Reads the text form: `uuid:1-5:7, uuid:tag:1-3`, with white space and line ends anywhere
    /// between.
    ///
    /// # Errors
    /// [`GtidError`] with the part that is no GTID, or with the limit that it is beyond.
    pub fn parse(text: &str) -> Result<Self, GtidError> {
        let mut set: BTreeMap<Box<str>, Vec<(u64, u64)>> = BTreeMap::new();
        let mut all = 0;
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let fault = || GtidError::Odd(part.into());
            let mut fields = part.split(':').map(str::trim);
            let uuid = fields.next().filter(|uuid| is_uuid(uuid)).ok_or_else(fault)?;
            let uuid = uuid.to_ascii_lowercase();
            let mut source = uuid.clone();
            let mut intervals = 0;
            for field in fields {
                if field.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
                    source = format!("{uuid}:{}", field.to_ascii_lowercase());
                    continue;
                }
                let interval = parse_interval(field).ok_or_else(fault)?;
                set.entry(source.as_str().into()).or_default().push(interval);
                intervals += 1;
            }
            all += intervals;
            if all > Self::INTERVALS_MAX {
                return Err(GtidError::Intervals);
            }
            if set.len() > GtidState::ORIGINS_MAX {
                return Err(GtidError::Origins);
            }
            if intervals == 0 {
                return Err(fault());
            }
        }
        for intervals in set.values_mut() {
            normalise(intervals);
        }
        Ok(Self(set))
    }

    /// Whether every transaction of `other` is in `self`.
    pub fn contains(&self, other: &Self) -> bool {
        other.0.iter().all(|(source, theirs)| {
            let ours = self.0.get(source).map_or(&[][..], Vec::as_slice);
            beside(theirs, ours).all(|((first, last), ours)| {
                ours.is_some_and(|ours| ours.0 <= first && last <= ours.1)
            })
        })
    }

    /// How many intervals a set may have, of all sources together. All servers of a cluster are compared
    /// at each decision, and any server may show any set. A replica leaves a gap for each of its workers
    /// at most, of which it can have 1,024 (MySQL manual, `replica_parallel_workers`), and a group one for
    /// each block of its nine members.
    pub const INTERVALS_MAX: usize = 8 * 1024;
}

impl GtidState {
    /// About how many octets it holds.
    pub fn octets(&self) -> usize {
        /// What a map keeps of an entry beside its text and list: key, value and its share of a node.
        const ENTRY: usize = 64;
        match self {
            Self::Unknown => 0,
            Self::MySql(set) => set
                .0
                .iter()
                .map(|(source, intervals)| ENTRY + source.len() + size_of_val(&intervals[..]))
                .sum(),
            Self::MariaDb(state) => ENTRY * (state.last.len() + state.seen.len()),
        }
    }

    /// How many sources (MySQL: `uuid` or `uuid:tag`) or pairs of domain and server (MariaDB) a state may
    /// have: each is a stream that is watched. A server has one for each server that was ever the primary,
    /// and for each tag.
    pub const ORIGINS_MAX: usize = 1024;
}

impl GtidSet {
    /// Whether any transaction of `other` is in `self`.
    fn shares(&self, other: &Self) -> bool {
        other.0.iter().any(|(source, theirs)| {
            let ours = self.0.get(source).map_or(&[][..], Vec::as_slice);
            beside(theirs, ours).any(|((_, last), ours)| ours.is_some_and(|ours| ours.0 <= last))
        })
    }
}

/// Each of `theirs` with the first of `ours` that ends where it begins or later. Both are normalised, so
/// one walk along both is enough, whatever a server shows.
fn beside<'a>(
    theirs: &'a [(u64, u64)],
    mut ours: &'a [(u64, u64)],
) -> impl Iterator<Item = ((u64, u64), Option<(u64, u64)>)> + 'a {
    theirs.iter().map(move |&(first, last)| {
        while let [(_, end), rest @ ..] = ours
            && *end < first
        {
            ours = rest;
        }
        ((first, last), ours.first().copied())
    })
}

/// The first of `intervals`, normalised, that ends with `number` or later.
fn ending_from(intervals: &[(u64, u64)], number: u64) -> Option<(u64, u64)> {
    let at = intervals.partition_point(|&(_, last)| last < number);
    intervals.get(at).copied()
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

fn parse_interval(text: &str) -> Option<(u64, u64)> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (first, last) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
    (0 < first && first <= last).then_some((first, last))
}

/// Sorts, and joins intervals that touch, so that containment can look at one interval at a time.
fn normalise(intervals: &mut Vec<(u64, u64)>) {
    intervals.sort_unstable();
    intervals.dedup_by(|next, previous| {
        let touches = next.0 <= previous.1.saturating_add(1);
        if touches {
            previous.1 = previous.1.max(next.1);
        }
        touches
    });
}

#[cfg(test)]
mod tests;
