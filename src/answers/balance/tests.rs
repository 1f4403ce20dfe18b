//! The four orders, by statistics from fixed seeds and by properties.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr},
};

use proptest::prelude::*;
use rand::{SeedableRng, rngs::StdRng};

use super::*;

/// One order as a list of its own.
fn drawn(
    shares: &[Share],
    balance: Balance,
    limit: usize,
    client: IpAddr,
    rng: &mut impl Rng,
) -> Vec<usize> {
    let mut drawn = vec![usize::MAX; 3];
    order(shares, balance, limit, client, rng, &mut drawn);
    drawn
}

const CLIENT: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7));

fn plain(count: usize) -> Vec<Share> {
    (0..count)
        .map(|index| Share {
            weight: 1,
            sessions: None,
            name_hash: name_hash(&format!("db{index}")),
        })
        .collect()
}

fn weights(weights: &[u32]) -> Vec<Share> {
    let mut shares = plain(weights.len());
    for (share, &weight) in shares.iter_mut().zip(weights) {
        share.weight = weight;
    }
    shares
}

fn sessions(sessions: &[Option<u32>]) -> Vec<Share> {
    let mut shares = plain(sessions.len());
    for (share, &sessions) in shares.iter_mut().zip(sessions) {
        share.sessions = sessions;
    }
    shares
}

/// How often each order comes up in `draws` answers from one seed.
fn census(shares: &[Share], balance: Balance, draws: usize) -> BTreeMap<Vec<usize>, usize> {
    let mut rng = StdRng::seed_from_u64(20_260_101);
    let mut census = BTreeMap::new();
    for _ in 0..draws {
        let order = drawn(shares, balance, usize::MAX, CLIENT, &mut rng);
        *census.entry(order).or_default() += 1;
    }
    census
}

#[test]
fn shuffle_gives_every_order_equally_often() {
    let census = census(&plain(4), Balance::Shuffle, 24_000);
    assert_eq!(census.len(), 24);
    // Chi-square with 23 degrees of freedom: over 49.7 happens once in a thousand fair shuffles.
    let chi_square: f64 = census
        .values()
        .map(|&count| (f64::from(u32::try_from(count).unwrap()) - 1000.0).powi(2) / 1000.0)
        .sum();
    assert!(chi_square < 49.7, "chi-square {chi_square}");
}

#[test]
fn weights_are_proportional_in_every_place() {
    let census = census(&weights(&[1, 0, 2, 3]), Balance::Weighted, 60_000);
    let share = |expected: f64, wanted: &dyn Fn(&[usize]) -> bool| {
        let hits: usize =
            census.iter().filter(|(order, _)| wanted(order)).map(|(_, count)| count).sum();
        let share = f64::from(u32::try_from(hits).unwrap()) / 60_000.0;
        assert!((share - expected).abs() < 0.01, "{share}, not {expected}");
    };
    share(1.0 / 6.0, &|order| order[0] == 0);
    share(2.0 / 6.0, &|order| order[0] == 2);
    share(3.0 / 6.0, &|order| order[0] == 3);
    share(1.0, &|order| order[3] == 1);
    // Once 3 is drawn, 0 and 2 are left with weights 1 and 2.
    share(3.0 / 6.0 * 2.0 / 3.0, &|order| order[..2] == [3, 2]);
}

#[test]
fn equal_weights_of_zero_are_a_plain_shuffle() {
    let census = census(&weights(&[0, 0]), Balance::Weighted, 10_000);
    let first = census[&vec![0, 1]];
    assert!((4_800..5_200).contains(&first), "{first}");
}

#[test]
fn the_largest_weights_do_not_overflow() {
    let census = census(&weights(&[u32::MAX; 3]), Balance::Weighted, 6_000);
    assert_eq!(census.len(), 6);
}

#[test]
fn least_connections_come_first_and_unknown_ones_last() {
    let shares = sessions(&[None, Some(7), Some(3), Some(u32::MAX), Some(3)]);
    let census = census(&shares, Balance::LeastConnections, 10_000);
    let [a, b] = [vec![2, 4, 1, 3, 0], vec![4, 2, 1, 3, 0]];
    assert_eq!(census.len(), 2, "{census:?}");
    assert!((4_800..5_200).contains(&census[&a]), "{census:?}");
    assert_eq!(census[&a] + census[&b], 10_000);
}

#[test]
fn client_hash_spreads_clients_evenly_and_keeps_them() {
    let shares = plain(5);
    let mut firsts = [0_u32; 5];
    for client in 0..10_000_u32 {
        let client = IpAddr::V4(Ipv4Addr::from(0x0a00_0000 + client));
        let firsts_of = |seed| {
            let mut rng = StdRng::seed_from_u64(seed);
            drawn(&shares, Balance::ClientHash, usize::MAX, client, &mut rng)
        };
        assert_eq!(firsts_of(1), firsts_of(2));
        firsts[firsts_of(1)[0]] += 1;
    }
    assert!(firsts.iter().all(|first| (1_850..2_150).contains(first)), "{firsts:?}");
}

#[test]
fn an_ipv4_client_is_the_same_behind_an_ipv6_socket() {
    let mapped = IpAddr::V6(Ipv4Addr::new(192, 0, 2, 7).to_ipv6_mapped());
    let order_of = |client| {
        let mut rng = StdRng::seed_from_u64(1);
        drawn(&plain(9), Balance::ClientHash, 9, client, &mut rng)
    };
    assert_eq!(order_of(CLIENT), order_of(mapped));
}

/// The values that FNV's authors publish, and an order, worked out by another implementation, that
/// no later version may change.
#[test]
fn the_hash_is_the_documented_one() {
    assert_eq!(fnv1a(FNV_OFFSET, b""), 0xcbf2_9ce4_8422_2325);
    assert_eq!(fnv1a(FNV_OFFSET, b"a"), 0xaf63_dc4c_8601_ec8c);
    assert_eq!(fnv1a(FNV_OFFSET, b"foobar"), 0x8594_4171_f739_67e8);
    let mut rng = StdRng::seed_from_u64(1);
    let order = drawn(&plain(5), Balance::ClientHash, 5, CLIENT, &mut rng);
    assert_eq!(order, [3, 2, 0, 1, 4]);
}

fn any_shares() -> impl Strategy<Value = Vec<Share>> {
    let share = (0_u32..5, proptest::option::of(0_u32..4));
    proptest::collection::vec(share, 0..12).prop_map(|list| {
        let mut shares = plain(list.len());
        for (share, (weight, sessions)) in shares.iter_mut().zip(list) {
            share.weight = weight;
            share.sessions = sessions;
        }
        shares
    })
}

fn any_balance() -> impl Strategy<Value = Balance> {
    prop_oneof![
        Just(Balance::Shuffle),
        Just(Balance::Weighted),
        Just(Balance::LeastConnections),
        Just(Balance::ClientHash),
    ]
}

proptest! {
    #[test]
    fn an_order_names_each_server_once_and_no_more_than_asked(
        shares in any_shares(),
        balance in any_balance(),
        limit in 0_usize..14,
        seed in any::<u64>(),
        client in any::<IpAddr>(),
    ) {
        let mut rng = StdRng::seed_from_u64(seed);
        let mut drawn = drawn(&shares, balance, limit, client, &mut rng);
        prop_assert_eq!(drawn.len(), shares.len().min(limit));
        drawn.sort_unstable();
        drawn.dedup();
        prop_assert_eq!(drawn.len(), shares.len().min(limit));
        prop_assert!(drawn.iter().all(|&index| index < shares.len()));
    }

    #[test]
    fn a_server_that_leaves_takes_only_its_own_clients(
        count in 2_usize..20,
        gone in any::<proptest::sample::Index>(),
        client in any::<IpAddr>(),
    ) {
        let mut rng = StdRng::seed_from_u64(1);
        let all = plain(count);
        let gone = gone.index(count);
        let mut left = all.clone();
        left.remove(gone);
        let before: Vec<u64> = drawn(&all, Balance::ClientHash, count, client, &mut rng)
            .into_iter()
            .filter(|&index| index != gone)
            .map(|index| all[index].name_hash)
            .collect();
        let after: Vec<u64> = drawn(&left, Balance::ClientHash, count, client, &mut rng)
            .into_iter()
            .map(|index| left[index].name_hash)
            .collect();
        prop_assert_eq!(before, after);
    }
}
