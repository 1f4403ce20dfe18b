//! Global transaction identifiers: which of two servers has what the other has not.
//!
//! MySQL keeps a set of intervals per source (manual, "GTID Sets"); MariaDB keeps the last sequence
//! number per domain and server (manual, "gtid_binlog_state"). In MariaDB two forks may reach the
//! same sequence number by different servers, so sequence numbers alone say nothing.

mod reach;

use std::{collections::BTreeMap, fmt};

/// All transactions a server has, as far as it tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum GtidState {
    /// GTIDs are off, the binary log is off, or the probe's user may not see them.
    #[default]
    Unknown,
    /// `gtid_executed`.
    MySql(GtidSet),
    /// `gtid_binlog_pos`, `gtid_binlog_state` and `gtid_slave_pos` together.
    MariaDb(BinlogState),
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
            return GtidSet::parse(set).map(Self::MySql);
        }
        let parts = text.strip_prefix(MARIADB).and_then(|parts| parts.split_once(';'));
        let fault = || GtidError(text.chars().take(SHOWN_CHARS).collect());
        let (last, seen) = parts.ok_or_else(fault)?;
        BinlogState::parse(last, seen, "").map(Self::MariaDb)
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
        let is_it = |source: &str| {
            let of = source.split(':').next().unwrap_or_default();
            uuid.is_some_and(|uuid| of.eq_ignore_ascii_case(uuid))
        };
        self.only(&|source| !is_it(source), &|(_, server)| server != server_id)
    }

    /// The same without the transactions of an origin that `other` has nothing of; all of it when
    /// nothing is known of `other`.
    pub(super) fn known_to(&self, other: &Self) -> Self {
        match other {
            Self::Unknown => self.clone(),
            Self::MySql(GtidSet(known)) => self.only(&|it| known.contains_key(it), &|_| false),
            Self::MariaDb(state) => self.only(&|_| false, &|it| state.seen.contains_key(&it)),
        }
    }

    fn only(&self, source: &dyn Fn(&str) -> bool, origin: &dyn Fn((u32, u32)) -> bool) -> Self {
        match self {
            Self::Unknown => Self::Unknown,
            Self::MySql(GtidSet(sources)) => {
                let kept = sources.iter().filter(|(name, _)| source(name));
                Self::MySql(GtidSet(kept.map(|(it, all)| (it.clone(), all.clone())).collect()))
            }
            Self::MariaDb(state) => Self::MariaDb(state.only(origin)),
        }
    }

    /// Whether every transaction has its number from this one server, by its `server_id` (MariaDB) or
    /// its `server_uuid` (MySQL).
    pub fn is_written_by(&self, server_id: u32, uuid: Option<&str>) -> bool {
        match self {
            Self::Unknown => false,
            Self::MySql(GtidSet(sources)) => sources.keys().all(|source| {
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
            Self::MySql(GtidSet(sources)) => sources.is_empty(),
            Self::MariaDb(state) => state.seen.is_empty(),
        }
    }
}

/// As the server prints it, in order: `uuid:1-5:7,uuid:tag:1-3` or `0-1-17`; nothing when unknown.
impl fmt::Display for GtidState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts: Vec<_> = match self {
            Self::Unknown => Vec::new(),
            Self::MySql(GtidSet(sources)) => {
                sources.iter().map(|(source, intervals)| printed(source, intervals)).collect()
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
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GtidSet(BTreeMap<Box<str>, Vec<(u64, u64)>>);

/// The text is no GTID set or position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GtidError(Box<str>);

impl fmt::Display for GtidError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not a GTID set: {:?}", self.0)
    }
}

impl std::error::Error for GtidError {}

impl GtidSet {
    /// Reads the text form: `uuid:1-5:7, uuid:tag:1-3`, with white space and line ends anywhere
    /// between.
    ///
    /// # Errors
    /// [`GtidError`] with the part that is no GTID.
    pub fn parse(text: &str) -> Result<Self, GtidError> {
        let mut set: BTreeMap<Box<str>, Vec<(u64, u64)>> = BTreeMap::new();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let fault = || GtidError(part.into());
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
            let is_in_one = |&(first, last): &(u64, u64)| {
                ending_from(ours, first).is_some_and(|ours| ours.0 <= first && last <= ours.1)
            };
            theirs.iter().all(is_in_one)
        })
    }
}

impl GtidSet {
    /// Whether any transaction of `other` is in `self`.
    fn shares(&self, other: &Self) -> bool {
        other.0.iter().any(|(source, theirs)| {
            let ours = self.0.get(source).map_or(&[][..], Vec::as_slice);
            let overlaps = |&(first, last): &(u64, u64)| {
                ending_from(ours, first).is_some_and(|ours| ours.0 <= last)
            };
            theirs.iter().any(overlaps)
        })
    }
}

/// The first of `intervals`, normalised, that ends with `number` or later. It is searched for: a server
/// may show a set of a hundred thousand intervals, and all servers are compared at each decision.
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

/// What a MariaDB server has: the last transaction of each domain, and the last it saw of each
/// server in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BinlogState {
    /// domain → (server, sequence number)
    last: BTreeMap<u32, (u32, u64)>,
    /// (domain, server) → highest sequence number
    seen: BTreeMap<(u32, u32), u64>,
}

impl BinlogState {
    /// Reads `gtid_binlog_pos` (or `gtid_current_pos`), `gtid_binlog_state` and `gtid_slave_pos`,
    /// each a list of `domain-server-sequence`.
    ///
    /// # Errors
    /// [`GtidError`] with the part that is no GTID.
    pub fn parse(position: &str, state: &str, slave_position: &str) -> Result<Self, GtidError> {
        let position = parse_mariadb_list(position)?;
        let state = parse_mariadb_list(state)?;
        let slave_position = parse_mariadb_list(slave_position)?;
        let mut seen: BTreeMap<(u32, u32), u64> = BTreeMap::new();
        let mut last: BTreeMap<u32, (u32, u64)> = BTreeMap::new();
        for &(domain, server, sequence) in state.iter().chain(&position).chain(&slave_position) {
            let highest = seen.entry((domain, server)).or_default();
            *highest = sequence.max(*highest);
        }
        for &(domain, server, sequence) in position.iter().chain(&slave_position) {
            let entry = last.entry(domain).or_insert((server, sequence));
            if sequence > entry.1 {
                *entry = (server, sequence);
            }
        }
        Ok(Self { last, seen })
    }

    /// Whether every domain's last transaction of `other` is known to `self`.
    pub fn contains(&self, other: &Self) -> bool {
        other.last.iter().all(|(&domain, &(server, sequence))| {
            self.seen.get(&(domain, server)).is_some_and(|&highest| highest >= sequence)
        })
    }
}

impl BinlogState {
    /// Whether both have seen a transaction of one server in one domain. Sequence numbers of one
    /// server rise, so the lower of the two is in both.
    fn shares(&self, other: &Self) -> bool {
        other.seen.keys().any(|origin| self.seen.contains_key(origin))
    }
}

impl BinlogState {
    fn only(&self, origin: &dyn Fn((u32, u32)) -> bool) -> Self {
        let kept = self.seen.iter().filter(|(it, _)| origin(**it));
        let seen: BTreeMap<_, _> = kept.map(|(it, number)| (*it, *number)).collect();
        let mut last: BTreeMap<u32, (u32, u64)> = BTreeMap::new();
        for (&(domain, server), &number) in &seen {
            let entry = last.entry(domain).or_insert((server, number));
            if number > entry.1 {
                *entry = (server, number);
            }
        }
        Self { last, seen }
    }
}

fn parse_mariadb_list(text: &str) -> Result<Vec<(u32, u32, u64)>, GtidError> {
    text.split(',')
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .map(|part| {
            let mut fields = part.split('-');
            let gtid = (|| {
                Some((
                    fields.next()?.parse().ok()?,
                    fields.next()?.parse().ok()?,
                    fields.next()?.parse().ok()?,
                ))
            })();
            gtid.filter(|_| fields.next().is_none()).ok_or_else(|| GtidError(part.into()))
        })
        .collect()
}

#[cfg(test)]
mod tests;
