//! What a MariaDB server has: per domain and server (manual, "gtid_binlog_state").

use std::collections::BTreeMap;

use super::{GtidError, GtidState};

/// What a MariaDB server has: the last transaction of each domain, and the last it saw of each
/// server in it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct BinlogState {
    /// domain → (server, sequence number)
    pub(super) last: BTreeMap<u32, (u32, u64)>,
    /// (domain, server) → highest sequence number
    pub(super) seen: BTreeMap<(u32, u32), u64>,
}

impl BinlogState {
    /// Reads `gtid_binlog_pos` (or `gtid_current_pos`), `gtid_binlog_state` and `gtid_slave_pos`,
    /// each a list of `domain-server-sequence`.
    ///
    /// # Errors
    /// [`GtidError`] with the part that is no GTID, or with the limit that they are beyond.
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
        if seen.len() > GtidState::ORIGINS_MAX {
            return Err(GtidError::Origins);
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
    pub(super) fn shares(&self, other: &Self) -> bool {
        other.seen.keys().any(|origin| self.seen.contains_key(origin))
    }
}

impl BinlogState {
    pub(super) fn only(&self, origin: &dyn Fn((u32, u32)) -> bool) -> Self {
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
            gtid.filter(|_| fields.next().is_none()).ok_or_else(|| GtidError::Odd(part.into()))
        })
        .collect()
}
