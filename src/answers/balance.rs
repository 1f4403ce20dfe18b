//! In which order a read name's servers are named.
//!
//! Pure: randomness and the client's address are arguments. Every rule yields a permutation of the
//! servers, cut to `max_answers`.
//!
//! `client-hash` is rendezvous hashing: each server scores each client, the highest score comes
//! first. A server that leaves takes only its own clients with it, and one that joins takes an
//! equal share from each of the others. The score is FNV-1a (64 bit) over the server's name, a zero
//! octet and the client's address octets, passed through the finaliser of SplitMix64, because
//! FNV-1a alone mixes its last octets weakly. It is the same on every machine and in every version.

use std::{cmp::Reverse, net::IpAddr};

use rand::{Rng, RngExt};

use super::Balance;

/// What the order of a server depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// Its share under [`Balance::Weighted`]; 0 keeps it for last.
    pub weight: u32,
    /// Its client sessions under [`Balance::LeastConnections`]; `None` when unknown.
    pub sessions: Option<u32>,
    /// [`name_hash`] of its name, for [`Balance::ClientHash`].
    pub name_hash: u64,
}

/// Puts the indices into `shares` into `drawn` in the order of one answer to `client`, at most
/// `limit` of them. What `drawn` held before is dropped. Nothing is allocated when it is large
/// enough: sorts of up to some hundred servers work in place.
pub fn order(
    shares: &[Share],
    balance: Balance,
    limit: usize,
    client: IpAddr,
    rng: &mut impl Rng,
    drawn: &mut Vec<usize>,
) {
    drawn.clear();
    drawn.extend(0..shares.len());
    if shares.len() > 1 {
        match balance {
            Balance::Shuffle => shuffle(drawn, rng),
            Balance::Weighted => draw_weighted(drawn, shares, limit, rng),
            Balance::LeastConnections => {
                shuffle(drawn, rng);
                drawn.sort_by_key(|&index| {
                    let sessions = shares[index].sessions;
                    (sessions.is_none(), sessions)
                });
            }
            Balance::ClientHash => {
                let client = client.to_canonical();
                drawn.sort_by_key(|&index| Reverse(score(shares[index].name_hash, client)));
            }
        }
    }
    drawn.truncate(limit);
}

/// The part of a server's score that is the same for all clients.
pub fn name_hash(server: &str) -> u64 {
    fnv1a(fnv1a(FNV_OFFSET, server.as_bytes()), &[0])
}

/// Puts `order` into a uniform order (Fisher and Yates), by one multiplication for each place. The
/// share of an order is off by less than a millionth of itself, for there is no second draw for the
/// few numbers that do not divide evenly.
fn shuffle(order: &mut [usize], rng: &mut impl Rng) {
    for last in (1..order.len()).rev() {
        let places = last as u64 + 1;
        let drawn = (u64::from(rng.next_u32()) * places) >> 32;
        order.swap(last, usize::try_from(drawn).expect("at most `last`"));
    }
}

/// Draws servers one after the other, each in proportion to its weight among those that are left.
/// Servers of weight 0 follow in a uniform order.
fn draw_weighted(order: &mut [usize], shares: &[Share], limit: usize, rng: &mut impl Rng) {
    shuffle(order, rng);
    let mut total: u64 = shares.iter().map(|share| u64::from(share.weight)).sum();
    for place in 0..order.len().min(limit) {
        if total == 0 {
            return;
        }
        let mut ticket = rng.random_range(0..total);
        let drawn = (place..order.len())
            .find(|&candidate| {
                let weight = u64::from(shares[order[candidate]].weight);
                let hit = ticket < weight;
                ticket = ticket.saturating_sub(weight);
                hit
            })
            .expect("the ticket is below the sum of the weights that are left");
        total -= u64::from(shares[order[drawn]].weight);
        order.swap(place, drawn);
    }
}

/// How much a server wants a client.
fn score(name_hash: u64, client: IpAddr) -> u64 {
    let hash = match client {
        IpAddr::V4(address) => fnv1a(name_hash, &address.octets()),
        IpAddr::V6(address) => fnv1a(name_hash, &address.octets()),
    };
    finalise(hash)
}

/// FNV-1a, continued from `hash`.
fn fnv1a(hash: u64, octets: &[u8]) -> u64 {
    octets.iter().fold(hash, |hash, &octet| (hash ^ u64::from(octet)).wrapping_mul(FNV_PRIME))
}

/// The finaliser of SplitMix64: every input bit changes every output bit about half the time.
fn finalise(mut hash: u64) -> u64 {
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}

/// The published start value and factor of the 64-bit FNV-1a.
const FNV_OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
const FNV_PRIME: u64 = 0x0000_0100_0000_01b3;

#[cfg(test)]
mod tests;
