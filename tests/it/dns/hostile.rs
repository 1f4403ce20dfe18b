//! Packets that are wrong in some way, the same for the same seed.

use rand::{Rng, RngExt, rngs::StdRng};

/// Makes packets out of good queries by damage.
pub(crate) struct Hostile {
    rng: StdRng,
    seeds: Vec<Vec<u8>>,
}

impl Hostile {
    /// Damages `seeds`, of which each has at least a header.
    pub(crate) fn new(rng: StdRng, seeds: Vec<Vec<u8>>) -> Self {
        Self { rng, seeds }
    }

    /// The next packet, of at most 4,096 octets.
    pub(crate) fn packet(&mut self) -> Vec<u8> {
        let rng = &mut self.rng;
        let mut octets = self.seeds[rng.random_range(0..self.seeds.len())].clone();
        for _ in 0..rng.random_range(1..3) {
            damage(&mut octets, rng);
        }
        octets.truncate(4096);
        octets
    }
}

fn damage(octets: &mut Vec<u8>, rng: &mut StdRng) {
    match rng.random_range(0..9) {
        0 => {
            let length = rng.random_range(0..600);
            octets.resize(length, 0);
            rng.fill_bytes(octets);
        }
        1 => octets.truncate(rng.random_range(0..=octets.len())),
        // Bit flips, mostly beyond the ID.
        2 => {
            for _ in 0..rng.random_range(1..12) {
                if let Some(octet) = pick(octets, 0, rng) {
                    *octet ^= 1 << rng.random_range(0..8);
                }
            }
        }
        3 => {
            for _ in 0..rng.random_range(1..8) {
                if let Some(octet) = pick(octets, 2, rng) {
                    *octet = rng.random();
                }
            }
        }
        // Absurd counts.
        4 => {
            if octets.len() >= 12 {
                rng.fill_bytes(&mut octets[4..12]);
            }
        }
        5 => {
            if let Some(octet) = octets.get_mut(rng.random_range(4..12)) {
                *octet = rng.random();
            }
        }
        // A pointer to itself, ahead, into the header or round in a circle.
        6 => {
            let place = rng.random_range(12..=octets.len().max(12));
            let target = u16::try_from(rng.random_range(0..=place + 4)).expect("a short packet");
            octets.resize(octets.len().max(place + 2), 0);
            octets[place..place + 2].copy_from_slice(&(0xc000 | target).to_be_bytes());
        }
        // A chain of pointers, each to the one before.
        7 => {
            for _ in 0..rng.random_range(1..200) {
                let target = u16::try_from(octets.len().saturating_sub(2)).expect("a short packet");
                octets.extend((0xc000 | target).to_be_bytes());
            }
        }
        // A part twice.
        _ => {
            let start = rng.random_range(0..=octets.len());
            let end = rng.random_range(start..=octets.len());
            let part = octets[start..end].to_vec();
            octets.splice(start..start, part).for_each(drop);
        }
    }
}

/// An octet from `first` on.
fn pick<'o>(octets: &'o mut [u8], first: usize, rng: &mut StdRng) -> Option<&'o mut u8> {
    let last = octets.len().max(first + 1);
    octets.get_mut(rng.random_range(first..last))
}
