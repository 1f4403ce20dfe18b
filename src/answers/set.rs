//! The addresses that a served name has in one family, by server, ready to be drawn from.
//!
//! Records are rendered when the set is made, each with its owner as a pointer to the question's
//! name (RFC 1035 section 4.1.4), so that an answer is a few copies of octets.

use std::{net::IpAddr, ops::Range};

use rand::Rng;

use super::{
    Balance,
    balance::{Share, order},
};

/// The records of one address family of a served name, by server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServedSet {
    shares: Box<[Share]>,
    /// Which of the records are each server's: as many as `shares`, none empty.
    members: Box<[Range<usize>]>,
    /// All records in wire form, server by server in config order.
    wire: Box<[u8]>,
    ttl: u32,
    balance: Balance,
    max_answers: usize,
    /// How many records there are.
    records: usize,
    /// Octets of each record in wire form.
    record_octets: usize,
    /// Octets that the records of any answer have at least.
    least_octets: usize,
}

impl ServedSet {
    /// A set from servers with their addresses, all of one family; servers without one are left
    /// out.
    pub(super) fn new(
        servers: impl IntoIterator<Item = (Share, Vec<IpAddr>)>,
        ttl: u32,
        balance: Balance,
        max_answers: Option<usize>,
    ) -> Self {
        let servers = servers.into_iter();
        let (mut shares, mut members) = (Vec::new(), Vec::new());
        let (mut records, mut wire) = (0, Vec::new());
        for (share, addresses) in servers.filter(|(_, addresses)| !addresses.is_empty()) {
            shares.push(share);
            members.push(records..records + addresses.len());
            records += addresses.len();
            addresses.into_iter().for_each(|address| render(address, ttl, &mut wire));
        }
        let record_octets = wire.len() / records.max(1);
        let max_answers = max_answers.unwrap_or(usize::MAX);
        let least = match max_answers < shares.len() {
            // A server has one at least.
            true => max_answers,
            false => records,
        };
        Self {
            shares: shares.into(),
            members: members.into(),
            wire: wire.into(),
            ttl,
            balance,
            max_answers,
            records,
            record_octets,
            least_octets: least * record_octets,
        }
    }

    /// Whether there is no record to answer with.
    pub fn is_empty(&self) -> bool {
        self.records == 0
    }

    /// Every address, server by server in config order.
    pub fn addresses(&self) -> impl Iterator<Item = IpAddr> {
        self.addresses_of(0..self.records)
    }

    /// The addresses of these records.
    fn addresses_of(&self, records: Range<usize>) -> impl Iterator<Item = IpAddr> {
        records.map(|record| {
            let data =
                &self.wire[record * self.record_octets..][..self.record_octets][HEAD_OCTETS..];
            let v4 = || <[u8; 4]>::try_from(data).map(IpAddr::from).ok();
            let v6 = || <[u8; 16]>::try_from(data).map(IpAddr::from).ok();
            v4().or_else(v6).expect("all were rendered from addresses")
        })
    }

    /// TTL of every record, in seconds.
    pub fn ttl(&self) -> u32 {
        self.ttl
    }

    /// Octets that the records of any answer have at least, where their owner is a pointer.
    pub fn least_octets(&self) -> usize {
        self.least_octets
    }

    /// The addresses of one answer to `client`, in its order.
    pub fn draw(&self, client: IpAddr, rng: &mut impl Rng) -> Vec<IpAddr> {
        let mut drawn = Vec::new();
        self.draw_servers(client, rng, &mut drawn);
        let members = drawn.into_iter().map(|index| self.members[index].clone());
        members.flat_map(|records| self.addresses_of(records)).collect()
    }

    /// Draws the servers of one answer to `client` into `drawn`, whose former content is dropped.
    fn draw_servers(&self, client: IpAddr, rng: &mut impl Rng, drawn: &mut Vec<usize>) {
        order(&self.shares, self.balance, self.max_answers, client, rng, drawn);
    }

    /// Appends the records of one answer to `client` to `out`, with the question's name as their
    /// owner, and returns how many they are; `None`, and nothing is appended, when they need more
    /// than `room` octets. `drawn` is working space: nothing is allocated when it is large enough.
    pub fn append_answer(
        &self,
        client: IpAddr,
        rng: &mut impl Rng,
        drawn: &mut Vec<usize>,
        room: usize,
        out: &mut Vec<u8>,
    ) -> Option<u16> {
        if let [_] = self.shares[..] {
            out.extend_from_slice(within(room, &self.wire)?);
            return self.records.try_into().ok();
        }
        // What cannot fit is not drawn: whoever asks for it may ask often.
        if self.least_octets > room {
            return None;
        }
        self.draw_servers(client, rng, drawn);
        let (v4_records, rest) = self.wire.as_chunks::<A_OCTETS>();
        if v4_records.len() == self.shares.len() && rest.is_empty() {
            // One IPv4 address each: the most common set is worth a loop of its own. All answers
            // have as many of them, so that there is room.
            for &server in &*drawn {
                out.extend_from_slice(&v4_records[server]);
            }
            return drawn.len().try_into().ok();
        }
        let count = drawn.iter().map(|&server| self.members[server].len()).sum::<usize>();
        let octets = self.record_octets;
        if count * octets > room {
            return None;
        }
        for &server in &*drawn {
            let Range { start, end } = self.members[server];
            out.extend_from_slice(&self.wire[start * octets..end * octets]);
        }
        count.try_into().ok()
    }

    /// Whether both sets hold the same addresses, in whatever order and with whatever TTL.
    pub(super) fn equals_records(&self, other: &Self) -> bool {
        let sorted = |set: &Self| {
            let mut addresses: Vec<_> = set.addresses().collect();
            addresses.sort_unstable();
            addresses
        };
        self.addresses().eq(other.addresses()) || sorted(self) == sorted(other)
    }
}

/// Appends an A or AAAA record in class IN (RFC 1035 section 3.4.1, RFC 3596 section 2.2) that
/// belongs to the question's name, which begins right after the header.
fn render(address: IpAddr, ttl: u32, wire: &mut Vec<u8>) {
    wire.extend_from_slice(&[0xc0, 12]);
    match address {
        IpAddr::V4(address) => {
            wire.extend_from_slice(&[0, 1, 0, 1]);
            wire.extend_from_slice(&ttl.to_be_bytes());
            wire.extend_from_slice(&[0, 4]);
            wire.extend_from_slice(&address.octets());
        }
        IpAddr::V6(address) => {
            wire.extend_from_slice(&[0, 28, 0, 1]);
            wire.extend_from_slice(&ttl.to_be_bytes());
            wire.extend_from_slice(&[0, 16]);
            wire.extend_from_slice(&address.octets());
        }
    }
}

/// `octets`, if there is so much room.
fn within(room: usize, octets: &[u8]) -> Option<&[u8]> {
    (octets.len() <= room).then_some(octets)
}

/// Octets of a record before its data: the owner as a pointer, type, class, TTL and length.
const HEAD_OCTETS: usize = 12;

/// Octets of an A record.
const A_OCTETS: usize = HEAD_OCTETS + 4;

#[cfg(test)]
mod tests {
    use rand::{SeedableRng, rngs::SmallRng};

    use super::*;

    /// Nothing is drawn for an answer that is cut off, whatever the rule of the order costs.
    #[test]
    fn what_does_not_fit_is_not_drawn() {
        let share = Share { weight: 1, sessions: None, name_hash: 0 };
        let v4 = |number: u8| vec![IpAddr::from([192, 0, 2, number])];
        let two = |number: u8| vec![IpAddr::from([192, 0, 2, number]); 2];
        let v6 = |number: u8| vec![IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, number.into()])];
        let addresses: [(&dyn Fn(u8) -> Vec<IpAddr>, _, _); 4] =
            [(&v4, None, 1_600), (&v4, Some(10), 160), (&two, Some(10), 160), (&v6, None, 2_800)];
        for (addresses, max_answers, least) in addresses {
            let servers = (0..100).map(|number| (share, addresses(number)));
            let set = ServedSet::new(servers, 1, Balance::Weighted, max_answers);
            assert_eq!(set.least_octets(), least);
            let client = IpAddr::from([127, 0, 0, 1]);
            let (mut rng, mut drawn, mut out) = (SmallRng::seed_from_u64(1), vec![99], Vec::new());
            let count = set.append_answer(client, &mut rng, &mut drawn, least - 1, &mut out);
            assert_eq!((count, &drawn[..], &out[..]), (None, &[99][..], &[][..]));
            let room = least * 2;
            let count = set.append_answer(client, &mut rng, &mut drawn, room, &mut out);
            assert!(count.is_some() && (least..=room).contains(&out.len()));
        }
    }
}
