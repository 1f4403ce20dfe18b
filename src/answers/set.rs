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
    shares: Vec<Share>,
    /// Which of the addresses are each server's: as many as `shares`, none empty.
    members: Vec<Range<usize>>,
    addresses: Vec<IpAddr>,
    /// All records in wire form, in the order of `addresses`.
    wire: Vec<u8>,
    ttl: u32,
    balance: Balance,
    max_answers: usize,
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
        let mut set = Self {
            shares: Vec::new(),
            members: Vec::new(),
            addresses: Vec::new(),
            wire: Vec::new(),
            ttl,
            balance,
            max_answers: max_answers.unwrap_or(usize::MAX),
            record_octets: 0,
            least_octets: 0,
        };
        for (share, addresses) in servers {
            if addresses.is_empty() {
                continue;
            }
            let start = set.addresses.len();
            set.shares.push(share);
            set.members.push(start..start + addresses.len());
            for address in addresses {
                render(address, ttl, &mut set.wire);
                set.addresses.push(address);
            }
        }
        set.record_octets = set.wire.len() / set.addresses.len().max(1);
        let least = match set.max_answers < set.shares.len() {
            // A server has one at least.
            true => set.max_answers,
            false => set.addresses.len(),
        };
        set.least_octets = least * set.record_octets;
        set
    }

    /// Whether there is no record to answer with.
    pub fn is_empty(&self) -> bool {
        self.addresses.is_empty()
    }

    /// Every address, server by server in config order.
    pub fn addresses(&self) -> &[IpAddr] {
        &self.addresses
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
        members.flat_map(|member| &self.addresses[member]).copied().collect()
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
            return self.addresses.len().try_into().ok();
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
            let mut addresses = set.addresses.clone();
            addresses.sort_unstable();
            addresses
        };
        self.addresses == other.addresses || sorted(self) == sorted(other)
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

/// Octets of an A record whose owner is a pointer.
const A_OCTETS: usize = 16;

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
